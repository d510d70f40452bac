"""A small inverse kinematics for these tests alone: the right arm follows a wrist pose."""

from __future__ import annotations

import numpy as np

from rove_teleop.geometry import pose_error
from rove_teleop.robots import Kinematics, RobotDescription
from rove_teleop.sim.expert import Expert
from rove_teleop.sim.world import World


class RightArm:
    """Joint targets for wrist poses, by damped least squares with a pull towards where the arm started."""

    def __init__(self, robot: RobotDescription, q_rad: np.ndarray) -> None:
        self.q_rad, self.kinematics = q_rad.copy(), Kinematics(robot)
        self._joints = robot.groups["right_arm"]
        self._low, self._high = robot.q_min_rad[self._joints], robot.q_max_rad[self._joints]
        self._rest = q_rad[self._joints].copy()

    def measured(self, q_rad: np.ndarray) -> np.ndarray:
        self.kinematics.update(q_rad)
        return self.kinematics.frame("right_wrist")

    def follow(self, T_base_wrist: np.ndarray, iterations: int = 3) -> np.ndarray:
        for _ in range(iterations):
            error = pose_error(self.measured(self.q_rad), T_base_wrist)
            jacobian = self.kinematics.jacobian("right_wrist")[:, self._joints]
            inverse = jacobian.T @ np.linalg.inv(jacobian @ jacobian.T + 1e-4 * np.eye(6))
            free = (np.eye(7) - inverse @ jacobian) @ (0.01 * (self._rest - self.q_rad[self._joints]))
            step = np.clip(inverse @ error + free, -0.1, 0.1)
            self.q_rad[self._joints] = np.clip(self.q_rad[self._joints] + step, self._low, self._high)
        return self.q_rad


def run_episode(world: World, expert: Expert, seed: int) -> None:
    """One episode with the expert's hand driving the right arm directly, until it ends or its time is up."""
    world.reset(seed)
    continue_episode(world, expert, RightArm(world.robot, world.start_pose_rad))


def continue_episode(world: World, expert: Expert, arm: RightArm, period_s: float = 0.016) -> None:
    """From where the arm is now to the end."""
    expert.start(arm.measured(arm.q_rad))
    end_s = world.time_s + world.task.params.time_limit_s
    while world.time_s < end_s:
        state = world.task_state(world.time_s)
        if state.success or state.failure is not None:
            return
        T_base_wrist = arm.measured(world.robot_state(world.time_s).q_rad)
        world.command(arm.follow(expert.step(state, T_base_wrist, period_s)))
        world.advance(period_s)
