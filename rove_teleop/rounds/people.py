"""Simulated people without a robot, recorded for the critic: half of them succeed, half of them fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..episodes.dataset import Dataset
from ..episodes.record.virtual_clock import VirtualClock, virtual_id
from ..errors import DatasetInvalid
from ..people.episodes import HumanEpisode, record_person
from ..robots.description import RobotDescription
from ..sim.human_takes import PERIOD_S, HumanTake, human_take
from ..sim.tasks import make_task
from ..tracking.hand_shape import hand_points
from ..tracking.motion import Motion
from ..types import HandFrame, OperatorFrame

GROUP = 900_000
"""People's episodes are numbered apart from those of rounds."""
FIRST_SEED = 5_000_000
GRIP = 0.6
"""How far the fingers are closed around what they hold."""
MOST_ATTEMPTS = 20
Progress = Callable[[int, int], None]


def record_people(
    root: Path, robot: RobotDescription, task: str, episodes: int, seed: int = 0, progress: Progress | None = None
) -> int:
    """Record ``episodes`` attempts into ``root``, successes and failures in turn; return how many were new.

    The same arguments give the same episodes; what is there already is left as it is, so an interrupted call goes on.

    Raises:
        DatasetInvalid: ``root`` holds something else, or people hardly ever fail (or succeed) at this task.
    """
    dataset = Dataset.create(root)
    there = {path.stem for path in dataset.episodes()}
    new = 0
    for number in range(episodes):
        name = virtual_id(GROUP + seed, number)
        if name not in there:
            take = _take(task, [FIRST_SEED + seed, number], wants_success=number % 2 == 0)
            record_person(root, robot, _episode(task, take), virtual=VirtualClock(name))
            new += 1
        if progress is not None:
            progress(number + 1, episodes)
    return new


def _take(task: str, seed: list[int], wants_success: bool) -> HumanTake:
    rng = np.random.default_rng(seed)
    for _ in range(MOST_ATTEMPTS):
        take = human_take(task, int(rng.integers(2**31)), means_to_fail=not wants_success)
        if take.success is wants_success:
            return take
    wish = "succeeds" if wants_success else "fails"
    raise DatasetInvalid(f"nobody in {MOST_ATTEMPTS} attempts {wish} at '{task}' without a robot")


def _episode(task: str, take: HumanTake) -> HumanEpisode:
    points_m = hand_points("right", GRIP) * take.size
    frames = tuple(
        OperatorFrame(float(stamp_s), k, HandFrame(), HandFrame(T_base_wrist, points_m))
        for k, (stamp_s, T_base_wrist) in enumerate(zip(take.stamp_s, take.T_base_wrist, strict=True))
    )
    return HumanEpisode(
        task=task,
        instruction=make_task(task).instruction,
        outcome="success" if take.success else "failure",
        motion=Motion(f"person at {task}", frames),
        rate_hz=1.0 / PERIOD_S,
        feature_names=take.feature_names,
        feature_stamp_s=take.stamp_s,
        features=take.features,
        attributes={"hand_size": take.size, "failure_reason": take.failure, "simulated": True},
    )
