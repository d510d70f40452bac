"""Our own recordings give back every frame bit for bit, and a damaged one is refused with a sentence."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rove_teleop.errors import MotionFileInvalid
from rove_teleop.tracking.motion_file import load_motion
from rove_teleop.tracking.readers import rove
from rove_teleop.tracking.replay import ReplayTracker
from rove_teleop.types import HandFrame, OperatorFrame

from .operator_frames import frame, hand, head

PATH = Path("recording.npz")


def written(frames, **changes):
    buffer = io.BytesIO()
    packed = {key: value for key, value in {**rove.pack_frames(frames), **changes}.items() if value is not None}
    np.savez(buffer, allow_pickle=False, **packed)
    return buffer.getvalue()


def bits(value):
    """Everything of a frame that can be compared exactly."""
    if isinstance(value, OperatorFrame):
        parts = (value.left, value.right, value.T_world_head)
        return (value.stamp_s, value.sequence, value.engaged, value.space, *map(bits, parts))
    if isinstance(value, HandFrame):
        return tuple(map(bits, (value.T_world_wrist, value.points_m, value.elbow_m)))
    return None if value is None else (value.shape, value.tobytes())


numbers = st.floats(allow_nan=False, allow_infinity=True, width=64)
wild = st.one_of(numbers, st.just(np.nan))


def part(*shape):
    """Untracked, or any numbers with at least one that is one: what a device delivers before the gate has seen it."""
    values = arrays(np.float64, shape, elements=wild).filter(lambda a: not np.all(np.isnan(a)))
    return st.one_of(st.none(), values)


hands = st.builds(HandFrame, part(4, 4), part(21, 3), part(3))
frames_strategy = st.lists(
    st.builds(
        OperatorFrame,
        stamp_s=numbers,
        sequence=st.integers(0, 2**40),
        left=hands,
        right=hands,
        T_world_head=part(4, 4),
        engaged=st.booleans(),
        space=st.integers(0, 2**31),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=50, deadline=None)
@given(frames_strategy)
def test_any_frames_come_back_bit_for_bit(frames):
    assert [bits(f) for f in rove.read_frames(PATH, written(frames))] == [bits(f) for f in frames]


def session():
    """Two seconds with a loss, a gap, a recenter, and an operator who lets go in between."""
    frames = []
    for k in range(144):
        frames.append(
            frame(
                7 + 3 * k,
                left=HandFrame() if 40 <= k < 50 else hand(0.01 * k, "left", noise=k),
                engaged=not 50 <= k < 70,
                stamp_s=1234.5 + k / 72.0 + (0.8 if k >= 100 else 0.0),
                head=head(),
                space=1 if k >= 120 else 0,
            )
        )
    return frames


def test_a_motion_of_ours_keeps_gaps_deadman_and_numbers(tmp_path):
    path = tmp_path / "person.npz"
    path.write_bytes(written(session()))
    motion = load_motion(path)
    assert motion.name == "person" and motion.has_deadman and "moved its origin 1 times" in motion.notes[0]
    for was, now in zip(session(), motion.frames, strict=True):
        assert now.stamp_s == was.stamp_s - 1234.5
        assert bits(now)[1:] == bits(was)[1:]


def test_a_replay_holds_the_deadman_as_the_operator_did(tmp_path):
    path = tmp_path / "person.npz"
    path.write_bytes(written(session()))
    replay = ReplayTracker(load_motion(path))
    assert [replay.frame_at(f.stamp_s).engaged for f in replay.motion.frames] == [f.engaged for f in session()]


def test_what_no_device_can_mean_is_not_in_a_motion_but_stays_in_the_file():
    torn = hand().T_world_wrist * 1.5
    frames = [
        frame(0),
        frame(1, right=HandFrame(torn, hand().points_m * np.nan), left=HandFrame(None, None, np.ones(3))),
    ]
    motion = rove.read(PATH, written(frames))
    assert motion.frames[1].right == HandFrame() and motion.frames[1].left.elbow_m is not None
    assert rove.read_frames(PATH, written(frames))[1].right.T_world_wrist.tobytes() == torn.tobytes()


def test_recordings_from_before_elbows_and_spaces_are_read():
    old = written(session()[:10], space=None, left_elbow_m=None, right_elbow_m=None)
    assert [bits(f) for f in rove.read_frames(PATH, old)] == [bits(f) for f in session()[:10]]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({rove.MARK: np.array(2)}, "layout version 2, this software reads up to 1"),
        ({rove.MARK: np.array("x")}, "layout version x"),
        ({"left_points_m": None}, "array 'left_points_m' is missing"),
        ({"left_points_m": np.zeros((144, 20, 3))}, "'left_points_m' is float64 of shape \\(144, 20, 3\\)"),
        ({"sequence": np.zeros(3, int)}, "'sequence' is int64 of shape \\(3,\\)"),
        ({"engaged": np.zeros(144)}, "'engaged' is float64"),
        ({"stamp_s": np.zeros(144, int)}, "'stamp_s' is int64"),
        ({"stamp_s": np.full(144, np.nan)}, "timestamp of frame 0 is not finite"),
        ({"stamp_s": -np.arange(144.0)}, "timestamp of frame 1 goes back"),
        ({"T_world_head": np.array(["a"] * 144)}, "'T_world_head' is <U1"),
    ],
)
def test_a_damaged_recording_is_refused_with_its_array(tmp_path, changes, sentence):
    path = tmp_path / "person.npz"
    path.write_bytes(written(session(), **changes))
    with pytest.raises(MotionFileInvalid, match=f"^{path}: .*{sentence}"):
        load_motion(path)


def test_an_empty_recording_and_one_without_hands_are_refused(tmp_path):
    path = tmp_path / "person.npz"
    for frames, sentence in (([], "holds no frames"), ([frame(0, HandFrame(), HandFrame())], "no hand is tracked")):
        path.write_bytes(written(frames))
        with pytest.raises(MotionFileInvalid, match=sentence):
            load_motion(path)
