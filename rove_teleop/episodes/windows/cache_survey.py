"""Which episodes of a dataset a flat cache can hold today, and why others are left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import DatasetInvalid, RoveError, UsageError
from ..dataset import Dataset
from ..read import Episode, open_episode
from .cache_files import CachedEpisode, Index
from .columns import checked_array
from .decimation import Steps, training_steps

_ABOUT = ("id", "task", "instruction", "operator", "policy_id", "protocol", "takeover_mode", "robot")


def survey(root: Path, index: Index, rate_hz: float) -> tuple[list[CachedEpisode], dict[str, str]]:
    """Today's readable episodes in their order, and why others are not; what did not change is not read again."""
    known = {episode.name: episode for episode in index.episodes}
    found: list[CachedEpisode] = []
    skipped: dict[str, str] = {}
    first: RoveError | None = None
    for path in Dataset.open(root).episodes():
        try:
            stamp = _file_stamp(path)
            entry = known.get(path.name)
            if entry is None or entry.stamp != stamp:
                entry = _entry(open_episode(path), stamp, index, rate_hz)
            found.append(entry)
        except RoveError as error:
            first, skipped[path.name] = first or error, str(error)
        except (KeyError, TypeError, ValueError) as error:
            skipped[path.name] = f"{path.name}: its attributes are not those of an episode ({error!r})"
    if isinstance(first, UsageError) and not found:
        raise first
    if not found:
        raise DatasetInvalid(f"{root}: has no episode to train on ({next(iter(skipped.values()), 'none is sealed')})")
    return found, skipped


def _file_stamp(path: Path) -> list[int]:
    try:
        status = (path / "zarr.json").stat()
    except OSError as error:
        raise DatasetInvalid(f"{path}: has no zarr.json ({error.strerror})") from error
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _entry(episode: Episode, stamp: list[int], index: Index, rate_hz: float) -> CachedEpisode:
    """What the index keeps of an episode, after a look at whether it can be used at all."""
    attributes, name = episode.attributes, episode.path.name
    joints = attributes["joint_names"]
    if joints != (index.joint_names or joints):
        raise DatasetInvalid(f"{name}: has {len(joints)} joints that are not those of the other episodes")
    steps = steps_of(episode, rate_hz)
    index.joint_names = joints
    about = {key: str(attributes.get(key, "")) for key in _ABOUT}
    return CachedEpisode(name, stamp, int(attributes["attributes_crc32c"]), len(steps.row), about)


def steps_of(episode: Episode, rate_hz: float) -> Steps:
    """The training steps of an episode.

    Raises:
        DatasetInvalid: its ticks are damaged.
        UsageError: the rate does not fit it.
    """
    tick = checked_array(episode, "control/tick")
    if np.any(tick[1:] <= tick[:-1]):
        raise DatasetInvalid(f"{episode.path.name}: control/tick does not rise from row to row")
    return training_steps(tick, float(episode.attributes["control_hz"]), rate_hz)
