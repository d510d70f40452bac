"""Commands that stop at full speed: the simulated robot with its guard stands within 100 ms, in virtual time."""

from __future__ import annotations

import numpy as np
import pytest

from rove_teleop.robot_io.command_guard import CommandGuard, Mode
from rove_teleop.robot_io.envelope import Envelope
from rove_teleop.robots.description import load_robot
from rove_teleop.sim.world import World
from rove_teleop.types import Array

ROBOT = load_robot("iron_r01")
TIMEOUT_S = 0.1


class Bench:
    """The simulated robot's period without ROS."""

    def __init__(self) -> None:
        self.world, self.guard, self.now_s, self.sequence = (
            World(ROBOT, "toaster"),
            CommandGuard(ROBOT, TIMEOUT_S),
            0.0,
            0,
        )
        self.guard.activate(self.world.robot_state(0.0).q_rad)

    def period(self, command_rad: Array | None = None) -> None:
        state = self.world.robot_state(self.now_s)
        if command_rad is not None:
            self.sequence += 1
            self.guard.offer(Envelope("test", 1, self.sequence), command_rad, state)
        self.world.command(self.guard.target(state, ROBOT.dt_s))
        self.world.advance(ROBOT.dt_s)
        self.now_s += ROBOT.dt_s


@pytest.mark.parametrize(
    "joint", ["waist_yaw", "neck_yaw", "left_shoulder_pitch", "left_elbow_pitch", "left_wrist_pitch"]
)
def test_a_tenth_of_the_speed_is_left_after_100_ms_and_it_holds(joint: str) -> None:
    bench, i = Bench(), ROBOT.index(joint)
    command = bench.world.start_pose_rad.copy()
    towards = 1.0 if ROBOT.q_max_rad[i] - command[i] > command[i] - ROBOT.q_min_rad[i] else -1.0
    speed = 0.0
    for _ in range(90):
        speed = min(speed + ROBOT.a_max_rad_s2[i] * ROBOT.dt_s, ROBOT.v_max_rad_s[i])
        command[i] += towards * speed * ROBOT.dt_s
        bench.period(command)
    before = bench.world.robot_state(bench.now_s)
    assert abs(before.dq_rad_s[i]) > 0.9 * ROBOT.v_max_rad_s[i]
    for _ in range(round(0.1 / ROBOT.dt_s)):
        bench.period()
    after = bench.world.robot_state(bench.now_s)
    assert abs(after.dq_rad_s[i]) <= 0.1 * ROBOT.v_max_rad_s[i]
    for _ in range(100):
        bench.period()
        q_rad = bench.world.robot_state(bench.now_s).q_rad[i]
        assert towards * (q_rad - command[i]) < 0.02
    assert bench.guard.mode is Mode.HOLDING
    assert np.abs(bench.world.robot_state(bench.now_s).dq_rad_s).max() < 0.02
