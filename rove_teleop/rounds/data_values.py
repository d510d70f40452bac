"""What training learns from, as values: what is wanted, which ticks steps are from, and all of it together."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..failure.step_labels import LabelConstants
from ..models.checkpoint import Checkpoint
from ..training.steps import EpisodeSteps
from .episode_rows import Eyes


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
