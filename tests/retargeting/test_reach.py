"""Shoulders and reach are found for the robot as its model has them."""

import numpy as np
import pytest

from rove_teleop.retargeting.reach import arm_reach_m, shoulder_m
from rove_teleop.robots.description import load_robot
from rove_teleop.robots.kinematics import Kinematics


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_wrist_turns_about_the_shoulder_and_never_goes_beyond_reach(side):
    robot = load_robot("iron_r01")
    kinematics = Kinematics(robot)
    shoulder, reach = shoulder_m(robot, kinematics, side), arm_reach_m(robot, kinematics, side)
    joints, random = robot.groups[f"{side}_arm"], np.random.default_rng(5)
    straight = robot.home_rad.copy()
    for _ in range(20):
        straight[joints[:3]] = random.uniform(robot.q_min_rad[joints[:3]], robot.q_max_rad[joints[:3]])
        kinematics.update(straight)
        distance = np.linalg.norm(kinematics.frame(f"{side}_wrist")[:3, 3] - shoulder)
        assert distance == pytest.approx(np.linalg.norm(_home_wrist(robot, kinematics, side) - shoulder))
        assert distance < reach
    assert 0.4 < reach < 0.8


def _home_wrist(robot, kinematics, side):
    kinematics.update(robot.home_rad)
    return kinematics.frame(f"{side}_wrist")[:3, 3]
