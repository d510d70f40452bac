"""Which control rows of an episode an exported dataset holds: one rate, chosen phases, nothing that was excluded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..episodes.attributes import HUMAN, OUTCOMES
from ..episodes.dataset import Dataset
from ..episodes.edit.overlay import Labels, read_labels
from ..episodes.edit.overlay_files import newest_revision
from ..episodes.read import Episode, open_episode
from ..episodes.windows.columns import checked_array
from ..episodes.windows.decimation import training_steps
from ..errors import UsageError
from ..types import Phase
from .images import Images

TRAINED_PHASES = (Phase.AUTONOMOUS, Phase.ADAPTATION, Phase.RECOVERY)
TRAINED_OUTCOMES = ("success", "failure", "unknown")
Progress = Callable[[int, int], None]
"""Called with how many episodes are done, and of how many."""


def silent(done: int, total: int) -> None:
    """No progress is shown."""
    del done, total


@dataclass(frozen=True, slots=True)
class Choice:
    """What is exported. ``fps``: frames per second. ``split``: only episodes of that split; empty: all.

    ``cameras`` None: every camera of the first episode. ``revision`` None: the newest labels; 0: as recorded.
    """

    fps: int
    cameras: tuple[str, ...] | None = None
    split: str = ""
    phases: tuple[Phase, ...] = TRAINED_PHASES
    outcomes: tuple[str, ...] = TRAINED_OUTCOMES
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class Frames:
    """The exported frames of one episode, all arrays (frames,).

    ``row``: control row of each frame. ``segment`` counts the stretches without a cut or a lost tick, from 0.
    ``image``: per camera, the newest image at that row.
    """

    episode: Episode
    labels: Labels
    row: NDArray[np.int64]
    segment: NDArray[np.int64]
    image: dict[str, NDArray[np.int64]]


def chosen_frames(root: Path, choice: Choice, progress: Progress = silent) -> Iterator[Frames]:
    """The frames of every episode of a dataset that the choice takes, in the order they were recorded.

    A person without a robot is never taken: nothing was measured or sent that a policy could learn.
    ``progress`` hears of every episode of the dataset, also of those that are not taken.

    Raises:
        UsageError: a rate above the control rate.
        DatasetInvalid: not a dataset, a damaged episode, or one without a chosen camera.
    """
    cameras = choice.cameras
    paths = Dataset.open(root).episodes()
    for number, path in enumerate(paths):
        progress(number, len(paths))
        episode = open_episode(path)
        if episode.attributes.get("embodiment") == HUMAN:
            continue
        labels = _labels(root, episode, choice.revision)
        if labels.outcome not in choice.outcomes or (choice.split and labels.split != choice.split):
            continue
        cameras = tuple(episode.cameras) if cameras is None else cameras
        frames = frames_of(episode, labels, choice, cameras)
        if len(frames.row):
            yield frames
    progress(len(paths), len(paths))


def frames_of(episode: Episode, labels: Labels, choice: Choice, cameras: tuple[str, ...]) -> Frames:
    """The frames of one episode: its training steps, without the phases and rows that are left out.

    Left out are also frames before the first image of a chosen camera, rows in which nobody asked anything of any joint
    (the robot waited), and rows in which a joint has no measurement or no command: no policy could learn from them.

    Raises:
        UsageError: a rate above the control rate.
        DatasetInvalid: damaged, or without a chosen camera.
    """
    steps = training_steps(checked_array(episode, "control/tick"), episode.attributes["control_hz"], choice.fps)
    row = steps.row
    keep = np.isin(labels.phase[row], [int(phase) for phase in choice.phases]) & ~labels.excluded[row]
    for name in ("control/q_measured_rad", "control/q_sent_rad"):
        keep &= np.isfinite(checked_array(episode, name)[row]).all(axis=1)
    keep &= np.isfinite(checked_array(episode, "control/q_target_rad")[row]).any(axis=1)
    stamp_s = checked_array(episode, "control/stamp_s")[row]
    seen = {camera: Images(episode, camera).seen_at(stamp_s) for camera in cameras}
    for image in seen.values():
        keep &= image >= 0
    after_kept = np.concatenate([[False], keep[:-1]])
    begins = keep & ~(after_kept & steps.joined)
    segment = np.cumsum(begins) - 1
    return Frames(episode, labels, row[keep], segment[keep], {name: image[keep] for name, image in seen.items()})


def phases_named(names: list[str]) -> tuple[Phase, ...]:
    """Phases by their lower-case names.

    Raises:
        UsageError: a name that is no phase.
    """
    known = {phase.name.lower(): phase for phase in Phase}
    for name in names:
        if name not in known:
            raise UsageError(f"'{name}' is not a phase (known: {', '.join(known)})")
    return tuple(known[name] for name in names)


def outcomes_named(names: list[str]) -> tuple[str, ...]:
    """Outcomes that exist.

    Raises:
        UsageError: a name that is none.
    """
    for name in names:
        if name not in OUTCOMES:
            raise UsageError(f"'{name}' is not an outcome (known: {', '.join(OUTCOMES)})")
    return tuple(names)


def _labels(root: Path, episode: Episode, revision: int | None) -> Labels:
    """An episode that was edited less often than others has its newest labels."""
    if revision is not None:
        revision = min(revision, newest_revision(root, episode.id))
    return read_labels(root, episode, revision)
