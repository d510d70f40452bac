"""Parquet as LeRobot lays it out: numbered files of a bounded size, one row group per write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingDependency
from .lerobot_layout import FILES_PER_CHUNK, Feature

try:
    import pyarrow
    import pyarrow.parquet
except ModuleNotFoundError as error:
    raise MissingDependency("LeRobot datasets need pyarrow: pip install 'rove_teleop[lerobot]'") from error


class NumberedFiles:
    """Tables of one schema into ``chunk-000/file-000.parquet`` and on; a file is full at ``limit_mb``.

    ``pattern`` is the path below ``root``, with ``chunk_index`` and ``file_index`` in it.
    """

    def __init__(self, root: Path, pattern: str, limit_mb: int) -> None:
        self._root, self._pattern, self._limit = root, pattern, limit_mb << 20
        self._number = self._bytes = 0
        self._writer: Any = None

    @property
    def place(self) -> tuple[int, int]:
        """Chunk and file index of the next table."""
        number = self._number + self._full
        return number // FILES_PER_CHUNK, number % FILES_PER_CHUNK

    @property
    def _full(self) -> bool:
        return 0 < self._bytes >= self._limit

    def write(self, table: Any) -> None:
        if self._full:
            self.close()
            self._number += 1
            self._bytes = 0
        if self._writer is None:
            chunk, file = self.place
            path = self._root / self._pattern.format(chunk_index=chunk, file_index=file)
            path.parent.mkdir(parents=True, exist_ok=True)
            texts = [field.name for field in table.schema if field.type == pyarrow.string()]
            self._writer = pyarrow.parquet.ParquetWriter(path, table.schema, compression="snappy", use_dictionary=texts)
        self._writer.write_table(table)
        self._bytes += table.nbytes

    def close(self) -> None:
        """Write the footer; without it a parquet file cannot be read."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def data_table(columns: Mapping[str, Any], features: Mapping[str, Feature]) -> Any:
    """The rows of one episode: arrays (frames,) or (frames, m), lists of bytes for images, one text for all frames."""
    count = len(columns["index"])
    arrays = {name: _array(columns[name], item, count) for name, item in features.items() if item["dtype"] != "video"}
    return pyarrow.table(arrays)


def episodes_table(rows: list[dict[str, Any]]) -> Any:
    """Rows of ``meta/episodes``: numbers, lists of texts, and statistics as nested lists."""
    return pyarrow.table({name: pyarrow.array([_plain(row[name]) for row in rows]) for name in rows[0]})


def write_tasks(path: Path, tasks: Iterable[str]) -> None:
    """``meta/tasks.parquet``: LeRobot reads the texts as the index of a pandas table, so the file says that it is."""
    texts = list(tasks)
    table = pyarrow.table({"task_index": np.arange(len(texts)), _INDEX: pyarrow.array(texts, pyarrow.string())})
    columns = [_pandas("task_index", "task_index", "int64", "int64"), _pandas(None, _INDEX, "unicode", "object")]
    pandas = {"index_columns": [_INDEX], "column_indexes": [], "columns": columns, "pandas_version": "2.0.0"}
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table.replace_schema_metadata({"pandas": json.dumps(pandas)}), path)


_INDEX = "__index_level_0__"


def _pandas(name: str | None, field: str, kind: str, numpy_kind: str) -> dict[str, Any]:
    return {"name": name, "field_name": field, "pandas_type": kind, "numpy_type": numpy_kind, "metadata": None}


def _array(values: Any, item: Feature, count: int) -> Any:
    if item["dtype"] == "image":
        nothing = pyarrow.nulls(count, pyarrow.string())
        return pyarrow.StructArray.from_arrays([pyarrow.array(values, pyarrow.binary()), nothing], ["bytes", "path"])
    if isinstance(values, str):
        return pyarrow.repeat(values, count)
    array: NDArray[Any] = np.ascontiguousarray(values, item["dtype"])
    if array.ndim == 1:
        return pyarrow.array(array)
    return pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(array.reshape(-1)), array.shape[1])


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
