"""Whatever a file holds, ``load_motion`` answers with a Motion or with one sentence that names the place."""

import gzip
import json
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rove_teleop.errors import MotionFileInvalid
from rove_teleop.geometry import is_rigid
from rove_teleop.tracking.motion_file import load_motion
from rove_teleop.types import SIDES

from . import recordings as make


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path):
    with pytest.raises(MotionFileInvalid) as caught:
        load_motion(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    return message.removeprefix(str(path))


@pytest.mark.parametrize("name", make.VALID)
@pytest.mark.parametrize("zipped", [False, True])
def test_every_format_gives_frames_from_zero_with_rigid_wrists(tmp_path, name, zipped):
    content = make.VALID[name]()
    path = write(tmp_path, name + ".gz" if zipped else name, gzip.compress(content) if zipped else content)
    motion = load_motion(path)
    assert motion.name == name.rsplit(".", 1)[0]
    assert motion.frames[0].stamp_s == 0.0 and np.all(np.diff(motion.stamp_s) > 0.0)
    assert [frame.sequence for frame in motion.frames] == list(range(len(motion.frames)))
    for frame in motion.frames:
        for side in SIDES:
            T, points = frame.hand(side).T_world_wrist, frame.hand(side).points_m
            assert T is None or is_rigid(T)
            assert points is None or (points.shape == (21, 3) and np.all(np.isfinite(points)))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.bvh", "", "is empty"),
        ("words.txt", "hello\n", "none of the known formats"),
        ("no.bvh.gz", gzip.compress(make.bvh().encode())[:-20], "gzip data is truncated"),
        ("half.bvh", make.bvh().partition("MOTION")[0], "ends before MOTION"),
        ("cut.bvh", make.bvh()[:-300], "truncated?"),
        ("zero.bvh", make.bvh(rows=[]), "holds 0 frames"),
        ("nan.bvh", make.bvh(rows=[[0.0] * 27, [0.0] * 25 + [np.nan, 0.0]]), "joint 'RightHand' Xrotation is nan"),
        ("wide.bvh", make.bvh(rows=[[0.0] * 28]), "28 values where the joints have 27 channels"),
        ("word.bvh", make.bvh().replace("0.000000\n", "abc\n", 1), "joint 'RightHand' Yrotation is 'abc'"),
        ("channel.bvh", make.bvh(channels="3 Zrotation Xrotation Wrotation"), "unknown channel 'Wrotation'"),
        ("count.bvh", make.bvh(channels="4 Zrotation Xrotation Yrotation"), "channels but names"),
        ("creature.bvh", make.bvh(left="Fin1", right="Fin2"), "no joint is named like a left or right hand"),
        ("brace.bvh", "HIERARCHY\n}\n", "'}' is not expected here"),
        ("time.bvh", make.bvh().replace("0.01\n", "nan\n", 1), "Frame time is nan"),
        ("glove.npz", make.manus()[:2000], "truncated or damaged"),
        ("side.npz", make.manus(chirality=np.array("MIDDLE")), "neither Left nor Right"),
        ("shape.npz", make.manus(data=np.zeros((4, 24, 7))), "must be numbers of shape (frames, 25, 7)"),
        ("missing.npz", make.manus(timestamps=None), "array 'timestamps' is missing"),
        ("norm.npz", make.manus(data=np.zeros((4, 25, 7))), "frame 0, wrist quaternion of norm 0"),
        ("short.npz", make.manus(timestamps=np.arange(3.0)), "4 frames but 3 timestamps"),
        ("back.npz", make.manus(timestamps=np.array([0.0, 0.1, 0.05, 0.2])), "timestamp of frame 2 goes back"),
        ("none.npz", make.manus(frames=0), "holds no frames"),
        ("pickle.npz", make.manus(data=np.array([{}], dtype=object)), "truncated or damaged"),
        ("nan.npy", make.mediapipe(np.full((2, 21, 3), np.nan)), "frame 0, landmarks (0, 0) is not finite"),
        ("flat.npy", make.mediapipe(np.zeros((2, 63))), "must be numbers of shape (frames, 21, 3)"),
        ("none.npy", make.mediapipe(np.zeros((0, 21, 3))), "holds no frames"),
        ("mm.npy", make.mediapipe(np.ones((2, 21, 3)) * np.arange(21)[None, :, None]), "no hand in metres"),
        ("cut.npy", make.mediapipe()[:-50], "truncated or damaged"),
        ("half.json", make.leap()[:500], "is not valid JSON"),
        ("other.json", "[1, 2]", "neither Leap frames nor a WebVR"),
        ("none.json", '{"frames": []}', "holds no frames"),
        ("list.json", '{"frames": [[1, 2]]}', "frame 0 is not a mapping"),
        ("time.json", make.leap(edit=lambda f: f[2].update(timestamp=0)), "timestamp of frame 2 goes back"),
        ("type.json", make.leap(edit=lambda f: f[1]["hands"][0].update(type=3)), "frame 1: a hand's type is 3"),
        (
            "nan.json",
            make.leap(edit=lambda f: f[1]["hands"][0].update(palmPosition=[1, float("nan"), 2])),
            "frame 1: 'palmPosition' is missing, of the wrong length or not finite",
        ),
        ("lost.json", make.leap(edit=lambda f: [x.update(hands=[]) for x in f]), "no hand is tracked"),
        ("pose.json", make.webvr(edit=lambda s: s["right"]["poses"][3].pop("rotation")), "right pose 3: rotation.x"),
        ("poses.json", make.webvr(edit=lambda s: s["left"].update(poses=[])), "'left' holds no poses"),
        ("hands.json", make.webvr(edit=lambda s: (s.pop("left"), s.pop("right"))), "none of camera is named left or"),
        ("cells.tsv", make.qualisys(edit=lambda t: t[2].pop()), ":7: 46 columns where 15 markers need 47"),
        ("nan.tsv", make.qualisys(edit=lambda t: t[2].__setitem__(3, "nan")), ":7: marker hand_top is NaN in some"),
        ("word.tsv", make.qualisys(edit=lambda t: t[1].__setitem__(5, "x")), ":6: marker hand_left X is 'x'"),
        ("inf.tsv", make.qualisys(edit=lambda t: t[1].__setitem__(5, "inf")), ":6: marker hand_left X is inf"),
        ("back.tsv", make.qualisys(edit=lambda t: t[3].__setitem__(1, "0")), "timestamp of frame 3 goes back"),
        ("cut.tsv", make.qualisys(edit=lambda t: t.pop()), ":8: ends after 4 of 5 frames (truncated?)"),
        ("none.tsv", make.qualisys(rows=0), "holds no frames"),
        ("names.tsv", make.qualisys(markers=["a", "b", "c"]), "no hand among its markers a, b, c"),
    ],
)
def test_damage_is_one_sentence_that_names_the_place(tmp_path, name, content, expected):
    assert expected in refusal(write(tmp_path, name, content))


