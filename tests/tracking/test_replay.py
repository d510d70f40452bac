"""A replay delivers the newest frame at its own time and holds the deadman like a careful person."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.tracking.motion import Motion
from rove_teleop.tracking.replay import RELEASE_S, ReplayTracker
from rove_teleop.types import HandFrame, OperatorFrame


def motion(stamps, lost=(), jump_at=None):
    frames = []
    for k, stamp_s in enumerate(stamps):
        T = np.eye(4)
        T[0, 3] = 1.0 if jump_at is not None and k >= jump_at else 0.0
        frames.append(OperatorFrame(float(stamp_s), k, HandFrame(), HandFrame() if k in lost else HandFrame(T)))
    return Motion("test", tuple(frames))


@given(st.lists(st.floats(1e-3, 0.2), min_size=1, max_size=30), st.floats(0.0, 8.0))
def test_the_newest_frame_that_has_happened_is_delivered(gaps, elapsed_s):
    stamps = np.concatenate([[0.0], np.cumsum(gaps)])
    frame = ReplayTracker(motion(stamps)).frame_at(elapsed_s)
    assert frame.stamp_s <= elapsed_s
    assert not any(frame.stamp_s < s <= elapsed_s for s in stamps)


def test_before_the_start_there_is_nothing_and_after_the_end_the_last_frame_stands():
    replay = ReplayTracker(motion([0.0, 0.1, 0.2]))
    assert replay.frame_at(-0.01) is None and replay.frame_at(float("nan")) is None
    assert replay.frame_at(99.0).sequence == 2
    assert not replay.finished(0.19) and replay.finished(0.2)


def test_a_loop_goes_on_with_rising_stamps_and_sequences():
    replay = ReplayTracker(motion([0.0, 0.1, 0.2]), loop=True)
    frames = [replay.frame_at(0.05 + 0.1 * k) for k in range(9)]
    assert [f.sequence for f in frames] == list(range(9))
    assert np.allclose([f.stamp_s for f in frames], np.arange(9) * 0.1)
    assert not replay.finished(1e6)
    assert not frames[3].engaged  # back at the beginning: the hand jumped


def test_the_deadman_is_released_while_a_hand_is_lost_and_a_little_longer():
    stamps = np.arange(100) * 0.01
    replay = ReplayTracker(motion(stamps, lost=range(20, 30)))
    engaged = np.array([replay.frame_at(s).engaged for s in stamps])
    last = 29 + round(RELEASE_S / 0.01)
    assert engaged[:20].all() and not engaged[20 : last - 1].any() and engaged[last + 1 :].all()


def test_the_deadman_is_released_when_a_hand_jumps():
    replay = ReplayTracker(motion(np.arange(100) * 0.01, jump_at=50))
    assert replay.frame_at(0.495).engaged and not replay.frame_at(0.505).engaged and replay.frame_at(0.9).engaged


@pytest.mark.parametrize("count", [1, 2])
def test_the_shortest_motions_play(count):
    replay = ReplayTracker(motion(np.arange(count) * 0.01), loop=True)
    assert replay.frame_at(0.5) is not None
