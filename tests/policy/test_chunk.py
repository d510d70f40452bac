import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.policy.chunk import MOST_RAD, ChunkSchedule
from rove_teleop.types import ActionChunk

JOINTS = np.array([4, 2], dtype=np.int64)


def chunk(received_s=0.0, first=0.0, last=1.0, offset_s=None, joints=JOINTS, q_rad=None):
    offset_s = 0.05 * np.arange(1, 17) if offset_s is None else np.asarray(offset_s, dtype=float)
    if q_rad is None:
        q_rad = np.linspace(first, last, len(offset_s))[:, None] * np.ones(len(joints))
    return ActionChunk(received_s, offset_s, joints, q_rad)


def test_nothing_offered_means_hold():
    assert ChunkSchedule(5).at(0.0) is None


def test_a_plan_is_followed_between_its_points_and_then_expires():
    schedule = ChunkSchedule(5)
    assert schedule.offer(chunk(received_s=10.0)) is None
    index, target = schedule.at(10.0 + 0.05 * 8.5)
    np.testing.assert_array_equal(index, JOINTS)
    np.testing.assert_allclose(target, 7.5 / 15)
    np.testing.assert_allclose(schedule.at(10.8)[1], 1.0)
    assert schedule.at(10.8 + 1e-6) is None
    assert schedule.at(float("nan")) is None


def test_two_plans_that_disagree_meet_in_a_ramp():
    schedule = ChunkSchedule(5, blend_s=0.08)
    schedule.offer(chunk(received_s=0.0, first=0.0, last=0.0))
    schedule.offer(chunk(received_s=0.4, first=1.0, last=1.0))
    times = 0.4 + np.arange(0.0, 0.1, 0.004)
    said = np.array([schedule.at(t)[1][0] for t in times])
    assert said[0] == 0.0
    assert said[-1] == 1.0
    assert np.all(np.diff(said) >= 0.0)
    assert np.max(np.diff(said)) <= 15 / 8 * 0.004 / 0.08 + 1e-9, "the steepest of a minimum-jerk ramp"


def test_a_late_plan_is_preceded_by_a_hold_and_never_by_a_jump():
    """The end of a plan is held by the caller; the plan that comes late counts from its own stamps."""
    schedule = ChunkSchedule(5)
    schedule.offer(chunk(received_s=0.0, first=0.0, last=0.0))
    assert schedule.at(0.81) is None
    # Made of an observation of 0.2 s ago: what would have been for that time is over.
    assert schedule.offer(chunk(received_s=0.9, offset_s=0.05 * np.arange(1, 17) - 0.2)) is None
    np.testing.assert_allclose(schedule.at(0.9)[1], (0.2 - 0.05) / 0.05 / 15, atol=1e-9)


def test_two_plans_that_agree_are_one_motion_whatever_the_latency():
    """One straight motion, planned again every 0.3 s from observations up to 0.2 s old: nobody sees the joins."""
    schedule, step_s = ChunkSchedule(5), 0.05
    for k in range(6):
        observed_s, arrives_s = 0.3 * k, 0.3 * k + 0.04 * k
        offset_s = step_s * np.arange(1, 17) - (arrives_s - observed_s)
        q_rad = 0.7 * (arrives_s + offset_s)[:, None] * np.ones(2)
        assert schedule.offer(chunk(received_s=arrives_s, offset_s=offset_s, q_rad=q_rad)) is None
        for t in np.arange(max(arrives_s, 0.05), arrives_s + 0.3, 0.01):
            np.testing.assert_allclose(schedule.at(float(t))[1], 0.7 * t, atol=1e-9)


def test_a_plan_that_interrupts_a_blend_does_not_jump():
    schedule = ChunkSchedule(5, blend_s=0.08)
    schedule.offer(chunk(received_s=0.0, first=0.0, last=0.0))
    schedule.offer(chunk(received_s=0.4, first=1.0, last=1.0))
    before = schedule.at(0.44)[1][0]
    schedule.offer(chunk(received_s=0.44, first=-3.0, last=-3.0))
    assert schedule.at(0.44)[1][0] == pytest.approx(before, abs=1e-9)


def test_a_plan_after_a_hold_starts_at_once():
    schedule = ChunkSchedule(5)
    schedule.offer(chunk(received_s=0.0))
    schedule.offer(chunk(received_s=5.0, first=3.0, last=3.0))
    assert schedule.at(5.0)[1][0] == 3.0


