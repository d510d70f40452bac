"""Every way a motion file can be bad is one sentence with file and place and exit code 2, through the real command."""

import gzip
import io
import subprocess
import sys

import numpy as np
import pytest

from rove_teleop.cli import main
from rove_teleop.errors import MotionFileInvalid
from rove_teleop.tracking.motion_file import load_motion

from . import recordings as make

INVALID_INPUT = 2
NAN_ROW = [[0.0] * 27, [0.0] * 25 + [np.nan, 0.0]]


def manus_data(frames=4):
    """The valid array, to be spoiled."""
    with np.load(io.BytesIO(make.manus(frames=frames))) as archive:
        return archive["data"].copy()


def spoiled(array, *frames):
    array[list(frames)] = np.nan
    return array


def mediapipe_points():
    return np.load(io.BytesIO(make.mediapipe()))


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def retarget(path, capsys):
    """Exit code and what was said on stderr."""
    capsys.readouterr()
    code = main(["retarget", str(path), "--robot", "iron_r01", "--out", str(path.with_suffix(".out.npz"))])
    return code, capsys.readouterr().err


BAD = {
    # truncated
    "cut.bvh": (make.bvh()[:-300], "truncated?"),
    "head.bvh": (make.bvh().partition("MOTION")[0], "ends before MOTION"),
    "cut.bvh.gz": (gzip.compress(make.bvh().encode())[:-20], "gzip data is truncated"),
    "cut.npz": (make.manus()[:2000], "truncated or damaged"),
    "cut.npy": (make.mediapipe()[:-50], "truncated or damaged"),
    "cut.json": (make.leap()[:500], ":1: is not valid JSON"),
    "cut_session.json": (make.webvr()[:-40], ":1: is not valid JSON"),
    "cut.tsv": (make.qualisys(edit=lambda t: t.pop()), ":8: ends after 4 of 5 frames (truncated?)"),
    "empty.bvh": ("", "is empty"),
    # wrong counts
    "wide.bvh": (make.bvh(rows=[[0.0] * 28]), ":57: 28 values where the joints have 27 channels"),
    "narrow.bvh": (make.bvh(rows=[[0.0] * 27, [0.0] * 26, [0.0] * 27]), "26 values where the joints have 27 channels"),
    "count.bvh": (make.bvh(channels="4 Zrotation Xrotation Yrotation"), "channels but names"),
    "shape.npz": (make.manus(data=np.zeros((4, 24, 7))), "must be numbers of shape (frames, 25, 7)"),
    "keys.npz": (make.manus(timestamps=None), "array 'timestamps' is missing"),
    "shape.npy": (make.mediapipe(np.zeros((2, 20, 3))), "must be numbers of shape (frames, 21, 3)"),
    "columns.tsv": (make.qualisys(edit=lambda t: t[2].pop()), ":7: 46 columns where 15 markers need 47"),
    "keys.json": (make.leap(edit=lambda f: f[1].pop("hands")), "frame 1: 'hands' is missing"),
    # no frames
    "zero.bvh": (make.bvh(rows=[]), "holds 0 frames"),
    "zero.npz": (make.manus(frames=0), "holds no frames"),
    "zero.npy": (make.mediapipe(np.zeros((0, 21, 3))), "holds no frames"),
    "zero.json": ('{"frames": []}', "holds no frames"),
    "zero_session.json": (make.webvr(edit=lambda s: s["left"].update(poses=[])), "'left' holds no poses"),
    "zero.tsv": (make.qualisys(rows=0), "holds no frames"),
    # not a number
    "lost_arm.tsv": (
        make.qualisys(edit=lambda t: [row.__setitem__(slice(2, 47), ["nan"] * 45) for row in t]),
        "in none of its frames",
    ),
    "nan.bvh": (make.bvh(rows=NAN_ROW), ":58: joint 'RightHand' Xrotation is nan"),
    "nan.npz": (
        make.manus(data=np.full((4, 25, 7), np.nan)),
        "frame 0, data (0, 0) is not finite, and no other frame is",
    ),
    "nan.npy": (make.mediapipe(np.full((2, 21, 3), np.nan)), "frame 0, landmarks (0, 0) is not finite, and no other"),
    "nan.json": (
        make.leap(edit=lambda f: f[1]["hands"][0].update(palmPosition=[1, float("nan"), 2])),
        "frame 1: 'palmPosition' is missing, of the wrong length or not finite",
    ),
    "nan_session.json": (
        make.webvr(edit=lambda s: s["right"]["poses"][3]["position"].update(x=float("nan"))),
        "right pose 3: position.x is missing or not a finite number",
    ),
    "lost.tsv": (
        make.qualisys(edit=lambda t: [row.__setitem__(slice(2, 5), ["nan"] * 3) for row in t]),
        "in none of its frames are all the right hand's markers hand_top, hand_left, hand_right seen",
    ),
    # an unknown skeleton: what was looked for and what was found
    "creature.bvh": (make.bvh(left="Fin1", right="Fin2"), "looked for a side with wrist, hand, palm"),
    "creature_found.bvh": (make.bvh(left="Fin1", right="Fin2"), "joints: Hips, Head, LeftArm, LeftForeArm, Fin1"),
    "names.tsv": (make.qualisys(markers=["a", "b", "c"]), "no hand among its markers a, b, c (looked for hand_top/"),
    "names.json": (make.webvr(edit=lambda s: (s.pop("left"), s.pop("right"))), "none of camera is named left or right"),
    "other.json": ("[1, 2]", "neither Leap frames nor a WebVR"),
    "side.npz": (make.manus(chirality=np.array("MIDDLE")), "neither Left nor Right"),
    "words.txt": ("hello\n", ":1: is none of the known formats: "),
    # units that make no hand
    "unit.npy": (make.mediapipe(np.ones((2, 21, 3)) * np.arange(21)[None, :, None]), "no hand in metres"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_sentence_and_exit_code_2(tmp_path, capsys, name):
    content, expected = BAD[name]
    path = write(tmp_path, name, content)
    code, said = retarget(path, capsys)
    assert code == INVALID_INPUT
    assert said.startswith(f"rove: {path}") and said.count("\n") == 1 and expected in said
    assert not path.with_suffix(".out.npz").exists()


def test_the_same_in_a_process_of_its_own(tmp_path):
    path = write(tmp_path, "cut.bvh", make.bvh()[:-300])
    command = [sys.executable, "-m", "rove_teleop.cli", "retarget", str(path), "--robot", "iron_r01", "--out", "x.npz"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert done.returncode == INVALID_INPUT and "Traceback" not in done.stderr and done.stderr.count("\n") == 1


def test_a_bvh_cut_after_any_line_is_refused(tmp_path):
    lines = make.bvh().splitlines(keepends=True)
    for k in range(1, len(lines)):
        path = write(tmp_path, "cut.bvh", "".join(lines[:k]))
        with pytest.raises(MotionFileInvalid, match="cut.bvh"):
            load_motion(path)


def test_a_bvh_cut_at_any_byte_is_refused_or_lacks_only_digits_of_its_last_number(tmp_path):
    text = make.bvh()
    last = text.rstrip().rfind(" ") + 1
    for k in (*range(1, 400, 7), *range(400, last, 61), last):
        with pytest.raises(MotionFileInvalid, match="cut.bvh"):
            load_motion(write(tmp_path, "cut.bvh", text[:k]))
    assert len(load_motion(write(tmp_path, "cut.bvh", text[: last + 1])).frames) == 3


@pytest.mark.parametrize("name", sorted(make.VALID))
def test_any_format_cut_anywhere_is_refused_or_holds_whole_frames(tmp_path, name):
    content = make.VALID[name]()
    whole = len(load_motion(write(tmp_path, name, content)).frames)
    for share in np.linspace(0.02, 0.98, 25):
        path = write(tmp_path, name, content[: int(len(content) * share)])
        try:
            motion = load_motion(path)
        except MotionFileInvalid as refusal:
            assert str(refusal).startswith(str(path)) and "\n" not in str(refusal)
        else:
            assert len(motion.frames) <= whole


@pytest.mark.parametrize("name", sorted(make.VALID))
def test_any_gzip_cut_anywhere_is_refused(tmp_path, name):
    packed = gzip.compress(make.VALID[name]())
    for share in np.linspace(0.05, 0.99, 20):
        with pytest.raises(MotionFileInvalid):
            load_motion(write(tmp_path, f"{name}.gz", packed[: int(len(packed) * share)]))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("glove.npz", lambda: make.manus(data=spoiled(manus_data(), 0, 2))),
        ("hand_right.npy", lambda: make.mediapipe(spoiled(np.repeat(mediapipe_points()[:1], 4, axis=0), 0, 2))),
    ],
)
def test_in_a_frame_that_is_nan_the_hand_is_lost_and_a_note_says_so(tmp_path, name, content):
    motion = load_motion(write(tmp_path, name, content()))
    assert [frame.right.points_m is None for frame in motion.frames[:4]] == [True, False, True, False]
    assert any("2 frames are not finite (the first is 0)" in note for note in motion.notes)


@pytest.mark.parametrize("scale, frames", [(1000.0, (0, 1, 2, 3)), (0.0, (1,)), (1e20, (2,))])
def test_fingers_of_another_unit_or_a_device_s_zeros_are_lost_and_a_note_says_so(tmp_path, scale, frames):
    data = manus_data()
    data[list(frames), :, :3] *= scale
    motion = load_motion(write(tmp_path, "glove.npz", make.manus(data=data)))
    assert [frame.right.points_m is None for frame in motion.frames] == [k in frames for k in range(4)]
    assert any(f"no hand in metres has in {len(frames)} of 4 frames" in note for note in motion.notes)


def test_one_bad_frame_does_not_make_a_right_hand_a_left_one(tmp_path):
    points = np.repeat(mediapipe_points(), 3, axis=0)
    for bad in (0.0, -1e9):
        points[1] = bad * points[0]
        motion = load_motion(write(tmp_path, "video.npy", make.mediapipe(points)))
        assert motion.tracks("right") and not motion.tracks("left")


@pytest.mark.integration
def test_a_file_with_nan_frames_is_retargeted_to_finite_joints(tmp_path, capsys):
    path = write(tmp_path, "glove.npz", make.manus(data=spoiled(manus_data(), 1)))
    code, _ = retarget(path, capsys)
    assert code == 0
    with np.load(path.with_suffix(".out.npz")) as result:
        assert np.all(np.isfinite(result["q_rad"]))


@pytest.mark.parametrize(
    "lost", [("index_tip",), ("index_middle",), ("index_middle", "index_tip"), ("right_elbow", "right_shoulder")]
)
def test_markers_that_are_never_seen_are_done_without(tmp_path, lost):
    def lose(table):
        for row in table:
            for marker in lost:
                first = 2 + 3 * make.MARKERS.index(marker)
                row[first : first + 3] = ["nan"] * 3

    motion = load_motion(write(tmp_path, "markers.tsv", make.qualisys(edit=lose)))
    assert all(frame.right.T_world_wrist is not None for frame in motion.frames)
    assert (motion.frames[0].right.points_m is None) == lost[0].startswith("index")


def test_missing_fingers_are_no_fault_and_noted(tmp_path):
    motion = load_motion(write(tmp_path, "body.bvh", make.bvh()))
    assert all(frame.right.points_m is None and frame.right.T_world_wrist is not None for frame in motion.frames)
    assert any("no complete fingers" in note for note in motion.notes)


@pytest.mark.parametrize(
    ("unit", "name"),
    [(1.0, "metres"), (0.01, "centimetres"), (0.056444, "CMU units"), (0.0254, "inches"), (0.001, "millimetres")],
)
def test_the_unit_is_judged_by_the_arms_and_said(tmp_path, unit, name):
    motion = load_motion(write(tmp_path, "body.bvh", make.bvh(unit=unit)))
    assert motion.arm_length_m == pytest.approx(0.55, abs=1e-3)
    assert any(f"lengths taken as {name}" in note for note in motion.notes)


def test_a_bvh_s_elbows_come_along(tmp_path):
    frame = load_motion(write(tmp_path, "body.bvh", make.bvh())).frames[0]
    assert np.allclose(frame.left.elbow_m, [0.0, 0.48, 0.45]) and np.allclose(frame.right.elbow_m, [0.0, -0.48, 0.45])
