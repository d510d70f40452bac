"""A recorded human waits for the robot, then plays in the file's own time; the next takeover goes on from there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rove_teleop.errors import MotionFileInvalid, UsageError
from rove_teleop.geometry import transform
from rove_teleop.nodes.trackers import HELD_FRAME_PERIOD_S, NoTracker, ReplaySource, View, make_tracker
from rove_teleop.robots.description import load_robot
from rove_teleop.tracking.gate import FrameGate
from rove_teleop.tracking.motion import Motion
from rove_teleop.tracking.replay import RELEASE_S, ReplayTracker
from rove_teleop.types import HandFrame, OperatorFrame

PERIOD_S = 1.0 / 72.0
FILE_PERIOD_S = 0.02


def source(count: int = 100, lost_until: int = 0) -> ReplaySource:
    """A right hand that moves 1 m in 2 s, not tracked in the first frames."""
    frames = []
    for k in range(count):
        hand = HandFrame(transform(np.eye(3), np.array([0.01 * k, 0.0, 0.0]))) if k >= lost_until else HandFrame()
        frames.append(OperatorFrame(k * FILE_PERIOD_S, k, left=HandFrame(), right=hand))
    return ReplaySource(ReplayTracker(Motion("test", tuple(frames))))


def play(tracker: ReplaySource, start_s: float, duration_s: float, driving: bool) -> list[OperatorFrame]:
    times = start_s + np.arange(0.0, duration_s, PERIOD_S)
    view = View(np.zeros(50), None, (), driving)
    frames = (tracker.frame(float(now_s), view) for now_s in times)
    return [frame for frame in frames if frame is not None]


def wrist_x(frame: OperatorFrame) -> float:
    assert frame.right.T_world_wrist is not None
    return float(frame.right.T_world_wrist[0, 3])


def test_a_waiting_person_is_still_and_alive() -> None:
    frames = play(source(), 100.0, 1.0, driving=False)
    assert len({wrist_x(frame) for frame in frames}) == 1
    assert np.diff([frame.stamp_s for frame in frames]).max() <= HELD_FRAME_PERIOD_S + PERIOD_S
    assert all(frame.engaged for frame in frames)


def test_the_file_keeps_its_own_timing() -> None:
    tracker = source()
    play(tracker, 100.0, 0.5, driving=False)
    frames = play(tracker, 101.0, 1.0, driving=True)
    moving = [frame for frame in frames if wrist_x(frame) > 0.0]
    assert len(moving) == 49
    speed_m_s = np.diff([wrist_x(f) for f in moving]) / np.diff([f.stamp_s for f in moving])
    np.testing.assert_allclose(speed_m_s, 0.5, rtol=1e-6)


def test_the_next_takeover_goes_on_and_the_gate_lets_it_through() -> None:
    tracker, gate = source(), FrameGate(source().limits)
    now_s, last = 100.0, 0.0
    for _ in range(3):
        waiting = play(tracker, now_s, 1.0, driving=False)
        checked = [gate.check(frame, frame.stamp_s) for frame in waiting]
        assert checked[-1] is not None
        assert checked[-1].engaged
        assert wrist_x(waiting[-1]) == pytest.approx(last, abs=0.011)
        frames = play(tracker, now_s + 1.0, 0.5, driving=True)
        driven = [gate.check(frame, frame.stamp_s) for frame in frames]
        assert all(frame is not None and frame.engaged for frame in driven)
        last = wrist_x(frames[-1])
        now_s += 1.5
    assert last > 0.7


def test_a_takeover_after_the_end_begins_at_the_start() -> None:
    tracker = source(count=20)
    play(tracker, 100.0, 1.0, driving=True)
    assert wrist_x(play(tracker, 101.0, 1.0, driving=False)[-1]) == 0.0


def test_a_loss_in_the_middle_is_skipped_by_the_one_who_waits() -> None:
    frames = [
        OperatorFrame(
            k * FILE_PERIOD_S,
            k,
            HandFrame(),
            HandFrame() if 20 <= k < 40 else HandFrame(transform(np.eye(3), np.zeros(3))),
        )
        for k in range(200)
    ]
    tracker = ReplaySource(ReplayTracker(Motion("test", tuple(frames))))
    driven = play(tracker, 100.0, 0.5, driving=True)
    assert not driven[-1].engaged
    waiting = play(tracker, 100.5, 1.0, driving=False)
    assert waiting[-1].engaged
    assert waiting[-1].right.T_world_wrist is not None


def test_letting_go_is_seen_for_a_while() -> None:
    tracker = source()
    play(tracker, 100.0, 0.5, driving=True)
    frames = play(tracker, 101.0, 1.0, driving=False)
    released = [frame for frame in frames if not frame.engaged]
    assert released[0].stamp_s == pytest.approx(101.0)
    assert RELEASE_S - 0.1 < released[-1].stamp_s - 101.0 < RELEASE_S + 0.01


def test_stamps_and_sequences_only_rise() -> None:
    tracker, frames = source(), []
    for k in range(6):
        frames += play(tracker, 100.0 + 0.4 * k, 0.4, driving=bool(k % 2))
    assert (np.diff([frame.stamp_s for frame in frames]) >= 0.0).all()
    assert (np.diff([frame.sequence for frame in frames]) == 1).all()


def test_a_hand_that_comes_late_is_waited_for() -> None:
    frames = play(source(lost_until=20), 100.0, 0.2, driving=False)
    assert frames[0].engaged
    assert frames[0].right.T_world_wrist is not None


def test_after_the_end_the_person_stands_still() -> None:
    frames = play(source(count=10), 100.0, 2.0, driving=True)
    assert wrist_x(frames[-1]) == pytest.approx(0.09)
    assert frames[-1].stamp_s > 101.9


def test_specifications_are_checked(tmp_path: Path) -> None:
    robot = load_robot("iron_r01")
    assert isinstance(make_tracker("none", robot, "toaster"), NoTracker)
    for spec in ("", "replay:", "headset", "replay"):
        with pytest.raises(UsageError, match="replay:FILE"):
            make_tracker(spec, robot, "toaster")
    with pytest.raises(MotionFileInvalid, match="nothing.bvh"):
        make_tracker(f"replay:{tmp_path / 'nothing.bvh'}", robot, "toaster")