def test_a_missing_file_and_a_folder_are_one_sentence(tmp_path):
    assert "cannot be read" in refusal(tmp_path / "nothing.bvh")
    assert "cannot be read" in refusal(tmp_path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(make.VALID)), data=st.data())
def test_random_damage_never_gives_anything_but_a_motion_or_a_refusal(tmp_path, name, data):
    content = bytearray(make.VALID[name]())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        length = data.draw(st.integers(0, 40))
        replacement = data.draw(st.one_of(st.just(b""), st.binary(max_size=8), st.sampled_from(SPICE)))
        content[at : at + length] = replacement
    path = write(tmp_path, name, bytes(content))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # 1e300 overflows on its way to a refusal or to "not tracked"
        try:
            motion = load_motion(path)
        except MotionFileInvalid as error:
            assert str(error).startswith(str(path))
            return
    assert len(motion.frames) > 0 and np.all(np.isfinite(motion.stamp_s))


SPICE = [
    b"nan",
    b"1e300",
    b"-1e999",
    b"[[[",
    b"}",
    b"{",
    b"\t\t",
    b"\n",
    b"null",
    b'"',
    b"\x00",
    b"-0",
    b"true",
    b"1e18",
]


def test_deep_json_is_refused_without_a_traceback(tmp_path):
    assert "nested too deeply" in refusal(write(tmp_path, "deep.json", "[" * 200_000))


def test_a_bvh_is_read_in_any_unit_and_with_other_names(tmp_path):
    reference = load_motion(write(tmp_path, "metres.bvh", make.bvh()))
    for unit in (0.01, 0.001, 0.0254):
        for left, right in (
            ("l_hand", "r_hand"),
            ("hand.L", "hand.R"),
            ("LeftWrist", "RightWrist"),
            ("lHand", "rHand"),
        ):
            motion = load_motion(write(tmp_path, "other.bvh", make.bvh(left=left, right=right, unit=unit)))
            for side in SIDES:
                expected = reference.frames[0].hand(side).T_world_wrist
                assert np.allclose(motion.frames[0].hand(side).T_world_wrist, expected, atol=1e-4)
            assert motion.arm_length_m == pytest.approx(0.55, abs=1e-3)


