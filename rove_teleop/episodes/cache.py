"""The flat cache that training reads: one memory-mapped file per key over all episodes, derived and disposable."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetInvalid, RoveError, UsageError
from .cache_files import (
    CachedEpisode,
    Column,
    ColumnFile,
    Columns,
    Index,
    column_path,
    locked_folder,
    read_index,
    write_index,
)
from .cache_labels import StepLabels, refreshed_labels
from .columns import available_keys, checked_array, column_of
from .dataset import Dataset
from .decimation import Steps, training_steps
from .label_runs import read_run
from .read import Episode, open_episode
from .seal import attributes_crc32c

_JOINED = "steps/joined"
_ABOUT = ("id", "task", "instruction", "operator", "policy_id", "protocol", "takeover_mode", "robot")

Progress = Callable[[int, int], None]
"""Called with the episodes done and their number while a cache is made."""


@dataclass(frozen=True, slots=True)
class FlatCache:
    """All readable episodes of a dataset at one training rate.

    Steps of all episodes lie one after the other; episode e has the steps ``ends[e - 1]`` to ``ends[e]``. ``columns``
    maps a key to (steps, ...), ``whole`` to (steps,): where the value was recorded and is finite. ``joined`` (steps,)
    is True where no control tick was lost since the step before. ``skipped`` maps file names of episodes that are left
    out to a sentence that says why.
    """

    root: Path
    rate_hz: float
    episodes: tuple[CachedEpisode, ...]
    ends: NDArray[np.int64]
    columns: Columns
    whole: Columns
    joined: NDArray[np.bool_]
    labels: StepLabels
    skipped: dict[str, str]


def open_cache(
    root: Path,
    keys: Sequence[str],
    rate_hz: float,
    revision: int | None = None,
    author: str | None = None,
    progress: Progress | None = None,
) -> FlatCache:
    """Open a dataset's cache, first bringing it up to date: new episodes are appended, edits of labels are taken over.

    ``revision`` chooses what people said of the episodes (at most that revision of each; None: the newest; 0: as
    recorded). Safe beside other readers and beside a recorder.

    Raises:
        DatasetInvalid: no dataset, no readable episode in it, or the cache can be written nowhere.
        UsageError: a key that no episode has, or a rate that no episode has.
    """
    if not rate_hz > 0.0:
        raise UsageError(f"rate_hz must be above 0, got {rate_hz:g}")
    Dataset.open(root)
    with locked_folder(root, rate_hz) as folder:
        try:
            stored = {key: _stored_key(root, key) for key in (_JOINED, *keys)}
            index, skipped = _refreshed(folder, root, list(stored.values()), rate_hz, progress)
            labels = refreshed_labels(folder, root, index.episodes, rate_hz, revision, author)
        except OSError as error:
            raise DatasetInvalid(f"{folder}: the cache cannot be made ({error.strerror})") from error
        for name in stored.values():
            skipped |= index.columns[name].skipped
        columns = Columns({key: _column_file(folder, index, name) for key, name in stored.items()})
        whole = Columns({key: _whole_file(folder, index, name) for key, name in stored.items()})
        # Mapped while nobody can replace the files.
        for key in stored:
            columns[key], whole[key]
    return FlatCache(
        root, rate_hz, tuple(index.episodes), index.ends(), columns, whole, columns[_JOINED], labels,
        skipped | labels.skipped,
    )  # fmt: skip


def _is_there(folder: Path, index: Index) -> bool:
    """Whether every column file is as long as the index says."""
    files = [of(folder, index, key) for key in index.columns for of in (_column_file, _whole_file)]
    return all(file.path.is_file() and file.path.stat().st_size >= file.size for file in files)


def _stored_key(root: Path, key: str) -> str:
    """The column's name in the index; that of derived labels also tells which run of the name made them."""
    parts = key.split("/")
    if len(parts) == 3 and parts[0] == "labels":
        return f"{key}@{read_run(root, parts[1]).created_s!r}"
    return key


