"""Recorded datasets to what a trainer learns from: every usable episode as steps, every other one with its reason."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..episodes.attributes import HUMAN
from ..episodes.dataset import Dataset
from ..episodes.label_runs import data_revision
from ..episodes.read import Episode, open_episode
from ..errors import DatasetInvalid, RoveError, UsageError
from ..failure.step_labels import LabelConstants
from ..models.checkpoint import Checkpoint
from ..training.steps import EpisodeSteps
from .episode_rows import EpisodeRows, Eyes, read_rows
from .episode_steps import Layout, episode_steps
from .takeovers import Takeovers

UNSEEN = "true_"
"""Features with this prefix are exact and for scoring: no policy and no critic reads them."""
LEAST_MOTION_RAD = 0.01
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read; None and empty: as the first usable episode has it, and the joints that move somewhere.

    With ``eyes`` (camera to height and width) the images of these cameras stand for the task's features.
    """

    task: str | None = None
    robot: str | None = None
    joint_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    horizon: int = 16
    eyes: Eyes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """Which ticks the steps of an episode are from: ``row`` (k,); whose t_r counted, and which edits were known."""

    root: Path
    id: str
    row: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    t_r_sources: tuple[str, ...]
    edits_key: str


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What training learns from, and what it leaves out (``skipped``: dataset/episode to the reason, one phrase).

    ``sources`` has an item for each of ``episodes``. ``revisions`` by dataset and ``revision`` of all change with any
    episode or edit. Targets are ``step_s`` apart, ``horizon`` of them.
    """

    episodes: list[EpisodeSteps]
    sources: list[Source]
    skipped: dict[str, str]
    revisions: dict[str, str]
    task: str
    robot: str
    joint_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    horizon: int = 16
    constants: LabelConstants = field(default_factory=LabelConstants)
    eyes: Eyes = field(default_factory=dict)

    @property
    def step_s(self) -> float:
        return 1.0 / self.constants.rate_hz

    @property
    def revision(self) -> str:
        """One text for all datasets, whatever their folders are called."""
        return hashlib.sha256("\n".join(sorted(self.revisions.values())).encode()).hexdigest()[:16]

    def counts(self) -> dict[str, int]:
        """Episodes by kind and outcome, such as ``rollout success``."""
        of = (f"{item.kind} {'success' if item.success else 'failure'}" for item in self.episodes)
        return dict(sorted(Counter(of).items()))


def wanted_of(checkpoint: Checkpoint) -> Wanted:
    """What a policy that is trained further reads and moves."""
    header, eyes = checkpoint.header, {}
    if header.vision is not None:
        sizes = zip(header.vision.heights, header.vision.widths, strict=True)
        eyes = dict(zip(header.vision.cameras, sizes, strict=True))
    return Wanted(header.task, header.robot, header.joint_names, header.feature_names, header.horizon, eyes)


def read_training_data(
    roots: Sequence[Path],
    wanted: Wanted = Wanted(),
    constants: LabelConstants | None = None,
    human: Sequence[Path] = (),
    progress: Progress | None = None,
) -> TrainingData:
    """Every usable episode of these datasets at the rate of ``constants`` (20 Hz), in the order they were recorded.

    t_r is what a person said afterwards, else the proposal, else what was pressed (docs/labelling.md). Of the datasets
    ``human`` only episodes of people without a robot are read. Bad episodes are skipped with their reason; only having
    none left is an error.

    Raises:
        UsageError: no dataset, or one twice.
        DatasetInvalid: a folder is no dataset, no episode is usable, or no joint moves in any of them.
    """
    folders = _distinct([*roots, *human])
    revisions = {str(root): data_revision(root) for root in folders}
    paths = {root: Dataset.open(root).episodes() for root in folders}
    total, gathered = sum(len(listed) for listed in paths.values()), _Gathered(wanted, constants or LabelConstants())
    for root, listed in paths.items():
        takeovers = Takeovers(root)
        for path in listed:
            gathered.add(takeovers, path, root in human)
            if progress is not None:
                progress(gathered.seen, total)
        takeovers.save()
    return gathered.finish(revisions)


def _distinct(roots: Sequence[Path]) -> list[Path]:
    if not roots:
        raise UsageError("no dataset was given to train on")
    twice = [str(root) for root, count in Counter(root.resolve() for root in roots).items() if count > 1]
    if twice:
        raise UsageError(f"{twice[0]} was given twice, so each of its episodes would count twice")
    return list(roots)


class _Gathered:
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
