"""A retargeter's targets are finite, inside limits and speed bounds, valid only where tracked, still where still."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.geometry import exp_so3, transform
from rove_teleop.retargeting.retargeter import LONGEST_STEP_S, SHORTEST_STEP_S, Retargeter
from rove_teleop.robots.description import load_robot
from rove_teleop.robots.kinematics import Kinematics
from rove_teleop.types import HandFrame, OperatorFrame

from .test_hands import finger_points

ROBOT = load_robot("iron_r01")
DT = 1.0 / 72.0


def frame(right=None, left=None, head=None, points=None, k=0):
    return OperatorFrame(k * DT, k, HandFrame(left), HandFrame(right, points), head)


def started(q_rad=None, **options):
    retargeter = Retargeter(ROBOT, **options)
    retargeter.start(ROBOT.home_rad if q_rad is None else q_rad)
    return retargeter


def inside(seed):
    return np.random.default_rng(seed).uniform(ROBOT.q_min_rad, ROBOT.q_max_rad)


hands = st.builds(
    lambda r, p: transform(exp_so3(np.array(r)), np.array(p)),
    st.tuples(*[st.floats(-3, 3)] * 3),
    st.tuples(*[st.floats(-2, 2)] * 3),
)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), hands, hands)
def test_an_anchored_still_operator_gives_exactly_constant_targets(seed, right, left):
    q_rad = inside(seed)
    retargeter = started(q_rad, follow_head=True)
    still = frame(right, left, head=left, points=finger_points("right", 0.5, 0.6))
    first = retargeter.step(still, DT)
    assert np.allclose(first.q_rad, q_rad, atol=1e-9)
    for _ in range(20):
        assert np.array_equal(retargeter.step(still, DT).q_rad, first.q_rad)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), hands, hands)
def test_anchoring_again_anywhere_starts_still(seed, here, there):
    retargeter = started()
    retargeter.step(frame(here), DT)
    retargeter.step(frame(there), DT)
    q_rad = inside(seed)
    retargeter.anchor(q_rad)
    assert np.allclose(retargeter.step(frame(there), DT).q_rad, q_rad, atol=1e-9)


numbers = st.one_of(st.floats(-1.5, 1.5), st.sampled_from([np.nan, np.inf, -np.inf, 1e300, 0.0]))
damaged = st.one_of(st.none(), hands, st.lists(numbers, min_size=16, max_size=16).map(lambda v: np.reshape(v, (4, 4))))
points = st.one_of(st.none(), st.lists(numbers, min_size=63, max_size=63).map(lambda v: np.reshape(v, (21, 3))))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["anchored", "absolute"]),
    st.lists(st.tuples(damaged, damaged, damaged, points, numbers), min_size=1, max_size=6),
)
def test_whatever_comes_in_targets_are_finite_inside_limits_and_never_too_fast(mode, stream):
    retargeter, last = started(mode=mode, follow_head=True), ROBOT.home_rad
    with np.errstate(all="ignore"):
        for k, (right, left, head, finger, dt_s) in enumerate(stream):
            targets = retargeter.step(frame(right, left, head, finger, k), dt_s)
            step_s = min(max(dt_s, SHORTEST_STEP_S), LONGEST_STEP_S) if not np.isnan(dt_s) else SHORTEST_STEP_S
            assert np.all(targets.q_rad >= ROBOT.q_min_rad) and np.all(targets.q_rad <= ROBOT.q_max_rad)
            assert np.all(np.abs(targets.q_rad - last) <= ROBOT.v_max_rad_s * step_s * (1 + 1e-9) + 1e-12)
            last = targets.q_rad


def test_only_the_joints_of_tracked_parts_are_valid():
    retargeter = started(follow_head=True)
    groups = ROBOT.groups

    def valid(f):
        mask = retargeter.step(f, DT).valid
        return {name for name, joints in groups.items() if mask[joints].all()}, int(mask.sum())

    assert valid(frame(np.eye(4))) == ({"right_arm"}, 7)
    assert valid(frame(points=finger_points("right"))) == ({"right_hand"}, 15)
    assert valid(frame()) == (set(), 0)


def test_a_hand_that_comes_back_after_the_anchor_does_not_move_the_robot():
    retargeter = started()
    retargeter.step(frame(np.eye(4)), DT)
    targets = retargeter.step(frame(np.eye(4), left=transform(np.eye(3), np.ones(3))), DT)
    assert not targets.valid[ROBOT.groups["left_arm"]].any()
    assert np.array_equal(targets.q_rad[ROBOT.groups["left_arm"]], ROBOT.home_rad[ROBOT.groups["left_arm"]])


def test_the_wrist_follows_the_hand():
    retargeter, kinematics = started(), Kinematics(ROBOT)
    start = kinematics.frame("right_wrist")
    for k in range(72):
        moved = np.array([0.05 * np.sin(0.1 * k), 0.0, 0.05])
        targets = retargeter.step(frame(transform(np.eye(3), np.zeros(3) if k == 0 else moved), k=k), DT)
    kinematics.update(targets.q_rad)
    assert np.allclose(kinematics.frame("right_wrist")[:3, 3], start[:3, 3] + moved, atol=1e-3)
    assert retargeter.residual_m < 1e-3 and not retargeter.clamped[ROBOT.groups["left_arm"]].any()


def test_a_lost_hand_holds_its_arm():
    retargeter = started()
    retargeter.step(frame(np.eye(4)), DT)
    moved = retargeter.step(frame(transform(np.eye(3), np.array([0.02, 0.0, 0.0]))), DT).q_rad
    targets = retargeter.step(frame(), DT)
    assert np.array_equal(targets.q_rad, moved) and not targets.valid.any()


def test_a_start_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite"):
        started(ROBOT.home_rad * np.nan)
