"""What runs in virtual time goes through the path that is live for the robot."""

import shutil
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from rove_teleop.control.path_config import FILE_NAME
from rove_teleop.errors import ConfigInvalid
from rove_teleop.policy.protocol import Plan
from rove_teleop.robots.description import load_robot
from rove_teleop.sim.tasks import task_params
from rove_teleop.virtual_time.demonstrations import demonstrate
from rove_teleop.virtual_time.evaluation import evaluate
from rove_teleop.virtual_time.rollout import live_loop

ROBOT = load_robot("iron_r01")
SHARE = 0.1


@pytest.fixture
def slowed(tmp_path):
    """The same robot with a promoted path that allows a tenth of its speed."""
    folder = shutil.copytree(ROBOT.folder, tmp_path / ROBOT.folder.name)
    (folder / FILE_NAME).write_text(f"velocity_share: {SHARE}\n")
    return load_robot(folder)


@dataclass
class HurryingPolicy:
    """Asks one arm joint to be 0.4 rad further on in half a second, each time; notes what was commanded."""

    execute_s: float = 0.1
    commanded_rad: list[float] = field(default_factory=list)
    joint: int = int(ROBOT.groups["right_arm"][0])
    cameras: tuple[str, ...] = ()
    problem: str | None = None
    refused: Counter[str] = field(default_factory=Counter)

    def reset(self, seed):
        self.commanded_rad.clear()

    def act(self, observation):
        commanded_rad = observation.q_commanded_rad
        self.commanded_rad.append(commanded_rad[self.joint])
        ahead_rad = commanded_rad[self.joint] + np.array([[0.0], [0.4]])
        return Plan(np.array([0.0, 0.5]), np.array([self.joint]), ahead_rad)

    def fastest_rad_s(self):
        return np.max(np.abs(np.diff(self.commanded_rad))) / self.execute_s


def test_evaluation_goes_through_the_promoted_path(slowed):
    params = replace(task_params("toaster"), time_limit_s=0.8)
    fastest = {}
    for robot in (ROBOT, slowed):
        policy = HurryingPolicy()
        evaluate(robot, "toaster", policy, 1, params=params)
        fastest[robot.folder] = policy.fastest_rad_s() / robot.v_max_rad_s[policy.joint]
    assert fastest[ROBOT.folder] > 2 * SHARE
    assert 0.5 * SHARE < fastest[slowed.folder] <= SHARE * (1 + 1e-6)


def test_demonstrations_go_through_the_promoted_path(slowed):
    (trajectory,) = demonstrate(slowed, "toaster", 1, seed=4)
    speed = np.abs(np.diff(trajectory.q_sent_rad, axis=0)).max(axis=0) * slowed.control_hz / slowed.v_max_rad_s
    assert speed.max() <= SHARE * (1 + 1e-6)


def test_a_promoted_path_that_is_wrong_is_named(slowed):
    (slowed.folder / FILE_NAME).write_text("velocity_share: 2\n")
    with pytest.raises(ConfigInvalid, match=rf"{FILE_NAME}:1: 'velocity_share'"):
        live_loop(slowed)
