"""Episodes as trajectories to learn from: collected tick by tick in memory, or read from a sealed episode."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..control_loop import Tick
from ..episodes.read import open_episode
from ..errors import DatasetInvalid
from ..training.windows import Trajectory
from ..types import Array, Authority, TaskState

CONTROL = ("stamp_s", "q_measured_rad", "q_sent_rad", "q_policy_rad", "q_operator_rad", "authority")


class TrajectoryRecorder:
    """Collects the ticks of an episode. The target is what the driver asked for, before smoothing and limits."""

    def __init__(self, joint_names: tuple[str, ...], feature_names: tuple[str, ...]) -> None:
        self._names = joint_names, feature_names
        self._ticks: list[Tick] = []
        self._tasks: list[TaskState] = []

    def __call__(self, tick: Tick, task: TaskState) -> None:
        self._ticks.append(tick)
        if not self._tasks or task is not self._tasks[-1]:
            self._tasks.append(task)

    def trajectory(self) -> Trajectory:
        """What was recorded so far; rows before the first command are left out."""
        ticks = [tick for tick in self._ticks if tick.q_sent_rad is not None]
        if not ticks:
            raise DatasetInvalid("the episode ended before a single command was sent")
        return Trajectory(
            *self._names,
            stamp_s=np.array([tick.stamp_s for tick in ticks]),
            q_measured_rad=np.array([tick.q_measured_rad for tick in ticks]),
            q_sent_rad=np.array([tick.q_sent_rad for tick in ticks]),
            q_target_rad=asked(
                np.array([tick.authority for tick in ticks]),
                np.array([tick.q_policy_rad for tick in ticks]),
                np.array([tick.q_operator_rad for tick in ticks]),
            ),
            task_stamp_s=np.array([task.stamp_s for task in self._tasks]),
            task_features=np.array([task.features for task in self._tasks]),
        )


def load_trajectory(path: Path) -> Trajectory:
    """A sealed episode as a trajectory, with the same meaning as `TrajectoryRecorder` gives it.

    Raises:
        DatasetInvalid: not an episode, damaged, empty, or recorded without the state of its task.
    """
    episode = open_episode(path)
    try:
        control = {name: np.array(episode[f"control/{name}"]) for name in CONTROL}
        task_stamp_s, features = np.array(episode["task/stamp_s"]), np.array(episode["task/features"])
        joint_names, feature_names = episode.attributes["joint_names"], episode.attributes["feature_names"]
    except KeyError as error:
        raise DatasetInvalid(f"{path}: holds no {error}, so there is nothing to learn from it") from error
    if not len(control["stamp_s"]) or not len(task_stamp_s) or features.shape[1] != len(feature_names):
        ticks, names = len(control["stamp_s"]), len(feature_names)
        raise DatasetInvalid(f"{path}: has {ticks} ticks, task features {features.shape} and {names} names of features")
    return Trajectory(
        tuple(joint_names),
        tuple(feature_names),
        stamp_s=control["stamp_s"],
        q_measured_rad=control["q_measured_rad"],
        q_sent_rad=control["q_sent_rad"],
        q_target_rad=asked(control["authority"], control["q_policy_rad"], control["q_operator_rad"]),
        task_stamp_s=task_stamp_s,
        task_features=features,
    )


def asked(authority: np.ndarray, q_policy_rad: Array, q_operator_rad: Array) -> Array:
    """What the one who drove asked for, (t, n), of the rows of ``authority`` (t,); NaN where nobody did.

    This and not ``q_target_rad`` of an episode is what a policy should learn: the target there is already smoothed,
    and what a policy says will be smoothed again.
    """
    human, policy = authority == Authority.HUMAN, authority == Authority.POLICY
    result = np.where(policy[:, None], q_policy_rad, np.nan)
    result[human] = q_operator_rad[human]
    return result
