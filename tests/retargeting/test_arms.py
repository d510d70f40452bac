"""Arms reach what can be reached to a millimetre, stay inside limits always, and stand still at a still goal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.geometry import exp_so3, transform
from rove_teleop.retargeting.arms import ArmIK
from rove_teleop.robots.description import load_robot
from rove_teleop.robots.kinematics import Kinematics

DT = 1.0 / 72.0
ROBOT = load_robot("iron_r01")
KINEMATICS = Kinematics(ROBOT)
RIGHT = ROBOT.groups["right_arm"]
SITE = "right_wrist"


def pose_at(q_rad, site=SITE):
    KINEMATICS.update(q_rad)
    return KINEMATICS.frame(site)


def near_home(offsets):
    q_rad = ROBOT.home_rad.copy()
    q_rad[RIGHT] = np.clip(q_rad[RIGHT] + offsets, ROBOT.q_min_rad[RIGHT] + 0.05, ROBOT.q_max_rad[RIGHT] - 0.05)
    return q_rad


offsets = st.lists(st.floats(-0.5, 0.5), min_size=7, max_size=7).map(np.array)


@settings(max_examples=15, deadline=None)
@given(offsets)
def test_it_converges_from_home_to_reachable_poses_within_a_millimetre(offset):
    ik, q_rad = ArmIK(ROBOT, KINEMATICS), ROBOT.home_rad
    goal = pose_at(near_home(offset))
    for _ in range(3 * 72):
        solution = ik.solve({SITE: goal}, q_rad, DT)
        q_rad = solution.q_rad
    assert solution.residual_m < 1e-3 and solution.residual_rad < 5e-3


@settings(max_examples=50, deadline=None)
@given(
    offsets,
    st.lists(st.floats(-3, 3), min_size=3, max_size=3).map(np.array),
    st.lists(st.floats(-3, 3), min_size=3, max_size=3).map(np.array),
    st.floats(1e-4, 0.1),
)
def test_limits_hold_for_any_goal(offset, position, rotation, dt_s):
    ik, q_rad = ArmIK(ROBOT, KINEMATICS), near_home(offset)
    for _ in range(5):
        new = ik.solve({SITE: transform(exp_so3(rotation), position)}, q_rad, dt_s).q_rad
        assert np.all(new >= ROBOT.q_min_rad) and np.all(new <= ROBOT.q_max_rad)
        assert np.all(np.abs(new - q_rad) <= ROBOT.v_max_rad_s * dt_s * (1 + 1e-9) + 1e-15)
        q_rad = new


def test_only_the_joints_of_the_goal_move():
    ik = ArmIK(ROBOT, KINEMATICS)
    goal = pose_at(ROBOT.home_rad) @ transform(np.eye(3), np.array([0.03, 0.0, 0.02]))
    moved = ik.solve({SITE: goal}, ROBOT.home_rad, DT).q_rad != ROBOT.home_rad
    assert moved[RIGHT].any() and not np.delete(moved, RIGHT).any()


def test_a_still_goal_is_exactly_still():
    q_rad = near_home(np.linspace(-0.4, 0.4, 7))
    ik = ArmIK(ROBOT, KINEMATICS)
    ik.posture_rad = q_rad
    for _ in range(20):
        assert np.array_equal(ik.solve({SITE: pose_at(q_rad)}, q_rad, DT).q_rad, q_rad)


@pytest.mark.parametrize("speed_m_s", [0.1, 0.3])
def test_it_tracks_a_moving_hand_within_two_millimetres(speed_m_s):
    ik, q_rad = ArmIK(ROBOT, KINEMATICS), near_home(np.array([-0.3, 0.0, 0.0, 0.4, 0.0, 0.0, 0.0]))
    start, errors = pose_at(q_rad), []
    for k in range(5 * 72):
        phase = speed_m_s / 0.1 * k * DT  # a circle of 10 cm radius
        goal = start.copy()
        goal[:3, 3] += 0.1 * np.array([np.sin(phase), 0.3 * np.sin(phase), 1.0 - np.cos(phase)])
        goal[:3, :3] = exp_so3(np.array([0.0, 0.0, 0.2 * np.sin(phase)])) @ start[:3, :3]
        solution = ik.solve({SITE: goal}, q_rad, DT)
        q_rad = solution.q_rad
        errors.append(solution.residual_m)
    assert max(errors) < 2e-3 and np.median(errors) < 1e-4


def test_a_goal_that_is_not_finite_holds_and_the_other_arm_goes_on():
    ik = ArmIK(ROBOT, KINEMATICS)
    left = pose_at(ROBOT.home_rad, "left_wrist") @ transform(np.eye(3), np.array([0.02, 0.0, 0.0]))
    solution = ik.solve({SITE: np.full((4, 4), np.nan), "left_wrist": left}, ROBOT.home_rad, DT)
    assert np.array_equal(solution.q_rad[RIGHT], ROBOT.home_rad[RIGHT])
    assert np.any(solution.q_rad[ROBOT.groups["left_arm"]] != ROBOT.home_rad[ROBOT.groups["left_arm"]])


def test_a_start_outside_the_limits_comes_back_inside():
    q_rad = ROBOT.home_rad.copy()
    q_rad[RIGHT[3]] = 0.2  # the elbow beyond straight
    solution = ArmIK(ROBOT, KINEMATICS).solve({SITE: pose_at(ROBOT.home_rad)}, q_rad, DT)
    assert np.all(solution.q_rad <= ROBOT.q_max_rad)


def test_numbers_that_are_not_finite_are_refused():
    ik = ArmIK(ROBOT, KINEMATICS)
    for q_rad, dt_s in ((ROBOT.home_rad * np.nan, DT), (ROBOT.home_rad, np.nan), (ROBOT.home_rad, 0.0)):
        with pytest.raises(ValueError, match="finite"):
            ik.solve({SITE: np.eye(4)}, q_rad, dt_s)


def test_out_of_reach_stays_calm_and_says_so():
    ik, q_rad = ArmIK(ROBOT, KINEMATICS), ROBOT.home_rad
    goal = pose_at(ROBOT.home_rad) @ transform(np.eye(3), np.array([1.0, 0.0, 0.0]))
    path = []
    for _ in range(4 * 72):
        solution = ik.solve({SITE: goal}, q_rad, DT)
        q_rad = solution.q_rad
        path.append(q_rad[RIGHT])
    assert solution.residual_m > 0.3
    assert np.abs(np.diff(path[-72:], axis=0)).max() < 2e-3  # no chatter once it is stretched


def test_the_waist_and_the_neck_can_be_asked_to_help():
    goal = pose_at(ROBOT.home_rad) @ transform(np.eye(3), np.array([0.6, 0.0, 0.0]))
    reached = {}
    for groups in (("right_arm",), ("waist", "right_arm")):
        ik, q_rad = ArmIK(ROBOT, KINEMATICS, groups=groups), ROBOT.home_rad
        for _ in range(5 * 72):
            solution = ik.solve({SITE: goal}, q_rad, DT)
            q_rad = solution.q_rad
        reached[groups[0]] = solution.residual_m
    assert reached["waist"] < 0.5 * reached["right_arm"]
    neck = ArmIK(ROBOT, KINEMATICS, groups=("neck",))
    look = pose_at(ROBOT.home_rad, "head") @ transform(exp_so3(np.array([0.0, 0.2, 0.3])), np.zeros(3))
    q_rad = ROBOT.home_rad
    for _ in range(72):
        solution = neck.solve({"head": look}, q_rad, DT)
        q_rad = solution.q_rad
    assert solution.residual_rad < 0.02