def test_clear_forgets():
    schedule = ChunkSchedule(5)
    schedule.offer(chunk())
    schedule.clear()
    assert schedule.at(0.1) is None
    assert schedule.age_s(0.1) == np.inf


NAN = float("nan")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (chunk(q_rad=np.full((16, 2), NAN)), "not finite"),
        (chunk(received_s=NAN), "not finite"),
        (chunk(offset_s=[0.1, np.inf]), "not finite"),
        (chunk(q_rad=np.full((16, 2), 1e300)), "beyond any joint"),
        (chunk(q_rad=np.zeros((16, 3))), "wrong shape"),
        (chunk(q_rad=np.zeros(32)), "wrong shape"),
        (chunk(offset_s=[], q_rad=np.zeros((0, 2))), "wrong shape"),
        (chunk(joints=np.array([1, 5])), "unknown or repeated joint"),
        (chunk(joints=np.array([-1, 2])), "unknown or repeated joint"),
        (chunk(joints=np.array([3, 3])), "unknown or repeated joint"),
        (chunk(offset_s=[0.1, 0.1]), "offsets do not increase"),
        (chunk(offset_s=[0.2, 0.1]), "offsets do not increase"),
        (chunk(offset_s=[-0.4, 0.1]), "observation too old"),
        (chunk(offset_s=[-0.2, -0.1]), "already past"),
        (chunk(received_s=-1.0), "out of order"),
    ],
)
def test_a_malformed_chunk_is_refused_counted_and_changes_nothing(bad, reason):
    schedule = ChunkSchedule(5)
    schedule.offer(chunk())
    said = schedule.at(0.3)[1]
    assert schedule.offer(bad) == reason
    assert schedule.refused == {reason: 1}
    np.testing.assert_array_equal(schedule.at(0.3)[1], said)


floats = st.floats(allow_nan=True, allow_infinity=True, width=32)


@st.composite
def hostile_chunks(draw):
    rows = draw(st.integers(0, 5))
    joints = draw(st.lists(st.integers(-2, 6), max_size=3))
    values = draw(st.lists(floats, min_size=rows * len(joints), max_size=rows * len(joints)))
    offsets = draw(st.lists(st.one_of(floats, st.floats(-0.3, 1.0)), min_size=rows, max_size=rows))
    if draw(st.booleans()):
        offsets = sorted(offsets)
    q_rad = np.array(values, dtype=float).reshape(rows, len(joints))
    return ActionChunk(draw(st.floats(0.0, 3.0)), np.array(offsets), np.array(joints, dtype=np.int64), q_rad)


@given(st.lists(hostile_chunks(), max_size=6), st.floats(-1.0, 5.0))
@settings(max_examples=300, deadline=None)
def test_no_input_ever_yields_nan_or_a_joint_that_is_not_there(chunks, now_s):
    schedule = ChunkSchedule(5)
    for item in chunks:
        schedule.offer(item)
        said = schedule.at(now_s)
        if said is not None:
            assert np.all(np.abs(said[1]) <= MOST_RAD)
            assert np.all((said[0] >= 0) & (said[0] < 5))
    assert schedule.accepted + schedule.refused.total() == len(chunks)


plans = st.lists(st.floats(-3.0, 3.0), min_size=6, max_size=6)


@given(st.lists(st.tuples(st.floats(0.0, 0.4), plans), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_the_target_stays_in_the_hull_of_the_plans_and_moves_without_steps(arrivals):
    """Sampled every millisecond over any train of plans: inside what was offered, and slower than the ramp allows."""
    schedule = ChunkSchedule(1, blend_s=0.08)
    now_s, values, before = 0.0, [], None
    steepest = 15 / 8 * 6.0 / 0.08 + 6.0 / 0.1
    for wait_s, plan in arrivals:
        values += plan
        q_rad = np.array(plan)[:, None]
        assert schedule.offer(ActionChunk(now_s, 0.1 * np.arange(1, 7), np.array([0]), q_rad)) is None
        for t in np.arange(now_s, now_s + wait_s, 0.001):
            target = schedule.at(float(t))[1][0]
            assert min(values) - 1e-9 <= target <= max(values) + 1e-9
            assert before is None or abs(target - before) <= 0.002 * steepest
            before = target
        now_s += wait_s
