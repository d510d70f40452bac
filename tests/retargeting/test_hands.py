"""Fingers follow: open is open, closed is closed, left mirrors right, and nothing leaves the limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.retargeting.hands import HandRetargeter, hand_angles
from rove_teleop.robots.description import load_robot
from rove_teleop.robots.operator import HAND_ANGLES
from rove_teleop.types import HAND_POINTS

ROBOT = load_robot("iron_r01")
INDEX = HAND_POINTS.index("index_mcp")


def finger_points(side, mcp=0.0, pip=0.0, dip=0.0, spread=0.0):
    """A flat hand whose index finger is bent and spread by the given angles [rad]; spread is positive towards +y."""
    points = np.zeros((21, 3))
    for finger in range(5):
        y = (0.03 - 0.02 * finger) * (1.0 if side == "right" else -1.0)
        points[1 + 4 * finger : 5 + 4 * finger] = [[0.08 + 0.03 * k, y, 0.0] for k in range(4)]
    bend = np.cumsum([mcp, pip, dip])
    for k, angle in enumerate(bend):
        flat = np.array([np.cos(angle), 0.0, -np.sin(angle)])
        turn = np.array([[np.cos(spread), -np.sin(spread), 0], [np.sin(spread), np.cos(spread), 0], [0, 0, 1.0]])
        points[INDEX + k + 1] = points[INDEX + k] + 0.03 * (turn @ flat)
    return points


def joint(robot_hand, angles, name):
    return angles[list(robot_hand.joints).index(ROBOT.index(name))]


def test_every_angle_a_robot_may_name_is_measured():
    assert set(hand_angles(finger_points("right"), "right")) == set(HAND_ANGLES)


@given(st.floats(0.0, 1.4), st.floats(0.0, 1.6), st.floats(0.0, 1.4), st.floats(-0.3, 0.3))
def test_angles_are_those_the_finger_was_bent_by(mcp, pip, dip, spread):
    for side in ("left", "right"):
        angles = hand_angles(finger_points(side, mcp, pip, dip, spread), side)
        assert angles["index_mcp_flexion"] == pytest.approx(mcp, abs=1e-6)
        assert angles["index_pip_flexion"] == pytest.approx(pip, abs=1e-6)
        assert angles["index_dip_flexion"] == pytest.approx(dip, abs=1e-6)
        if mcp < 1.2:
            assert angles["index_abduction"] == pytest.approx(spread, abs=1e-6)
        assert angles["middle_mcp_flexion"] == pytest.approx(0.0, abs=1e-9)


def test_a_closing_hand_closes_the_robots_hand():
    hand = HandRetargeter(ROBOT, "right")
    last = ROBOT.home_rad[hand.joints]
    opened, closed = (hand.angles(finger_points("right", c, c), last) for c in (0.0, 1.3))
    assert joint(hand, opened, "right_index_proximal") == pytest.approx(0.0, abs=1e-9)
    assert joint(hand, closed, "right_index_proximal") == pytest.approx(1.3, abs=1e-6)
    assert joint(hand, closed, "right_index_distal") == pytest.approx(1.3, abs=1e-6)


numbers = st.one_of(st.floats(-0.3, 0.3), st.sampled_from([np.nan, np.inf, 0.0, 1e200, -1e200]))


@settings(deadline=None)
@given(st.lists(st.lists(numbers, min_size=63, max_size=63), max_size=4), st.booleans())
def test_joints_stay_inside_limits_and_finite_for_any_points(stream, anchored):
    hand = HandRetargeter(ROBOT, "left")
    low, high = ROBOT.q_min_rad[hand.joints], ROBOT.q_max_rad[hand.joints]
    last = ROBOT.home_rad[hand.joints]
    hand.anchor(last if anchored else None)
    with np.errstate(all="ignore"):
        for values in stream:
            last = hand.angles(np.array(values).reshape(21, 3), last)
            assert np.all(last >= low) and np.all(last <= high)


def test_bad_points_hold_the_last_angles():
    hand = HandRetargeter(ROBOT, "right")
    last = ROBOT.home_rad[hand.joints] + 0.01
    assert np.array_equal(hand.angles(np.full((21, 3), np.nan), last), last)


def test_an_anchored_hand_does_not_move_until_the_fingers_do_and_then_catches_up():
    hand = HandRetargeter(ROBOT, "right")
    held = ROBOT.home_rad[hand.joints] + 0.4 * (ROBOT.q_max_rad - ROBOT.home_rad)[hand.joints]
    hand.anchor(held)
    for _ in range(10):
        assert np.allclose(hand.angles(finger_points("right"), held), held, atol=1e-12)
    for k in range(400):  # the operator works the finger
        angle = 0.7 - 0.7 * np.cos(0.1 * k)
        q_rad = hand.angles(finger_points("right", angle, angle), held)
    assert joint(hand, q_rad, "right_index_proximal") == pytest.approx(angle, abs=1e-6)
    assert joint(hand, q_rad, "right_little_proximal") == pytest.approx(joint(hand, held, "right_little_proximal"))
