"""What a run thinks of every step: value, advantage, threshold, tag; in the run's folder and beside the episodes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..episodes.find import checked_name, find_episode
from ..episodes.label_runs import create_run, read_run, runs
from ..episodes.labels import labelled_episodes, write_labels
from ..errors import DatasetInvalid, UsageError
from ..training.advantages import threshold
from ..training.methods import Method
from ..training.steps import EpisodeSteps
from ..training.supervision import Flags, LabelSettings, Supervision, judge
from ..types import Array
from .training_data import Source, TrainingData


@dataclass(frozen=True, slots=True)
class Labels:
    """Per episode and step (k,). ``threshold`` is what the advantage had to exceed; NaN: nothing is known.

    Without a critic there are no values, and ``positive`` is empty. ``used`` is what the actor was shown.
    """

    used: list[Flags]
    positive: list[Flags]
    value: list[Array]
    advantage: list[Array]
    threshold: list[Array]


def label(
    episodes: Sequence[EpisodeSteps], method: Method, values: Sequence[Array] | None, settings: LabelSettings
) -> tuple[Labels, Supervision]:
    """The labels of ``method`` and what it shows the actor.

    Raises:
        DatasetInvalid: no chunk has an advantage, so that there is no percentile.
    """
    supervision = method.supervise(episodes, values, settings)
    if values is None:
        return Labels(supervision.use, [], [], [], []), supervision
    advantage, above = judge(episodes, values, settings)
    positive = above if supervision.positive is None else supervision.positive
    least = _thresholds(episodes, advantage, settings)
    return Labels(supervision.use, positive, list(values), advantage, least), supervision


def _thresholds(episodes: Sequence[EpisodeSteps], advantage: list[Array], settings: LabelSettings) -> list[Array]:
    if settings.pooled:
        least = threshold(advantage, settings.percentile)
        return [np.full(len(item), least) for item in advantage]
    result = [np.full(len(item), np.nan) for item in advantage]
    for driver in np.unique(np.concatenate([episode.source for episode in episodes])):
        judged = [item[episode.source == driver] for item, episode in zip(advantage, episodes, strict=True)]
        if any(np.isfinite(item).any() for item in judged):
            for item, episode in zip(result, episodes, strict=True):
                item[episode.source == driver] = threshold(judged, settings.percentile)
    return result


def save_labels(path: Path, data: TrainingData, labels: Labels) -> None:
    """All of it in one ``.npz`` of plain arrays, by rename: a row per step, and which episode and tick it is."""
    columns: dict[str, NDArray[Any]] = {
        "episode": np.repeat([item.name for item in data.episodes], [len(item) for item in data.episodes]),
        "tick": np.concatenate([source.row for source in data.sources]),
        "source": np.concatenate([item.source for item in data.episodes]),
        "reward": np.concatenate([item.reward for item in data.episodes]),
    }
    for name, arrays in _named(labels).items():
        columns[name] = np.concatenate(arrays)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, **columns)  # type: ignore[arg-type]
    os.replace(partial, path)


def load_values(path: Path, data: TrainingData) -> list[Array] | None:
    """The values (k,) of every episode that `save_labels` wrote; None where they are not of these episodes."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            value, episode = stored["value"].astype(np.float64), stored["episode"]
    except (OSError, ValueError, KeyError):
        return None
    wanted = np.repeat([item.name for item in data.episodes], [len(item) for item in data.episodes])
    if not np.array_equal(episode, wanted):
        return None
    return np.split(value, np.cumsum([len(item) for item in data.episodes])[:-1])


def check_run_name(data: TrainingData, run: str, config: Mapping[str, Any]) -> None:
    """Refuse a name under which a dataset has labels of another run, before anything is trained.

    Raises:
        UsageError: it has, or no folder can have this name; the sentence names dataset and run.
    """
    checked_name(run, "a name for labels")
    for root, revision in data.revisions.items():
        if run not in runs(Path(root)):
            continue
        known = read_run(Path(root), run)
        if known.config != config or known.data_revision != revision:
            raise UsageError(f"{root}: has labels '{run}' of another run already; choose another name for this one")


def store_labels(
    data: TrainingData, labels: Labels, run: str, config: Mapping[str, Any], critic_sha256: str
) -> list[str]:
    """The labels as derived labels ``run`` of each dataset; returns a sentence per dataset that cannot be written.

    Raises:
        UsageError: as `check_run_name`.
        DatasetInvalid: an episode changed while the run trained, or the disk refuses.
    """
    check_run_name(data, run, config)
    refused = []
    for name, revision in data.revisions.items():
        root = Path(name)
        if not os.access(root, os.W_OK):
            refused.append(f"{root} cannot be written, so the labels are only in labels.npz")
            continue
        if run not in runs(root):
            create_run(root, run, config, data_revision=revision, checkpoint_sha256=critic_sha256)
        done = set(labelled_episodes(root, run))
        for number, source in enumerate(data.sources):
            if source.root == root and source.id not in done:
                _store(root, run, source, data, _of(labels, number))
    return refused


def _store(root: Path, run: str, source: Source, data: TrainingData, columns: dict[str, NDArray[Any]]) -> None:
    episode = find_episode(root, source.id)
    ticks = int(episode.attributes["rows"])
    held = int(np.ceil(float(episode.attributes["control_hz"]) / data.constants.rate_hz))
    arrays = per_tick(columns, source.row, ticks, held)
    if not arrays:
        raise DatasetInvalid(f"episode {source.id} has no label")
    write_labels(root, run, episode, arrays, source.edits_key)


def per_tick(
    columns: Mapping[str, NDArray[Any]], row: NDArray[np.int64], ticks: int, held: int
) -> dict[str, NDArray[Any]]:
    """Columns (k,) of steps that begin at the ticks ``row`` (k,) as arrays (ticks,).

    A step's label holds up to the next one, for ``held`` ticks at most; elsewhere (cut, or not driven) numbers are NaN
    and flags False.
    """
    tick = np.arange(ticks)
    step = np.searchsorted(row, tick, side="right") - 1
    known = (step >= 0) & (tick - row[np.maximum(step, 0)] < held)
    result: dict[str, NDArray[Any]] = {}
    for name, column in columns.items():
        empty = np.zeros(ticks, bool) if column.dtype == bool else np.full(ticks, np.nan)
        empty[known] = column[step[known]]
        result[name] = empty
    return result


def _named(labels: Labels) -> dict[str, list[Any]]:
    named: dict[str, list[Any]] = {
        "used": labels.used,
        "positive": labels.positive,
        "value": labels.value,
        "advantage": labels.advantage,
        "threshold": labels.threshold,
    }
    return {name: arrays for name, arrays in named.items() if arrays}


def _of(labels: Labels, number: int) -> dict[str, NDArray[Any]]:
    return {name: np.asarray(arrays[number]) for name, arrays in _named(labels).items()}
