"""The gate lets through only what can be trusted, and only a new, deliberate engage resumes after a loss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.geometry import exp_so3, is_rigid, transform
from rove_teleop.tracking.gate import FrameGate, GateLimits
from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.tracking.motion_file import load_motion
from rove_teleop.tracking.replay import ReplayTracker
from rove_teleop.types import SIDES, HandFrame, OperatorFrame

from . import recordings

DT = 1.0 / 72.0


def hand(x=0.0, side="right", turn=0.0):
    return HandFrame(transform(exp_so3(np.array([0.0, 0.0, turn])), np.array([x, 0.0, 1.0])), hand_points(side, 0.2))


def frame(k, left=None, right=None, engaged=True, stamp_s=None, head=None):
    stamp_s = k * DT if stamp_s is None else stamp_s
    return OperatorFrame(stamp_s, k, left or hand(side="left"), right or hand(), head, engaged)


def play(gate, frames):
    return [gate.check(f, f.stamp_s) for f in frames]


def test_good_frames_pass_unchanged():
    gate = FrameGate()
    frames = [frame(k, right=hand(0.01 * k)) for k in range(20)]
    assert play(gate, frames) == frames and not gate.rejected


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda T: T * np.nan, "right_wrist_not_rigid"),
        (lambda T: T * 1.1, "right_wrist_not_rigid"),
        (lambda T: T @ np.diag([1.0, 1.0, -1.0, 1.0]), "right_wrist_not_rigid"),
        (lambda T: T + np.array([[0, 0, 0, np.inf]] + [[0] * 4] * 3), "right_wrist_not_rigid"),
        (lambda T: T[:3], "right_wrist_not_rigid"),
    ],
)
def test_damage_in_one_hand_drops_that_hand_and_not_the_other(damage, reason):
    gate = FrameGate()
    good = hand()
    checked = gate.check(frame(1, right=HandFrame(damage(good.T_world_wrist), good.points_m)), DT)
    assert checked.right == HandFrame() and checked.left.T_world_wrist is not None
    assert gate.rejected == {reason: 1}


@pytest.mark.parametrize("points", [np.full((21, 3), np.nan), np.zeros((20, 3)), np.full((21, 3), 3.0)])
def test_implausible_points_drop_the_hand(points):
    gate = FrameGate()
    checked = gate.check(frame(1, left=HandFrame(hand().T_world_wrist, points)), DT)
    assert checked.left == HandFrame() and gate.rejected == {"left_points_not_plausible": 1}


@pytest.mark.parametrize(
    ("stamp_s", "now_s", "reason"),
    [(np.nan, 1.0, "stamp_not_finite"), (0.5, 1.0, "stale"), (1.1, 1.0, "stale"), (1.0, np.nan, "stale")],
)
def test_frames_of_another_time_are_refused(stamp_s, now_s, reason):
    gate = FrameGate()
    assert gate.check(frame(1, stamp_s=stamp_s), now_s) is None
    assert gate.rejected == {reason: 1}


def test_repeated_and_reordered_frames_are_refused():
    gate = FrameGate()
    first = [gate.check(f, 5 * DT) for f in (frame(5), frame(5), frame(4))]
    assert first[0] is not None and first[1:] == [None, None]
    assert gate.rejected == {"out_of_order": 2}


@pytest.mark.parametrize("jumped", [hand(0.73), hand(turn=2.5)])
def test_after_a_jump_only_release_and_press_engage_again(jumped):
    gate = FrameGate()
    frames = [frame(0), frame(1, right=jumped), *(frame(k, right=jumped) for k in range(2, 50))]
    checked = play(gate, frames)
    assert checked[0].engaged and checked[1].right == HandFrame()
    assert not any(c.engaged for c in checked[1:]) and checked[2].right == jumped
    assert gate.rejected == {"right_wrist_jump": 1}
    again = play(gate, [frame(50, right=jumped, engaged=False), frame(51, right=jumped)])
    assert [c.engaged for c in again] == [False, True]


def test_a_lost_hand_disengages_until_released():
    gate = FrameGate()
    checked = play(gate, [frame(0), frame(1, left=HandFrame()), frame(2), frame(3, engaged=False), frame(4)])
    assert [c.engaged for c in checked] == [True, False, False, False, True]
    assert gate.rejected == {"left_hand_lost": 1}


def test_a_hand_that_was_never_there_does_not_disengage():
    gate = FrameGate()
    checked = play(gate, [frame(k, left=HandFrame()) for k in range(5)])
    assert all(c.engaged for c in checked)


def test_a_gap_disengages_and_a_deliberate_reset_engages():
    gate = FrameGate()
    checked = play(gate, [frame(0), frame(1, stamp_s=0.9), frame(2, stamp_s=0.91)])
    assert [c.engaged for c in checked] == [True, False, False]
    gate.reset()
    assert gate.check(frame(3, stamp_s=0.92), 0.92).engaged


def test_an_operator_who_does_not_drive_has_nothing_to_let_go():
    gate = FrameGate()
    checked = play(gate, [frame(0), frame(1, right=hand(0.73)), frame(2, right=hand(0.73))])
    assert not checked[-1].engaged
    gate.release()
    assert gate.check(frame(3, right=hand(0.73)), 3 * DT).engaged


def test_stamps_that_jitter_are_no_jumps():
    gate = FrameGate(GateLimits(max_wrist_speed_m_s=5.0))
    stamps = np.repeat(np.arange(10) * 2 * DT, 2) + np.tile([0.0, 1e-4], 10)  # pairs that arrive together
    frames = [frame(k, right=hand(2.0 * DT * k), stamp_s=float(s)) for k, s in enumerate(stamps)]
    play(gate, frames)
    assert not gate.rejected


def test_a_bad_head_is_dropped_alone():
    gate = FrameGate()
    checked = gate.check(frame(1, head=np.full((4, 4), np.nan)), DT)
    assert checked.T_world_head is None and checked.right.T_world_wrist is not None and checked.engaged


numbers = st.one_of(st.floats(-2, 2), st.sampled_from([np.nan, np.inf, -np.inf, 1e300, 0.0]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(numbers, min_size=16, max_size=16), numbers, st.booleans()), max_size=8))
def test_whatever_comes_out_is_finite_and_rigid(stream):
    gate = FrameGate()
    with np.errstate(over="ignore", invalid="ignore"):
        for k, (values, stamp_s, engaged) in enumerate(stream):
            T = np.array(values).reshape(4, 4)
            points = np.full((21, 3), values[0])
            checked = gate.check(OperatorFrame(stamp_s, k, HandFrame(T), HandFrame(None, points), T, engaged), 1.0)
            if checked is None:
                continue
            for side in SIDES:
                part = checked.hand(side)
                assert part.T_world_wrist is None or is_rigid(part.T_world_wrist)
                assert part.points_m is None or np.all(np.isfinite(part.points_m))
            assert checked.T_world_head is None or is_rigid(checked.T_world_head)


@pytest.mark.parametrize("name", recordings.REAL_FILES)
def test_a_real_recording_passes_and_is_engaged_most_of_the_time(name):
    motion = load_motion(recordings.real(name))
    replay, gate = ReplayTracker(motion), FrameGate()
    shown = [replay.frame_at(f.stamp_s) for f in motion.frames[:1200]]
    checked = play(gate, shown)
    assert all(c is not None for c in checked)
    assert sum(c.engaged for c in checked) > 0.7 * len(checked)
    assert [c.engaged for c in checked] == [s.engaged for s in shown]
