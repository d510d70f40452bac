"""What a worker keeps between jobs: the world of a task and the policy of a checkpoint."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ..errors import CheckpointInvalid
from ..failure_calibration.files import policy_hash
from ..policy.local import LocalPolicy, load_policy
from ..robots.description import RobotDescription, load_robot
from ..sim.tasks import task_params
from ..sim.world import World


@lru_cache(maxsize=1)
def robot_of(name: str) -> RobotDescription:
    """The robot of that name."""
    return load_robot(name)


@lru_cache(maxsize=3)
def world_of(robot: str, task: str, form: str, spread: str, start: str = "beginning") -> World:
    """A world to reset: what an episode before left in it does not count."""
    return World(robot_of(robot), task, params=task_params(task, spread, form, start))


@lru_cache(maxsize=2)
def policy_of(checkpoint: str, sha: str, robot: str, beta: float | None) -> LocalPolicy:
    """The policy of a checkpoint whose hash is ``sha``, guided by ``beta`` where it has conditions.

    Raises:
        CheckpointInvalid: the file is another one by now, or does not fit the robot.
    """
    if policy_hash(checkpoint) != sha:
        raise CheckpointInvalid(f"{checkpoint}: is another file than when this began (hash {sha} then)")
    policy = load_policy(Path(checkpoint), robot_of(robot))
    if beta is not None and policy.beta is not None:
        policy.beta = beta
    return policy
