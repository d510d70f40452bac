import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rove_teleop.episodes.layout import (
    CONTROL_FIELDS,
    TRACKING_DTYPE,
    control_dtype,
    pack_operator_frame,
    row_episode_tick,
    unpack_operator_frame,
)
from rove_teleop.errors import DatasetInvalid
from rove_teleop.types import HandFrame, OperatorFrame

_finite = st.floats(-1e6, 1e6)
_pose = st.none() | arrays(np.float64, (4, 4), elements=_finite)
_points = st.none() | arrays(np.float64, (21, 3), elements=_finite)
_elbow = st.none() | arrays(np.float64, (3,), elements=_finite)
_hand = st.builds(HandFrame, _pose, _points, _elbow)
_frame = st.builds(
    OperatorFrame, _finite, st.integers(0, 2**64 - 1), _hand, _hand, _pose, st.booleans(), st.integers(0, 2**32 - 1)
)


def test_a_control_row_is_packed_and_little_endian() -> None:
    row = control_dtype(50, 6)
    assert row.itemsize == 4 + 4 + 8 + 8 + 6 * 50 * 8 + 6 * 8 + 6 + 3 + 50 * 4 + 8 + 8
    assert row.names == tuple(field.name for field in CONTROL_FIELDS)
    assert all(row[name].base.byteorder in "<|=" for name in row.names)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_episode_and_tick_are_read_without_numpy(episode: int, tick: int) -> None:
    row = np.zeros((), control_dtype(2, 1))
    row["episode"], row["tick"] = episode, tick
    assert row_episode_tick(row.tobytes()) == (episode, tick)


@pytest.mark.parametrize(("joints", "groups"), [(0, 1), (1, 0), (-1, 2)])
def test_a_row_without_joints_is_refused(joints: int, groups: int) -> None:
    with pytest.raises(ValueError, match="needs joints and groups"):
        control_dtype(joints, groups)


@given(_frame)
def test_device_frames_travel_unchanged(frame: OperatorFrame) -> None:
    back = unpack_operator_frame(pack_operator_frame(frame))
    for name in ("stamp_s", "sequence", "engaged", "space"):
        assert getattr(back, name) == getattr(frame, name)
    for ours, theirs in (
        (back.T_world_head, frame.T_world_head),
        *((getattr(back.hand(s), k), getattr(frame.hand(s), k)) for s in ("left", "right") for k in _HAND),
    ):
        assert (ours is None) == (theirs is None)
        if theirs is not None:
            np.testing.assert_array_equal(ours, theirs)


_HAND = ("T_world_wrist", "points_m", "elbow_m")


@given(st.binary(max_size=2 * TRACKING_DTYPE.itemsize))
def test_a_frame_of_the_wrong_size_is_refused_in_one_sentence(data: bytes) -> None:
    if len(data) != TRACKING_DTYPE.itemsize:
        with pytest.raises(DatasetInvalid, match="a device frame has"):
            unpack_operator_frame(data)
