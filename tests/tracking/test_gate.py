"""The gate lets through only what can be trusted, and only a new, deliberate engage resumes after a loss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.geometry import is_rigid
from rove_teleop.tracking.gate import NOISELESS, FrameGate, GateLimits
from rove_teleop.tracking.gate_words import SENTENCES
from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.types import SIDES, HandFrame, OperatorFrame

from .operator_frames import DT, frame, hand, head, play


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


@pytest.mark.parametrize("jumped", [(0.73, 0.0), (0.0, 2.5)])
def test_after_a_jump_only_release_and_press_engage_again(jumped):
    gate = FrameGate()
    x, turn = jumped
    frames = [frame(k, right=hand(*(x, "right", turn), noise=k)) if k else frame(0) for k in range(50)]
    checked = play(gate, frames)
    assert checked[0].engaged and checked[1].right == HandFrame()
    assert not any(c.engaged for c in checked[1:]) and checked[2].right == frames[2].right
    assert gate.rejected == {"right_wrist_jump": 1}
    assert gate.trouble == "the right hand jumped: let go and take over again"
    there = frames[-1].right
    again = play(gate, [frame(50, right=there, engaged=False), frame(51, right=there)])
    assert [c.engaged for c in again] == [False, True] and gate.trouble is None


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


# --- the order of frames ---


def test_a_device_that_counts_anew_is_heard_again_and_needs_a_new_engage():
    gate = FrameGate()
    play(gate, [frame(1000 + k, stamp_s=k * DT) for k in range(10)])
    restarted = [frame(k, stamp_s=(10 + k) * DT) for k in range(60)]
    checked = play(gate, restarted)
    refused = [c is None for c in checked]
    assert refused == sorted(refused, reverse=True) and sum(refused) == gate.rejected["out_of_order"] < 40
    assert not any(c.engaged for c in checked if c is not None) and gate.rejected["restarted"] == 1
    assert "started again" in gate.trouble
    checked = play(gate, [frame(60, stamp_s=71 * DT, engaged=False), frame(61, stamp_s=72 * DT)])
    assert [c.engaged for c in checked] == [False, True]


def test_a_restart_that_says_so_is_heard_at_once():
    gate = FrameGate()
    play(gate, [frame(1000, stamp_s=0.0)])
    checked = gate.check(frame(0, stamp_s=DT, space=1), DT)
    assert checked is not None and not checked.engaged and gate.rejected == {"restarted": 1}


def test_a_late_frame_of_the_old_space_is_only_late():
    gate = FrameGate()
    play(gate, [frame(5, space=1)])
    assert gate.check(frame(4, stamp_s=6 * DT, space=0), 6 * DT) is None
    assert gate.rejected == {"out_of_order": 1} and gate.engaged


def test_a_new_origin_is_no_jump_and_needs_a_new_engage():
    gate = FrameGate()
    moved = [frame(k, right=hand(1.5, noise=k), left=hand(1.5, "left", noise=k), space=1) for k in range(2, 30)]
    checked = play(gate, [frame(0), frame(1), *moved])
    assert gate.rejected == {"recentered": 1} and "moved its origin" in gate.trouble
    assert [c.engaged for c in checked] == [True, True, *[False] * 28]
    assert checked[2].right == moved[0].right


def test_a_clock_that_goes_back_is_followed_and_needs_a_new_engage():
    gate = FrameGate()
    play(gate, [frame(k, stamp_s=50.0 + k * DT) for k in range(3)])
    checked = play(gate, [frame(k, stamp_s=k * DT) for k in range(3, 6)])
    assert gate.rejected == {"clock_went_back": 1} and not any(c.engaged for c in checked)


def test_duplicates_and_late_frames_change_nothing_but_a_counter():
    gate, rng = FrameGate(), np.random.default_rng(1)
    frames = [frame(k, right=hand(0.005 * k, noise=k)) for k in range(200)]
    order = np.argsort(np.arange(200) + rng.uniform(0, 5, 200))
    mixed = np.repeat(order, rng.integers(1, 3, 200))
    passed = []
    for place, k in enumerate(mixed):
        stamp_s = place * DT / 2
        checked = gate.check(frame(int(k), right=frames[k].right, stamp_s=stamp_s), stamp_s)
        assert gate.engaged
        passed += [] if checked is None else [checked]
    assert set(gate.rejected) == {"out_of_order"} and (np.diff([f.sequence for f in passed]) > 0).all()


def test_a_stale_frame_ends_the_engagement():
    gate = FrameGate()
    play(gate, [frame(0)])
    assert gate.check(frame(1), 0.3) is None and not gate.engaged and "too late" in gate.trouble
    assert not gate.check(frame(2, stamp_s=0.31), 0.31).engaged


# --- parts that change into something else ---


@pytest.mark.parametrize("apart_m", [0.05, 0.1, 0.4, 1.0])
@pytest.mark.parametrize("speed_m_s", [0.0, 1.5])
def test_hands_that_change_places_are_dropped_and_need_a_new_engage(apart_m, speed_m_s):
    def both(k, exchanged):
        x, apart = speed_m_s * k * DT, np.array([0.0, apart_m / 2, 0.0])
        tremor = np.random.default_rng(k).normal(0, 1e-4, (2, 3))
        here = [np.array([x, 0, 1.0]) + apart + tremor[0], np.array([x, 0, 1.0]) - apart + tremor[1]]
        T = [np.eye(4), np.eye(4)]
        for pose, place in zip(T, reversed(here) if exchanged else here, strict=True):
            pose[:3, 3] = place
        return frame(k, left=HandFrame(T[0]), right=HandFrame(T[1]))

    gate = FrameGate()
    checked = play(gate, [both(k, exchanged=k >= 20) for k in range(60)])
    assert gate.rejected == {"hands_swapped": 1} and "changed places" in gate.trouble
    assert checked[20].left == checked[20].right == HandFrame()
    assert [c.engaged for c in checked] == [True] * 20 + [False] * 40


def test_hands_that_pass_each_other_closely_are_not_swapped():
    gate = FrameGate()
    for k in range(72):
        y = 0.3 * np.cos(2 * np.pi * k / 72)  # each hand to the other side and back, up to 1.9 m/s
        T = [np.eye(4), np.eye(4)]
        T[0][:3, 3], T[1][:3, 3] = (0.33, y, 1.0), (0.27, -y, 1.0)
        gate.check(frame(k, left=HandFrame(T[0]), right=HandFrame(T[1])), k * DT)
    assert not gate.rejected


def test_a_hand_of_the_other_side_is_dropped():
    gate = FrameGate()
    wrong = HandFrame(hand().T_world_wrist, hand_points("left", 0.3))
    checked = play(gate, [frame(0), frame(1, right=wrong), frame(2)])
    assert checked[1].right == HandFrame() and checked[1].left.points_m is not None
    assert [c.engaged for c in checked] == [True, False, False]
    assert gate.rejected == {"right_mirrored": 1} and "of the other side" in gate.trouble


@pytest.mark.parametrize("curl", np.linspace(0.0, 1.0, 6))
@pytest.mark.parametrize("side", SIDES)
def test_chirality_is_known_from_open_hand_to_fist(side, curl):
    other = {"left": "right", "right": "left"}[side]
    for owner, fine in ((side, True), (other, False)):
        gate = FrameGate()
        hands = {side: HandFrame(None, hand_points(owner, curl))}
        checked = gate.check(
            OperatorFrame(0.0, 1, hands.get("left", HandFrame()), hands.get("right", HandFrame())), 0.0
        )
        assert (checked.hand(side).points_m is not None) == fine


@pytest.mark.parametrize("curl", [0.5, 0.75, 1.0])
@pytest.mark.parametrize("side", SIDES)
def test_fingers_that_close_through_the_back_of_the_hand_are_of_the_other_side(side, curl):
    gate = FrameGate()
    inside_out = HandFrame(None, hand_points(side, curl) * [1.0, 1.0, -1.0])
    gate.check(OperatorFrame(0.0, 1, *(inside_out if s == side else HandFrame() for s in SIDES)), 0.0)
    assert gate.rejected == {f"{side}_mirrored": 1}


@pytest.mark.parametrize(("scale", "reason"), [(0.3, "size_not_possible"), (2.0, "size_not_possible")])
def test_bones_nobody_has(scale, reason):
    gate = FrameGate()
    gate.check(frame(0, right=HandFrame(None, hand_points("right", 0.2) * scale)), 0.0)
    assert gate.rejected == {f"right_{reason}": 1}


@pytest.mark.parametrize("scale", [0.7, 0.8, 1.0, 1.25])
def test_small_and_large_hands_are_hands(scale):
    gate = FrameGate()
    gate.check(frame(0, right=HandFrame(None, hand_points("right", 0.2) * scale)), 0.0)
    assert not gate.rejected


def test_a_hand_that_becomes_another_size_is_another_hand():
    gate = FrameGate()
    small = [frame(k, right=HandFrame(hand(noise=k).T_world_wrist, hand_points("right", 0.2) * 0.75)) for k in (2, 3)]
    checked = play(gate, [frame(0), frame(1), *small])
    assert [c.engaged for c in checked] == [True, True, False, False]
    assert gate.rejected == {"right_changed_size": 1} and checked[3].right.points_m is not None


# --- frozen data ---


def test_a_frozen_hand_is_dropped_while_the_other_goes_on():
    gate = FrameGate()
    stuck = hand(0.1)
    checked = play(gate, [frame(k, right=stuck) for k in range(100)])
    dropped = [c.right.T_world_wrist is None for c in checked]
    first = dropped.index(True)
    assert GateLimits().max_still_s < first * DT < GateLimits().max_still_s + 2 * DT and all(dropped[first:])
    assert all(c.left.T_world_wrist is not None for c in checked)
    assert not any(c.engaged for c in checked[first:]) and set(gate.rejected) == {"right_frozen"}
    assert "again and again" in gate.trouble
    freed = play(
        gate, [frame(100, right=stuck, engaged=False), frame(101, right=stuck), frame(102, right=hand(0.1, noise=5))]
    )
    assert [c.engaged for c in freed] == [False, True, True]
    assert freed[1].right.T_world_wrist is None and freed[2].right.T_world_wrist is not None


def test_a_hand_that_thaws_elsewhere_has_jumped():
    gate = FrameGate()
    play(gate, [frame(k, right=hand(0.0)) for k in range(60)])
    play(gate, [frame(60, right=hand(0.0), engaged=False)])
    assert gate.check(frame(61, right=hand(0.0)), 61 * DT).engaged
    assert not gate.check(frame(62, right=hand(0.73)), 62 * DT).engaged and gate.rejected["right_wrist_jump"] == 1


@pytest.mark.parametrize("repeats", [2, 3, 4])
def test_a_slow_sensor_behind_a_fast_display_is_not_frozen(repeats):
    gate = FrameGate()
    play(gate, [frame(k, right=hand(noise=k // repeats), left=HandFrame()) for k in range(300)])
    assert not gate.rejected


def test_a_source_without_noise_may_stand_still():
    gate = FrameGate(NOISELESS)
    checked = play(gate, [frame(k, right=hand(), left=hand(side="left")) for k in range(500)])
    assert not gate.rejected and all(c.engaged for c in checked)


# --- the head ---


@pytest.mark.parametrize(
    ("now", "reason"), [(None, "head_lost"), (head(1.0), "head_jump"), (head(turn=2.5), "head_jump")]
)
def test_a_head_that_is_lost_or_jumps_ends_the_engagement(now, reason):
    gate = FrameGate()
    checked = play(gate, [frame(0, head=head()), frame(1, head=now), frame(2, head=now)])
    assert [c.engaged for c in checked] == [True, False, False] and gate.rejected == {reason: 1}
    assert checked[1].right.T_world_wrist is not None and "head" in gate.trouble


# --- elbows, words, and the time they are shown ---


@pytest.mark.parametrize("elbow_m", [[np.nan] * 3, [0.0, 0.0, 90.0], [0.3, -0.2, 1.0], [0.0, 0.0]])
def test_an_impossible_elbow_is_dropped_alone(elbow_m):
    gate, good = FrameGate(), hand()
    checked = gate.check(frame(0, right=HandFrame(good.T_world_wrist, good.points_m, np.array(elbow_m))), 0.0)
    assert checked.right == HandFrame(good.T_world_wrist, good.points_m) and checked.engaged
    assert gate.rejected == {"right_elbow_not_plausible": 1}


def test_a_possible_elbow_passes():
    gate, good = FrameGate(), hand()
    elbow_m = good.T_world_wrist[:3, 3] - [0.25, 0.0, 0.05]
    right = HandFrame(good.T_world_wrist, good.points_m, elbow_m)
    assert gate.check(frame(0, right=right), 0.0).right is right and not gate.rejected


def test_the_reason_stays_readable_for_a_while_after_the_robot_was_taken_away():
    gate = FrameGate()
    play(gate, [frame(0), frame(1, right=HandFrame())])
    gate.release()
    play(gate, [frame(2)])
    assert gate.engaged and gate.trouble == SENTENCES["right_hand_lost"]
    play(gate, [frame(k) for k in range(3, 400)])
    assert gate.trouble is None


def test_the_first_reason_is_the_one_that_is_told():
    gate = FrameGate()
    play(gate, [frame(0), frame(1, right=hand(0.73)), frame(2, left=HandFrame(), right=hand(0.73))])
    assert gate.trouble == SENTENCES["right_wrist_jump"]
