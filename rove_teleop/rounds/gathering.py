"""Episodes gathered for training: those that fit together as steps, every other one with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..episodes.attributes import HUMAN
from ..episodes.read import Episode, open_episode
from ..errors import DatasetInvalid, RoveError
from ..failure.step_labels import LabelConstants
from .data_values import Source, TrainingData, Wanted
from .episode_rows import EpisodeRows, read_rows
from .episode_steps import Layout, episode_steps
from .takeovers import Takeovers

UNSEEN = "true_"
"""Features with this prefix are exact and for scoring: no policy and no critic reads them."""
LEAST_MOTION_RAD = 0.01


class Gathering:
    """Episodes one by one; the first usable one decides what task they are of, all together which joints move."""

    def __init__(self, wanted: Wanted, constants: LabelConstants) -> None:
        self._wanted, self._constants = wanted, constants
        self._task, self._robot, self._features = wanted.task, wanted.robot, wanted.feature_names
        self._kept: list[EpisodeRows] = []
        self._read: dict[tuple[str, int], Path] = {}
        self._skipped: dict[str, str] = {}

    @property
    def seen(self) -> int:
        return len(self._kept) + len(self._skipped)

    def add(self, takeovers: Takeovers, path: Path, only_human: bool = False) -> None:
        """Keep an episode, or note why not."""
        try:
            episode = open_episode(path)
            self._check_new(episode, takeovers.root)
            self._check_same(episode, only_human)
            rows = read_rows(takeovers.root, episode, self._constants, takeovers.of, self._wanted.eyes)
        except (RoveError, KeyError) as error:
            said = f"it holds no {error}" if isinstance(error, KeyError) else str(error)
            # Whose reason it is stands before it already, and the same reasons are counted.
            said = said.removeprefix(f"{path.name}: ").removeprefix(f"{path}: ")
            self._skipped[f"{takeovers.root}/{path.stem}"] = said
            return
        self._kept.append(rows)
        self._task = str(rows.about["task"])
        if not rows.human:
            self._robot = str(rows.about["robot"])
            seen = tuple(name for name in rows.feature_names if not name.startswith(UNSEEN))
            self._features = self._features or seen

    def finish(self, revisions: dict[str, str]) -> TrainingData:
        """All that was kept as steps."""
        if not self._kept:
            raise DatasetInvalid(_nothing_left(revisions, self._skipped))
        joints = self._wanted.joint_names or moving_joints(self._kept)
        layout = Layout(joints, self._features, self._wanted.horizon)
        episodes, sources = [], []
        for rows in self._kept:
            try:
                episodes.append(episode_steps(rows, layout))
                sources.append(Source(rows.root, rows.id, rows.labels.row, rows.t_r_sources, rows.edits_key))
            except RoveError as error:
                self._skipped[f"{rows.root}/{rows.id}"] = str(error)
        if not episodes:
            raise DatasetInvalid(_nothing_left(revisions, self._skipped))
        return TrainingData(
            episodes, sources, self._skipped, revisions, self._task or "", self._robot or "", joints, self._features,
            self._wanted.horizon, self._constants, self._wanted.eyes,
        )  # fmt: skip

    def _check_new(self, episode: Episode, root: Path) -> None:
        """Refuse a copy of an episode that another dataset had."""
        key = episode.id, int(episode.attributes.get("attributes_crc32c", 0))
        first = self._read.setdefault(key, root)
        if first != root:
            raise DatasetInvalid(f"it is a copy of the one in {first}, and would count twice")

    def _check_same(self, episode: Episode, only_human: bool) -> None:
        """Refuse an episode of another task or robot than the first usable one, or than was asked for."""
        task, robot = str(episode.attributes["task"]), str(episode.attributes["robot"])
        if self._task is not None and task != self._task:
            raise DatasetInvalid(f"it is of task '{task}', not '{self._task}'")
        human = episode.attributes.get("embodiment") == HUMAN
        if only_human and not human:
            raise DatasetInvalid("it is of a robot, in a dataset that was given as one of people without a robot")
        if not human and self._robot is not None and robot != self._robot:
            raise DatasetInvalid(f"it is of robot '{robot}', not '{self._robot}'")


def moving_joints(episodes: Sequence[EpisodeRows]) -> tuple[str, ...]:
    """Joints whose target moves by more than `LEAST_MOTION_RAD` in some episode, in the robot's order.

    The others are left out: predicting fifty joints of which most hold still costs accuracy in those that matter.

    Raises:
        DatasetInvalid: there are none.
    """
    robots = [rows for rows in episodes if not rows.human]
    if not robots:
        raise DatasetInvalid("only people without a robot were recorded, so no joint can be learnt")
    names = robots[0].joint_names
    moves = np.zeros(len(names), bool)
    for rows in robots:
        known = rows.asked_rad[np.isfinite(rows.asked_rad).all(axis=1)]
        if len(known) and rows.joint_names == names:
            moves |= np.ptp(known, axis=0) > LEAST_MOTION_RAD
    found = tuple(name for name, moving in zip(names, moves, strict=True) if moving)
    if not found:
        raise DatasetInvalid(f"no joint moves in the {len(robots)} usable episodes")
    return found


def _nothing_left(revisions: dict[str, str], skipped: dict[str, str]) -> str:
    where = ", ".join(revisions)
    if not skipped:
        return f"{where}: holds no sealed episode, so there is nothing to train on"
    why, count = Counter(skipped.values()).most_common(1)[0]
    return f"{where}: none of the {len(skipped)} episodes can be trained on (most often, {count} times: {why})"
