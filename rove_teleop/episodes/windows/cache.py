"""The flat cache that training reads: one memory-mapped file per key over all episodes, derived and disposable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import DatasetInvalid, UsageError
from ..dataset import Dataset
from ..label_runs import read_run
from .cache_build import JOINED, Progress, column_file, refreshed_index, whole_file
from .cache_files import CachedEpisode, Columns, locked_folder
from .cache_labels import StepLabels, refreshed_labels


@dataclass(frozen=True, slots=True)
class FlatCache:
    """All readable episodes of a dataset at one training rate.

    Steps of all episodes lie one after the other; episode e has the steps ``ends[e - 1]`` to ``ends[e]``. ``columns``
    maps a key to (steps, ...), ``whole`` to (steps,): where the value was recorded and is finite. ``joined`` (steps,)
    is True where no control tick was lost since the step before. ``skipped`` maps file names of episodes that are left
    out to a sentence that says why.
    """

    root: Path
    folder: Path
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
            stored = {key: _stored_key(root, key) for key in (JOINED, *keys)}
            index, skipped = refreshed_index(folder, root, list(stored.values()), rate_hz, progress)
            labels = refreshed_labels(folder, root, index.episodes, rate_hz, revision, author)
        except OSError as error:
            raise DatasetInvalid(f"{folder}: the cache cannot be made ({error.strerror})") from error
        for name in stored.values():
            skipped |= index.columns[name].skipped
        columns = Columns({key: column_file(folder, index, name) for key, name in stored.items()})
        whole = Columns({key: whole_file(folder, index, name) for key, name in stored.items()})
        # Mapped while nobody can replace the files.
        for key in stored:
            columns[key], whole[key]
    return FlatCache(
        root, folder, rate_hz, tuple(index.episodes), index.ends(), columns, whole, columns[JOINED], labels,
        skipped | labels.skipped,
    )  # fmt: skip


def _stored_key(root: Path, key: str) -> str:
    """The column's name in the index; that of derived labels also tells which run of the name made them."""
    parts = key.split("/")
    if len(parts) == 3 and parts[0] == "labels":
        return f"{key}@{read_run(root, parts[1]).created_s!r}"
    return key
