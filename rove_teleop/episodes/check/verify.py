"""Verification: every byte against its checksum, every row against the robot's limits and what control promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import RoveError
from ...types import Array
from ..absent import absent_arrays
from ..attributes import LIMITS, WRITTEN_HERE, checked_attributes
from ..camera_layout import PACKS
from ..dataset import Dataset
from ..edit.overlay import orphan_overlays, overlay_problems
from ..labels import label_problems
from ..layout import GROUP_FIELDS
from ..read import Episode, open_named
from ..record.journal import crc32c
from ..record.seal import metadata_crc32c
from ..zarr_files import is_closed_pack
from .invariants import violations
from .log import Log

CLEAN, BROKEN, LOSSY = 0, 1, 3


@dataclass(frozen=True, slots=True)
class EpisodeReport:
    """``broken`` lists what must not be; ``lossy`` what is missing but marked. One sentence each."""

    id: str
    broken: tuple[str, ...]
    lossy: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """Reports of all episodes, recordings that wait for recovery, and what is wrong beside the episodes."""

    episodes: tuple[EpisodeReport, ...]
    orphans: tuple[str, ...]
    problems: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 clean, 3 recovered or lossy, 1 broken."""
        if self.problems or any(report.broken for report in self.episodes):
            return BROKEN
        return LOSSY if self.orphans or any(report.lossy for report in self.episodes) else CLEAN


def verify_dataset(root: Path, progress: Callable[[int, int], None] | None = None) -> DatasetReport:
    """Check every sealed episode of a dataset; ``progress(done, total)`` is called after each.

    Raises:
        DatasetInvalid: not a dataset.
    """
    dataset = Dataset.open(root)
    paths = dataset.episodes()
    reports = []
    for path in paths:
        reports.append(verify_episode(path, root))
        if progress is not None:
            progress(len(reports), len(paths))
    waiting = tuple(path.name for path in dataset.recordings())
    problems = [f"{path}: is not named as an episode is" for path in dataset.strangers()]
    problems += orphan_overlays(root) + label_problems(root)
    return DatasetReport(tuple(reports), waiting, tuple(problems))


def verify_episode(path: Path, root: Path | None = None) -> EpisodeReport:
    """Check one sealed episode, and what was said of it in the dataset ``root`` where it lies in one."""
    name = path.name.removesuffix(".zarr")
    try:
        episode = open_named(path)
        checked_attributes({key: value for key, value in episode.attributes.items() if key not in WRITTEN_HERE})
        absent = absent_arrays(root, episode.id) if root is not None else frozenset()
        broken = _checksum_problems(episode, absent)
        if not broken:
            broken = _row_problems(episode)
        if not broken:
            broken = limit_problems(episode) + violations(Log.of(episode, absent))
        if root is not None:
            broken += overlay_problems(root, episode)
        elsewhere = [f"{array} was not pulled" for array in sorted(absent)]
        return EpisodeReport(name, tuple(broken), tuple(_losses(episode) + elsewhere))
    except (RoveError, ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        # Whatever is wrong with it: the others are looked at as well.
        return EpisodeReport(name, (f"{path.name}: {error}",), ())


def _checksum_problems(episode: Episode, absent: frozenset[str]) -> list[str]:
    attributes = episode.attributes
    if metadata_crc32c(episode.path) != attributes.get("metadata_crc32c"):
        return ["a zarr.json does not match its checksum"]
    problems = []
    for name, expected in attributes["crc32c"].items():
        if name in absent:
            continue
        if crc32c(episode[name].reshape(-1).view(np.uint8)) != expected:
            problems.append(f"{name} does not match its checksum")
        elif name.rpartition("/")[2] in PACKS and not is_closed_pack(episode.path / name, len(episode[name])):
            problems.append(f"{name}: what follows its images is not what Zarr readers need")
    return problems


def _row_problems(episode: Episode) -> list[str]:
    problems = []
    groups: dict[str, set[int]] = {}
    for name in episode:
        if name.rpartition("/")[2] not in PACKS:
            groups.setdefault(name.rpartition("/")[0], set()).add(len(episode[name]))
    problems += [
        f"{group}: arrays of different lengths {sorted(sizes)}" for group, sizes in groups.items() if len(sizes) > 1
    ]
    missing = [field.name for field in GROUP_FIELDS["control"] if f"control/{field.name}" not in episode]
    if missing:
        return [*problems, f"control/{missing[0]} is missing"]
    for name in ("control/tick", "control/stamp_s"):
        bad = np.flatnonzero(~(np.diff(episode[name].astype(np.float64)) > 0))
        if len(bad):
            problems.append(f"{name} does not increase at row {int(bad[0]) + 1}")
    return problems


def limit_problems(episode: Episode) -> list[str]:
    """Violations of the limits by ``control/q_sent_rad``, the worst joint of each kind.

    Differences are taken over consecutive ticks only, at the control rate: the command filter counts ticks, not time.
    A row that is all NaN means that nothing was sent.
    """
    limits = episode.attributes["limits"]
    if limits is None or len(episode["control/tick"]) == 0:
        return []
    q = episode["control/q_sent_rad"]
    low, high, *bounds = (np.array(limits[key]) for key in LIMITS)
    nothing = np.all(np.isnan(q), axis=1)
    problems = []
    if not np.all(np.isfinite(q[~nothing])):
        problems.append("control/q_sent_rad has a value that is not finite")
    names = episode.attributes["joint_names"]
    problems += _worst("position", np.maximum(low - q, q - high) - 1e-9, np.zeros_like(low), names)
    log = Log(episode.attributes, episode)
    restart = np.flatnonzero(~log.follows | log.begins)[1:]
    for order, (kind, bound) in enumerate(zip(("velocity", "acceleration", "jerk"), bounds, strict=True), start=1):
        rate = episode.attributes["control_hz"] ** order
        parts = [np.abs(np.diff(part, order, axis=0)) * rate for part in np.split(q, restart) if len(part) > order]
        # Differences of doubles near 3 rad are exact to about 1e-15; the rate to the third power magnifies that.
        slack = 1e-6 * bound + 4e-15 * rate
        if parts:
            problems += _worst(kind, np.concatenate(parts) - slack, bound, names)
    return problems


def _worst(kind: str, values: Array, bound: Array, names: list[str]) -> list[str]:
    excess = np.where(np.isnan(values), -np.inf, values - bound)
    row, joint = np.unravel_index(int(np.argmax(excess)), excess.shape)
    if not excess[row, joint] > 0:
        return []
    return [f"control/q_sent_rad breaks the {kind} limit of {names[joint]} by {excess[row, joint]:.3g} (row {row})"]


def _losses(episode: Episode) -> list[str]:
    attributes = episode.attributes
    losses = []
    if attributes.get("status") != "complete":
        losses.append(f"recovered, outcome {attributes.get('outcome')}")
    if attributes.get("ticks_lost"):
        losses.append(f"{attributes['ticks_lost']} control ticks lost")
    losses += [f"{count} images of camera '{name}' lost" for name, count in attributes["frames_lost"].items() if count]
    return losses
