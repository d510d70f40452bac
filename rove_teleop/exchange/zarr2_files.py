"""Zarr version 2 written by hand: uncompressed arrays that grow along their first axis, one chunk file at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK_BYTES = 1 << 20


def write_group(path: Path, attributes: Mapping[str, Any] | None = None) -> None:
    """Make the folder of a group."""
    path.mkdir(parents=True, exist_ok=True)
    (path / ".zgroup").write_text(json.dumps({"zarr_format": 2}), encoding="utf-8")
    _write_attributes(path, attributes or {})


class GrowingArray:
    """An array (rows, ...) on disk; rows are appended, ``close`` makes it readable.

    A chunk holds about 1 MiB, at least one row: a picture of a camera is a chunk of its own.
    """

    def __init__(self, path: Path, dtype: str, item_shape: tuple[int, ...], attributes: Mapping[str, Any]) -> None:
        self.path, self.dtype, self.item_shape = path, np.dtype(dtype), item_shape
        item_bytes = max(1, int(np.prod(item_shape)) * self.dtype.itemsize)
        self._chunk = np.zeros((max(1, _CHUNK_BYTES // item_bytes), *item_shape), self.dtype)
        self._rows = 0
        self._filled = 0
        path.mkdir(parents=True)
        _write_attributes(path, attributes)

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows (n, ...) of this array's shape; they are converted to its type."""
        while len(rows):
            count = min(len(rows), len(self._chunk) - self._filled)
            self._chunk[self._filled : self._filled + count] = rows[:count]
            self._filled += count
            rows = rows[count:]
            if self._filled == len(self._chunk):
                self._flush()

    def close(self) -> int:
        """Write what is left and the metadata; return the number of rows."""
        if self._filled:
            # Version 2 stores the last chunk whole: what is behind the end is zero, not the chunk before it.
            self._chunk[self._filled :] = 0
            self._flush()
        metadata = {
            "zarr_format": 2,
            "shape": [self._rows, *self.item_shape],
            "chunks": list(self._chunk.shape),
            "dtype": self.dtype.str,
            "compressor": None,
            "fill_value": 0,
            "order": "C",
            "filters": None,
        }
        (self.path / ".zarray").write_text(json.dumps(metadata), encoding="utf-8")
        return self._rows

    def _flush(self) -> None:
        number = self._rows // len(self._chunk)
        name = ".".join([str(number), *["0"] * len(self.item_shape)])
        (self.path / name).write_bytes(self._chunk.data)
        self._rows += self._filled
        self._filled = 0


def _write_attributes(path: Path, attributes: Mapping[str, Any]) -> None:
    if attributes:
        (path / ".zattrs").write_text(json.dumps(dict(attributes)), encoding="utf-8")
