"""The files of a flat cache: where they lie, who may write them, an index beside plain columns of bytes."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import mmap
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DatasetInvalid
from ..durability import write_durable_json

VERSION = 2


@dataclass(frozen=True, slots=True)
class CachedEpisode:
    """One sealed episode in the cache: ``stamp`` tells its file's state, ``crc`` is its attributes' checksum."""

    name: str
    stamp: list[int]
    crc: int
    steps: int
    about: dict[str, str]


@dataclass(slots=True)
class Column:
    """One key: ``episodes`` of the index are written; those in ``skipped`` (name to reason) are zeros."""

    dtype: str = ""
    shape: list[int] = field(default_factory=list)
    episodes: int = 0
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Index:
    """What the column files of ``generation`` hold, episode after episode."""

    generation: int = 0
    joint_names: list[str] = field(default_factory=list)
    episodes: list[CachedEpisode] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)

    def ends(self) -> NDArray[np.int64]:
        """The step after the last one of each episode, (episodes,)."""
        return np.cumsum([episode.steps for episode in self.episodes], dtype=np.int64)


def read_index(folder: Path) -> Index:
    """The index; an empty one where there is none or it cannot be understood (a cache is made anew, never trusted)."""
    try:
        value = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        if value["version"] != VERSION:
            return Index()
        index = Index(
            value["generation"],
            value["joint_names"],
            [CachedEpisode(**item) for item in value["episodes"]],
            {key: Column(**item) for key, item in value["columns"].items()},
        )
        _check_types(index)
        return index
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        numbers = [int(path.name[1:]) for path in folder.glob("g*") if path.name[1:].isdecimal()]
        return Index(generation=max(numbers, default=-1) + 1)


def _check_types(index: Index) -> None:
    """`TypeError` for what JSON can say and no index means."""
    columns = index.columns.values()
    counts = [index.generation, *(item.steps for item in index.episodes), *(item.episodes for item in columns)]
    numbers = [*counts, *(size for item in columns for size in item.shape)]
    texts = [*index.joint_names, *(item.name for item in index.episodes), *(item.dtype for item in columns)]
    tables = [*(item.about for item in index.episodes), *(item.skipped for item in columns)]
    for kind, values in ((int, numbers), (str, texts), (dict, tables), (list, [index.joint_names])):
        if not all(type(value) is kind for value in values):
            raise TypeError(f"something is no {kind.__name__}")
    if min(counts, default=0) < 0:
        raise TypeError("a count below zero")


def write_index(folder: Path, index: Index) -> None:
    """Replace the index in one step; columns must be on disk before."""
    write_durable_json(folder / "index.json", {"version": VERSION, **asdict(index)})


def column_path(folder: Path, generation: int, key: str, part: str = "bin") -> Path:
    """Where the bytes of a column lie."""
    return folder / f"g{generation}" / f"{key.replace('/', '.')}.{part}"


@contextlib.contextmanager
def locked_folder(root: Path, rate_hz: float) -> Iterator[Path]:
    """The cache folder of a dataset for one training rate, held by this process alone meanwhile.

    It is ``DATASET/cache/<schema>``, or one under ``$XDG_CACHE_HOME/rove_teleop`` where the dataset cannot be written.

    Raises:
        DatasetInvalid: neither can be written.
    """
    schema = f"{rate_hz:g}hz-" + hashlib.sha256(f"{VERSION} {rate_hz!r}".encode()).hexdigest()[:8]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    own = home / "rove_teleop" / hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
    refusals = []
    for folder in (root / "cache" / schema, own / schema):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = (folder / "lock").open("a", encoding="utf-8")
        except OSError as error:
            refusals.append(f"{folder}: {error.strerror}")
            continue
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield folder
        return
    raise DatasetInvalid(f"{root}: its cache can be written nowhere ({'; '.join(refusals)})")


@dataclass(frozen=True, slots=True)
class ColumnFile:
    """A column on disk: rows of ``dtype`` and ``shape``."""

    path: Path
    dtype: str
    shape: tuple[int, ...]
    rows: int

    @property
    def size(self) -> int:
        """Bytes of all rows."""
        return self.rows * int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize

    def open(self) -> NDArray[Any]:
        """A read-only memory map (rows, ...).

        Raises:
            DatasetInvalid: the file went away.
        """
        if self.rows == 0:
            return np.zeros((0, *self.shape), self.dtype)
        try:
            with self.path.open("rb") as file:
                data = mmap.mmap(file.fileno(), self.size, prot=mmap.PROT_READ)
        except (OSError, ValueError) as error:
            raise DatasetInvalid(f"{self.path}: cannot be mapped ({error}); open the dataset again") from error
        # Windows lie anywhere: reading ahead would only fetch what nobody asked for.
        data.madvise(mmap.MADV_RANDOM)
        return np.frombuffer(data, self.dtype).reshape(self.rows, *self.shape)


class Columns(Mapping[str, NDArray[Any]]):
    """Columns by key, mapped when first read. Copies to another process as file names, not as bytes."""

    def __init__(self, files: dict[str, ColumnFile]) -> None:
        self._files = files
        self._open: dict[str, NDArray[Any]] = {}

    def __getitem__(self, key: str) -> NDArray[Any]:
        if key not in self._open:
            self._open[key] = self._files[key].open()
        return self._open[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __reduce__(self) -> tuple[type[Columns], tuple[dict[str, ColumnFile]]]:
        return (Columns, (self._files,))