def test_a_bvh_in_a_t_pose_has_its_palms_down_and_its_fingers_outwards(tmp_path):
    frame = load_motion(write(tmp_path, "t.bvh", make.bvh())).frames[0]
    left, right = frame.left.T_world_wrist, frame.right.T_world_wrist
    assert np.allclose(left[:3, 0], [0, 1, 0]) and np.allclose(right[:3, 0], [0, -1, 0])
    assert np.allclose(left[:3, 2], [0, 0, 1]) and np.allclose(right[:3, 2], [0, 0, 1])
    assert np.allclose(left[:3, 3], [0, 0.73, 0.45]) and np.allclose(right[:3, 3], [0, -0.73, 0.45])
    assert np.allclose(frame.T_world_head[:3, :3], np.eye(3), atol=1e-9)


def test_walking_and_turning_around_does_not_move_the_hands_of_a_bvh(tmp_path):
    rows = [[0.1 * k, 1.0, 0.2 * k, 0.0, 0.0, 20.0 * k, *[0.0] * 21] for k in range(6)]
    motion = load_motion(write(tmp_path, "walk.bvh", make.bvh(rows)))
    first = motion.frames[0].right.T_world_wrist
    assert all(np.allclose(frame.right.T_world_wrist, first, atol=1e-9) for frame in motion.frames)


def test_a_reference_pose_in_frame_zero_is_dropped(tmp_path):
    hanging = [0.0] * 6 + [0.0] * 3 + [-80.0, *[0.0] * 8] + [80.0, *[0.0] * 8]
    moving = [[v + 0.01 * k for v in hanging] for k in range(4)]
    motion = load_motion(write(tmp_path, "reference.bvh", make.bvh([[0.0] * 27, *moving])))
    assert len(motion.frames) == 4 and any("reference pose" in note for note in motion.notes)
    assert len(load_motion(write(tmp_path, "moving.bvh", make.bvh(moving))).frames) == 4


def test_an_explicit_scale_wins(tmp_path):
    motion = load_motion(write(tmp_path, "t.bvh", make.bvh()), scale_m=0.5)
    assert motion.frames[0].left.T_world_wrist[1, 3] == pytest.approx(0.365)
    with pytest.raises(MotionFileInvalid, match="scale"):
        load_motion(tmp_path / "t.bvh", scale_m=float("nan"))


def test_quaternion_signs_have_no_effect(tmp_path):
    with np.load(write(tmp_path, "glove.npz", make.manus(frames=6))) as archive:
        flipped = archive["data"].copy()
    flipped[1::2, :, 3:] *= -1.0
    plain = load_motion(tmp_path / "glove.npz")
    other = load_motion(write(tmp_path, "flipped.npz", make.manus(frames=6, data=flipped)))
    for a, b in zip(plain.frames, other.frames, strict=True):
        assert np.array_equal(a.right.T_world_wrist, b.right.T_world_wrist)
        assert np.array_equal(a.right.points_m, b.right.points_m)


def test_points_are_in_the_wrist_frame_for_both_hands(tmp_path):
    for side in ("left", "right"):
        glove = load_motion(write(tmp_path, "g.npz", make.manus(side=side.upper())))
        desk = load_motion(write(tmp_path, "d.json", make.leap()))
        thumb_side = 1.0 if side == "right" else -1.0
        for motion in (glove, desk):
            points = motion.frames[0].hand(side).points_m
            assert points[9, 0] > 0.06  # fingers along x
            assert thumb_side * points[5, 1] > 0.01 > thumb_side * points[17, 1]  # thumb side by hand
            assert points[12, 2] < points[9, 2]  # a bent finger goes to the palm, -z


def test_a_lost_leap_hand_is_none_and_found_again_under_another_id(tmp_path):
    motion = load_motion(write(tmp_path, "desk.json", make.leap(frames=5, lost=(1, 2))))
    assert [frame.right.T_world_wrist is None for frame in motion.frames] == [False, True, True, False, False]
    assert all(frame.left.T_world_wrist is not None for frame in motion.frames)
    assert motion.duration_s == pytest.approx(0.04)  # microseconds in the file
    left, right = motion.frames[0].left.T_world_wrist, motion.frames[0].right.T_world_wrist
    assert left[1, 3] == pytest.approx(0.15) and right[1, 3] == pytest.approx(-0.15)  # left is +y, metres


def test_an_unsure_leap_hand_counts_as_lost(tmp_path):
    text = make.leap(edit=lambda frames: frames[1]["hands"][1].update(confidence=0.05))
    motion = load_motion(write(tmp_path, "desk.json", text))
    assert motion.frames[1].right.T_world_wrist is None and motion.frames[2].right.T_world_wrist is not None


@pytest.mark.parametrize("lost", ["0.000", "nan", ""])
def test_a_lost_marker_is_held_on_the_hand(tmp_path, lost):
    def lose(table):
        first = 2 + 3 * make.MARKERS.index("index_tip")
        table[2][first : first + 3] = [lost] * 3

    motion = load_motion(write(tmp_path, "m.tsv", make.qualisys(edit=lose)))
    whole = load_motion(write(tmp_path, "w.tsv", make.qualisys()))
    assert np.allclose(motion.frames[2].right.points_m, whole.frames[2].right.points_m, atol=2e-3)
    assert any("index_tip is lost in 1 frames" in note for note in motion.notes)


