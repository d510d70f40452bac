"""What a LeRobotDataset v3.0 says of itself: info.json, tasks, the list of episodes; checked before it is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import DatasetInvalid, MissingDependency
from .lerobot_layout import INFO_PATH, SOURCE_PATH, TASKS_PATH, VERSION

try:
    import pyarrow
    import pyarrow.parquet
except ModuleNotFoundError as error:
    raise MissingDependency("LeRobot datasets need pyarrow: pip install 'rove_teleop[lerobot]'") from error

_CONVERTER = "python -m lerobot.datasets.v30.convert_dataset_v21_to_v30"
_NEEDED = ("features", "fps", "total_episodes", "data_path")
_ROW = ("episode_index", "length", "data/chunk_index", "data/file_index", "dataset_from_index")


def read_info(root: Path) -> dict[str, Any]:
    """``meta/info.json``.

    Raises:
        DatasetInvalid: not a LeRobot dataset, another version, or damaged.
    """
    path = root / INFO_PATH
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
        version = str(info["codebase_version"])
    except FileNotFoundError as error:
        raise DatasetInvalid(f"{root}: is not a LeRobot dataset (no {INFO_PATH} in it)") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetInvalid(f"{path}: cannot be read ({error!r})") from error
    if version != VERSION:
        older = f"; convert it first: {_CONVERTER}" if version.startswith("v2") else ""
        raise DatasetInvalid(f"{root}: is LeRobotDataset {version}, only {VERSION} can be read{older}")
    lacking = [key for key in _NEEDED if key not in info]
    if lacking or not isinstance(info["features"], dict):
        raise DatasetInvalid(f"{path}: has no {(lacking or ['features'])[0]}")
    for name, item in info["features"].items():
        if not isinstance(item, dict) or not isinstance(item.get("dtype"), str) or not item.get("shape"):
            raise DatasetInvalid(f"{path}: does not say what '{name}' is")
    if not isinstance(info["fps"], int | float) or not 0 < info["fps"] <= 10_000:
        raise DatasetInvalid(f"{path}: fps is {info['fps']!r}, which is no rate")
    return dict(info)


def read_tasks(root: Path) -> dict[int, str]:
    """The tasks' texts by index.

    Raises:
        DatasetInvalid: the file is missing or damaged.
    """
    table = read_parquet(root / TASKS_PATH)
    texts = next((name for name in table.column_names if name != "task_index"), None)
    if texts is None or "task_index" not in table.column_names:
        raise DatasetInvalid(f"{root / TASKS_PATH}: has no task_index with texts beside it")
    return dict(zip(table["task_index"].to_pylist(), map(str, table[texts].to_pylist()), strict=True))


def read_episodes(root: Path, count: int) -> list[dict[str, Any]]:
    """The ``count`` rows of ``meta/episodes`` in order, without their statistics.

    Raises:
        DatasetInvalid: a file is damaged, or rows or columns are missing.
    """
    rows: list[dict[str, Any]] = []
    for path in sorted((root / "meta" / "episodes").glob("*/*.parquet")):
        table = read_parquet(path)
        lacking = [name for name in _ROW if name not in table.column_names]
        if lacking:
            raise DatasetInvalid(f"{path}: has no column '{lacking[0]}'")
        rows += table.select([name for name in table.column_names if not name.startswith("stats/")]).to_pylist()
    rows.sort(key=lambda row: int(row["episode_index"]))
    if len(rows) != count:
        raise DatasetInvalid(f"{root}: lists {len(rows)} episodes, {INFO_PATH} says {count}")
    return rows


def read_parquet(path: Path) -> Any:
    """A parquet file as a table.

    Raises:
        DatasetInvalid: it is missing or damaged.
    """
    try:
        return pyarrow.parquet.read_table(path, use_threads=False)
    except (OSError, pyarrow.ArrowException) as error:
        raise DatasetInvalid(f"{path}: cannot be read ({str(error).splitlines()[0]})") from error


def read_sources(root: Path) -> list[dict[str, Any]]:
    """What our own exporter wrote about the origin of episodes; empty for datasets of others.

    Raises:
        DatasetInvalid: the file is damaged.
    """
    path = root / SOURCE_PATH
    if not path.exists():
        return []
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["episodes"]
        return [dict(item) for item in listed if len(range(*item["episodes"])) > 0]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetInvalid(f"{path}: cannot be read ({error})") from error