def _refreshed(
    folder: Path, root: Path, keys: list[str], rate_hz: float, progress: Progress | None
) -> tuple[Index, dict[str, str]]:
    """The index after it was made to cover today's episodes and these keys."""
    index = read_index(folder)
    found, skipped = _survey(root, index, rate_hz)
    old = index.generation
    if index.episodes != found[: len(index.episodes)] or not _is_there(folder, index):
        # An episode or a file went away or was replaced: rows would move under other readers, so other files are made.
        index = Index(old + 1, index.joint_names)
    for column in (index.columns[key] for key in keys if "@" in key and key in index.columns):
        if column.skipped:
            # The run may have gone on since; what it labelled before never changes, so the rows may be written again.
            column.episodes, column.skipped = 0, {}
    stale = [key for key in keys if key not in index.columns or index.columns[key].episodes < len(found)]
    changed = index.episodes != found or bool(stale)
    index.episodes = found
    if changed:
        _extend(folder, root, index, stale, rate_hz, progress)
        write_index(folder, index)
    if index.generation != old:
        shutil.rmtree(folder / f"g{old}", ignore_errors=True)
    return index, skipped


def _survey(root: Path, index: Index, rate_hz: float) -> tuple[list[CachedEpisode], dict[str, str]]:
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
    if attributes_crc32c(attributes) != attributes.get("attributes_crc32c"):
        raise DatasetInvalid(f"{name}: the attributes do not match their checksum")
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


def _extend(folder: Path, root: Path, index: Index, keys: list[str], rate_hz: float, progress: Progress | None) -> None:
    """Write what the columns lack, episode after episode; the index counts it only when it is on disk."""
    (folder / f"g{index.generation}").mkdir(exist_ok=True)
    columns = {key: index.columns.setdefault(key, Column()) for key in keys}
    begin = min((column.episodes for column in columns.values()), default=len(index.episodes))
    starts = index.ends() - [episode.steps for episode in index.episodes]
    for number in range(begin, len(index.episodes)):
        episode = open_episode(root / "episodes" / index.episodes[number].name)
        steps = steps_of(episode, rate_hz)
        for key, column in columns.items():
            if column.episodes == number:
                _append(folder, index, key, episode, steps, int(starts[number]))
        if progress is not None:
            progress(number + 1, len(index.episodes))
    for key in keys:
        _check_found(root, index, key)
        _finish(folder, index, key)


def _append(folder: Path, index: Index, key: str, episode: Episode, steps: Steps, start: int) -> None:
    column = index.columns[key]
    column.episodes += 1
    try:
        values, whole = (steps.joined,) * 2 if key == _JOINED else column_of(episode, key.split("@")[0], steps)
        dtype, shape = values.dtype.newbyteorder("<").str, list(values.shape[1:])
        if column.dtype and (dtype, shape) != (column.dtype, column.shape):
            theirs = f"{column.dtype} of shape {column.shape} per row"
            raise DatasetInvalid(f"{episode.path.name}: {key} is {dtype} of shape {shape}, others have {theirs}")
    except RoveError as error:
        column.skipped[episode.path.name] = str(error)
        return
    column.dtype, column.shape = dtype, shape
    row_bytes = values.dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    _write_at(column_path(folder, index.generation, key), start * row_bytes, values)
    _write_at(column_path(folder, index.generation, key, "whole"), start, whole)


def _write_at(path: Path, offset: int, values: NDArray[Any]) -> None:
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.seek(offset)
        file.write(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)


def _check_found(root: Path, index: Index, key: str) -> None:
    """A key that no episode has is a mistake of the caller, not damage."""
    if index.columns[key].dtype:
        return
    for entry in index.episodes if "@" not in key else ():
        has = available_keys(open_episode(root / "episodes" / entry.name))
        if key not in has:
            raise UsageError(f"{root}: no episode has '{key}'; there are {', '.join(has)}")
    why = next(iter(index.columns[key].skipped.values()))
    raise DatasetInvalid(f"{root}: '{key.split('@')[0]}' can be read of no episode ({why})")


def _finish(folder: Path, index: Index, key: str) -> None:
    """Bring both files to their full length (what was skipped at the end reads as zeros) and to the disk."""
    for file in (_column_file(folder, index, key), _whole_file(folder, index, key)):
        with file.path.open("r+b") as written:
            written.truncate(file.size)
            os.fdatasync(written.fileno())


def _column_file(folder: Path, index: Index, key: str) -> ColumnFile:
    column = index.columns[key]
    rows = sum(episode.steps for episode in index.episodes[: column.episodes])
    return ColumnFile(column_path(folder, index.generation, key), column.dtype, tuple(column.shape), rows)


def _whole_file(folder: Path, index: Index, key: str) -> ColumnFile:
    path = column_path(folder, index.generation, key, "whole")
    return ColumnFile(path, "|b1", (), _column_file(folder, index, key).rows)
