"""Bringing the columns of a flat cache up to date: new rows behind the old ones, or new files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DatasetInvalid, RoveError, UsageError
from ..read import Episode, open_episode
from .cache_files import Column, ColumnFile, Index, column_path, read_index, write_index
from .cache_survey import steps_of, survey
from .columns import available_keys, column_of
from .decimation import Steps

JOINED = "steps/joined"

Progress = Callable[[int, int], None]
"""Called with the episodes done and their number while a cache is made."""


def refreshed_index(
    folder: Path, root: Path, keys: list[str], rate_hz: float, progress: Progress | None
) -> tuple[Index, dict[str, str]]:
    """The index after it was made to cover today's episodes and these keys."""
    index = read_index(folder)
    found, skipped = survey(root, index, rate_hz)
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


def _is_there(folder: Path, index: Index) -> bool:
    """Whether every column file is as long as the index says."""
    files = [of(folder, index, key) for key in index.columns for of in (column_file, whole_file)]
    return all(file.path.is_file() and file.path.stat().st_size >= file.size for file in files)


def _extend(folder: Path, root: Path, index: Index, keys: list[str], rate_hz: float, progress: Progress | None) -> None:
    """Write what the columns lack, episode after episode; the index counts it only when it is on disk."""
    (folder / f"g{index.generation}").mkdir(exist_ok=True)
    columns = {key: index.columns.setdefault(key, Column()) for key in keys}
    begin = min((column.episodes for column in columns.values()), default=len(index.episodes))
    starts = index.ends() - [episode.steps for episode in index.episodes]
    for number in range(begin, len(index.episodes)):
        lacking = [key for key, column in columns.items() if column.episodes == number]
        try:
            episode = open_episode(root / "episodes" / index.episodes[number].name)
            steps = steps_of(episode, rate_hz)
            for key in lacking:
                _append(folder, index, key, episode, steps, int(starts[number]))
        except RoveError as error:
            # Damaged since it was first seen.
            for key in lacking:
                columns[key].skipped[index.episodes[number].name] = str(error)
        for key in lacking:
            columns[key].episodes = number + 1
        if progress is not None:
            progress(number + 1, len(index.episodes))
    for key in keys:
        _check_found(root, index, key)
        _finish(folder, index, key)


def _append(folder: Path, index: Index, key: str, episode: Episode, steps: Steps, start: int) -> None:
    column = index.columns[key]
    try:
        values, whole = (steps.joined,) * 2 if key == JOINED else column_of(episode, key.split("@")[0], steps)
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
    for file in (column_file(folder, index, key), whole_file(folder, index, key)):
        with file.path.open("r+b") as written:
            written.truncate(file.size)
            os.fdatasync(written.fileno())


def column_file(folder: Path, index: Index, key: str) -> ColumnFile:
    column = index.columns[key]
    rows = sum(episode.steps for episode in index.episodes[: column.episodes])
    return ColumnFile(column_path(folder, index.generation, key), column.dtype, tuple(column.shape), rows)


def whole_file(folder: Path, index: Index, key: str) -> ColumnFile:
    path = column_path(folder, index.generation, key, "whole")
    return ColumnFile(path, "|b1", (), column_file(folder, index, key).rows)
