"""Labels of a dataset for a critic: proposals and rewards per step as derived labels of a run, with what made them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..episodes.dataset import Dataset
from ..episodes.edit.overlay import labels_key, read_labels
from ..episodes.label_runs import create_run, data_revision, read_run, runs
from ..episodes.labels import labelled_episodes, read_derived, write_labels
from ..episodes.read import Episode, open_episode
from ..errors import RoveError, UsageError
from ..failure.boundary import BoundarySettings
from ..failure.step_labels import LabelConstants, refusal, step_labels, tick_arrays
from ..types import Array
from .boundaries import Boundary, boundaries, robot_of, used_phase
from .hand_points import HandPoints

SOURCES = {"recorded": 1, "proposed": 2, "confirmed": 3}
CURVES = ("speed_m_s", "jerk_m_s3", "residual_m", "straightness", "travel_m")


@dataclass(frozen=True, slots=True)
class Labelled:
    """What a run made of one episode; ``refused`` says why it made nothing, empty otherwise."""

    episode: str
    boundaries: tuple[Boundary, ...]
    start_s: float
    steps: int
    refused: str


def label_dataset(
    root: Path,
    run: str | None = None,
    constants: LabelConstants | None = None,
    value_run: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Labelled]:
    """Propose boundaries for every episode and, with a name for the ``run``, store them with rewards per step.

    ``value_run`` is a run of derived labels with an array ``value`` (ticks,). A run that was cut short goes on.

    Raises:
        UsageError: there is a run of this name that was made otherwise, or of other data.
        DatasetInvalid: not a dataset, or it cannot be written.
    """
    chosen = constants or LabelConstants()
    paths = list(Dataset.open(root).episodes())
    if run is not None:
        _begin(root, run, chosen, value_run)
    done = set(labelled_episodes(root, run)) if run is not None else set()
    hands: dict[str, HandPoints] = {}
    found = []
    for number, path in enumerate(paths, start=1):
        episode = open_episode(path)
        key = labels_key(root, episode.id)
        labelled, arrays = _label(root, episode, chosen, value_run, hands)
        if run is not None and arrays and episode.id not in done:
            write_labels(root, run, episode, arrays, key)
        found.append(labelled)
        if progress is not None:
            progress(number, len(paths))
    return found


def _begin(root: Path, run: str, constants: LabelConstants, value_run: str | None) -> None:
    config = {
        "kind": "step_labels",
        "constants": asdict(constants),
        "boundary": asdict(BoundarySettings()),
        "value_run": value_run or "",
        "t_r_source": SOURCES,
    }
    revision = data_revision(root)
    if run not in runs(root):
        create_run(root, run, config, data_revision=revision)
        return
    known = read_run(root, run)
    if known.config != config or known.data_revision != revision:
        raise UsageError(f"{root}: run {run} was made with other settings or of other data; choose another name")


def _label(
    root: Path, episode: Episode, constants: LabelConstants, value_run: str | None, hands: dict[str, HandPoints]
) -> tuple[Labelled, dict[str, NDArray[Any]]]:
    labels = read_labels(root, episode)
    stamp_s, authority = np.asarray(episode["control/stamp_s"]), np.asarray(episode["control/authority"])
    start_s = float(stamp_s[0]) if len(stamp_s) else 0.0
    why = refusal(str(episode.attributes["status"]), authority, labels)
    if why is not None:
        return Labelled(episode.id, (), start_s, 0, why), {}
    try:
        value = _value(root, value_run, episode)
        found = boundaries(root, episode, _hands(episode, hands), value)
        steps = step_labels(stamp_s, authority, replace(labels, phase=used_phase(labels, found)), constants)
    except (RoveError, ValueError) as error:
        return Labelled(episode.id, (), start_s, 0, str(error)), {}
    arrays = {**tick_arrays(steps, len(stamp_s)), **_proposal_arrays(stamp_s, found)}
    return Labelled(episode.id, tuple(found), start_s, len(steps.row), ""), arrays


def _value(root: Path, value_run: str | None, episode: Episode) -> Array | None:
    if value_run is None:
        return None
    arrays = read_derived(root, value_run, episode).arrays
    if "value" not in arrays:
        raise UsageError(f"run {value_run} has no 'value' of episode {episode.id} (it has {', '.join(arrays)})")
    value: Array = arrays["value"].astype(np.float64)
    return value


def _hands(episode: Episode, known: dict[str, HandPoints]) -> HandPoints | None:
    """One model per robot, made only when somebody corrected a policy."""
    name = str(episode.attributes.get("robot", ""))
    if not np.isin(episode["control/phase"], (1, 2)).any():
        return None
    robot = robot_of(episode)
    if name not in known:
        known[name] = HandPoints(robot)
    return known[name]


def _proposal_arrays(stamp_s: Array, found: Sequence[Boundary]) -> dict[str, NDArray[Any]]:
    """Curves, moments and confidence per tick; NaN or 0 outside interventions."""
    ticks = len(stamp_s)
    arrays: dict[str, NDArray[Any]] = {f"hand_{name}": np.full(ticks, np.nan) for name in CURVES}
    arrays |= {name: np.full(ticks, np.nan) for name in ("t_r_confidence", "onset_confidence")}
    arrays |= {name: np.zeros(ticks, bool) for name in ("hand_rest", "t_r_proposed", "onset_proposed")}
    arrays["t_r_source"] = np.zeros(ticks, np.uint8)
    for item in found:
        inside = slice(item.rows.from_row, item.rows.to_row)
        arrays["t_r_source"][inside] = SOURCES[item.source]
        onset = int(np.searchsorted(stamp_s, item.onset.onset_s))
        arrays["onset_proposed"][onset], arrays["onset_confidence"][onset] = True, item.onset.confidence
        if item.recovery is None:
            continue
        curves = item.recovery.curves
        for name in CURVES:
            arrays[f"hand_{name}"][inside] = np.interp(stamp_s[inside], curves.stamp_s, getattr(curves, name))
        rests = np.searchsorted(stamp_s, curves.stamp_s[item.recovery.rests])
        arrays["hand_rest"][np.minimum(rests, item.rows.to_row - 1)] = True
        proposed = min(int(np.searchsorted(stamp_s, item.recovery.t_r_s)), item.rows.to_row - 1)
        arrays["t_r_proposed"][proposed], arrays["t_r_confidence"][proposed] = True, item.recovery.confidence
    return arrays