def test_a_hand_whose_wrist_markers_are_lost_is_not_tracked(tmp_path):
    def lose(table):
        table[2][2:5] = ["0.000"] * 3

    motion = load_motion(write(tmp_path, "m.tsv", make.qualisys(edit=lose)))
    assert [frame.right.T_world_wrist is None for frame in motion.frames] == [False, False, True, False, False]


def test_markers_may_end_with_a_tab_come_without_header_or_with_other_names(tmp_path):
    tabbed = "\n".join(line + "\t" for line in make.qualisys().splitlines())
    assert len(load_motion(write(tmp_path, "t.tsv", tabbed)).frames) == 5
    assert len(load_motion(write(tmp_path, "h.tsv", make.qualisys(header=False))).frames) == 5
    bare = [line for line in make.qualisys().splitlines() if not line.startswith("Frame\t")]
    assert len(load_motion(write(tmp_path, "b.tsv", "\n".join(bare))).frames) == 5
    text = make.qualisys().replace("hand_top", "RFIN").replace("hand_left", "RWRA").replace("hand_right", "RWRB")
    vicon, plain = (load_motion(write(tmp_path, "v.tsv", t)).frames[0].right for t in (text, make.qualisys()))
    assert np.allclose(vicon.T_world_wrist[:3, :3], plain.T_world_wrist[:3, :3], atol=0.01)


def test_a_pressed_button_closes_the_hand(tmp_path):
    motion = load_motion(write(tmp_path, "headset.json", make.webvr()))
    reach = [float(np.linalg.norm(frame.right.points_m[12])) for frame in motion.frames]
    assert reach[0] == reach[2] > reach[3] + 0.03  # pressed at 25 ms, frames every 10 ms
    assert motion.frames[0].left.T_world_wrist[0, 3] == pytest.approx(0.4)  # forward is +x


def test_lists_of_different_timing_join_by_the_newest(tmp_path):
    def late(session):
        for pose in session["right"]["poses"]:
            pose["timestamp"] += 15.0

    motion = load_motion(write(tmp_path, "headset.json", make.webvr(edit=late)))
    assert [frame.right.T_world_wrist is None for frame in motion.frames] == [True, True, False, False, False]


@pytest.mark.parametrize("name", make.REAL_FILES)
def test_real_recordings_load(name):
    motion = load_motion(make.real(name))
    assert len(motion.frames) > 600 and motion.duration_s > 10.0 and motion.notes
    for frame in motion.frames[::50]:
        for side in SIDES:
            hand = frame.hand(side)
            assert hand.T_world_wrist is None or is_rigid(hand.T_world_wrist)
            if hand.points_m is not None:
                assert 0.06 < float(np.linalg.norm(hand.points_m[9])) < 0.13  # wrist to middle knuckle


def test_real_manus_orientation_never_jumps_though_its_quaternions_flip():
    motion = load_motion(make.real("manus_right_s000_r010.npz"))
    R = np.array([frame.right.T_world_wrist[:3, :3] for frame in motion.frames])
    cosine = (np.einsum("nij,nij->n", R[1:], R[:-1]) - 1.0) / 2.0
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 5.0


def test_real_cmu_starts_after_its_reference_pose_with_a_human_arm():
    motion = load_motion(make.real("cmu_01_01.bvh.gz"))
    assert len(motion.frames) == 2751 and 0.4 < motion.arm_length_m < 0.6
    reach = [np.linalg.norm(f.left.T_world_wrist[:3, 3] - motion.shoulder_m["left"]) for f in motion.frames]
    assert max(reach) < motion.arm_length_m + 0.1


def test_real_leap_losses_are_none():
    motion = load_motion(make.real("leap_bimanual_dropouts.json.gz"))
    assert sum(frame.right.T_world_wrist is None for frame in motion.frames) >= 146
    assert sum(frame.left.T_world_wrist is None for frame in motion.frames) >= 4


def test_real_recordings_survive_truncation(tmp_path):
    for name in make.REAL_FILES:
        content = make.real(name).read_bytes()
        refusal(write(tmp_path, name, content[: len(content) // 2]))


def test_a_real_json_with_a_hole_names_the_pose(tmp_path):
    session = json.loads(make.real("webvr_head_controllers.json").read_text())
    session["left"]["poses"][77]["position"]["y"] = None
    assert "left pose 77: position.y" in refusal(write(tmp_path, "hole.json", json.dumps(session)))
