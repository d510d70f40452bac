"""Control that is started again by hand is heard again: the robot takes it for another session."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from rove_teleop.nodes.control import parser
from rove_teleop.robot_io.command_guard import CommandGuard
from rove_teleop.robot_io.envelope import parse_envelope
from rove_teleop.robots.description import load_robot
from rove_teleop.types import RobotState


def test_the_robot_follows_control_that_was_started_again() -> None:
    robot = load_robot("iron_r01")
    guard = CommandGuard(robot, timeout_s=0.1)
    guard.activate(robot.home_rad)
    for now_s, sequence in ((0.0, 5000), (1.0, 1)):
        session = parser().parse_args([]).session
        measured = RobotState(now_s, robot.home_rad, np.zeros(robot.joint_count))
        guard.offer(parse_envelope(f"{session}/0/{sequence}"), robot.home_rad, measured)
    assert guard.accepted == 2
