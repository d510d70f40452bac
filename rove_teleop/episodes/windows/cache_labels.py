"""What people said of the episodes, per training step; only what an edit changed is read again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import RoveError
from ...types import Phase
from ..edit.overlay import labels_key, read_labels
from ..edit.overlay_files import newest_revision
from ..read import open_episode
from .cache_files import CachedEpisode
from .columns import checked_array
from .decimation import rows_between, training_steps

EXCLUDED, CUT = 1, 2
"""Bits of ``StepLabels.flags``: left out by a person; a pause, rewind or excluded tick lies after the step before."""

_Both = NDArray[np.uint8]
"""(2, steps): phase and flags."""


@dataclass(frozen=True, slots=True)
class EpisodeLabels:
    """Labels of a whole episode; ``key`` changes when they may change, ``skipped`` says why they cannot be read."""

    name: str
    key: str
    steps: int
    outcome: str = ""
    split: str = ""
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class StepLabels:
    """Labels of all steps: ``phase`` and ``flags`` (steps,), and of the episodes."""

    phase: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    episodes: tuple[EpisodeLabels, ...]

    @property
    def skipped(self) -> dict[str, str]:
        """Episodes whose labels cannot be read, and why."""
        return {labels.name: labels.skipped for labels in self.episodes if labels.skipped}


def refreshed_labels(
    folder: Path,
    root: Path,
    episodes: Sequence[CachedEpisode],
    rate_hz: float,
    revision: int | None,
    author: str | None,
) -> StepLabels:
    """The labels of these episodes at (at most) this revision, of all or one author. The caller holds the folder."""
    view = hashlib.sha256(json.dumps([revision, author]).encode()).hexdigest()[:8]
    path = folder / f"labels-{view}.bin"
    known = _read(path)
    parts = []
    for entry in episodes:
        try:
            key = f"{entry.crc} {labels_key(root, entry.about['id'], revision)}"
            old = known.get(entry.name)
            fresh = old is not None and old[0].key == key
            parts.append(old if fresh and old is not None else _labelled(root, entry, key, rate_hz, revision, author))
        except RoveError as error:
            # No key: tried again next time.
            labels = EpisodeLabels(entry.name, "", entry.steps, skipped=str(error))
            parts.append((labels, np.zeros((2, entry.steps), np.uint8)))
    listed = tuple(labels for labels, _ in parts)
    both = np.concatenate([values for _, values in parts], axis=1)
    if listed != tuple(labels for labels, _ in known.values()):
        _write(path, listed, both)
    return StepLabels(both[0], both[1], listed)


def _labelled(
    root: Path, entry: CachedEpisode, key: str, rate_hz: float, revision: int | None, author: str | None
) -> tuple[EpisodeLabels, _Both]:
    episode = open_episode(root / "episodes" / entry.name)
    newest = newest_revision(root, episode.id)
    wanted = None if revision is None else min(revision, newest)
    labels = read_labels(root, episode, wanted, author)
    checked_array(episode, "control/phase")
    steps = training_steps(checked_array(episode, "control/tick"), float(episode.attributes["control_hz"]), rate_hz)
    stopped = np.isin(labels.phase, (Phase.PAUSED, Phase.REWIND))
    cut = rows_between(steps, stopped | labels.excluded)
    flags = EXCLUDED * labels.excluded[steps.row] + CUT * cut
    both = np.stack([labels.phase[steps.row], flags.astype(np.uint8)])
    return EpisodeLabels(entry.name, key, entry.steps, labels.outcome, labels.split), both


def _read(path: Path) -> dict[str, tuple[EpisodeLabels, _Both]]:
    """What the file holds by episode; nothing where it cannot be understood."""
    try:
        first, _, data = path.read_bytes().partition(b"\n")
        listed = [EpisodeLabels(**item) for item in json.loads(first)]
        ends = np.cumsum([labels.steps for labels in listed], dtype=np.int64)
        both = np.frombuffer(data, np.uint8).reshape(2, -1)
        if len(ends) and both.shape[1] != ends[-1]:
            return {}
        return {
            labels.name: (labels, both[:, end - labels.steps : end])
            for labels, end in zip(listed, ends.tolist(), strict=True)
        }
    except (OSError, ValueError, TypeError):
        return {}


def _write(path: Path, listed: Sequence[EpisodeLabels], both: _Both) -> None:
    """Replace the file in one step: one line of JSON, then the bytes."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(json.dumps([asdict(labels) for labels in listed]).encode() + b"\n" + both.tobytes())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
