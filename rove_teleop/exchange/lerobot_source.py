"""Reads a LeRobotDataset v3.0 from disk: what it says of itself, episodes, their columns and images."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ..errors import DatasetInvalid, MissingDependency
from .lerobot_layout import INFO_PATH, SOURCE_PATH, TASKS_PATH, VERSION, Feature

try:
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet
except ModuleNotFoundError as error:
    raise MissingDependency("LeRobot datasets need pyarrow: pip install 'rove_teleop[lerobot]'") from error

from .video import VideoReader, decode_image

JPEG_QUALITY = 95
_CONVERTER = "python -m lerobot.datasets.v30.convert_dataset_v21_to_v30"


@dataclass(frozen=True, slots=True)
class SourceEpisode:
    """One episode: its number, its row of ``meta/episodes``, its columns by name ((t,), (t, m), lists of texts)."""

    number: int
    row: dict[str, Any]
    columns: dict[str, Any]
    length: int
    instruction: str


class LeRobotSource:
    """A dataset that LeRobot 0.4 and newer write.

    Raises:
        DatasetInvalid: not such a dataset, another version, or damaged.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.info = _read_info(root)
        self.features: dict[str, Feature] = self.info["features"]
        self.fps = float(self.info["fps"])
        self._tasks = self._read_tasks()
        self._rows = self._read_episodes()
        self._table: tuple[str, Any] = ("", None)
        self._videos: dict[str, tuple[Path, VideoReader]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def cameras(self) -> dict[str, str]:
        """Columns with images, by the camera names that they get here."""
        keys = [key for key, item in self.features.items() if item["dtype"] in ("video", "image")]
        return {re.sub(r"[^A-Za-z0-9_-]", "_", key.removeprefix("observation.images."))[:64]: key for key in keys}

    def names(self, key: str) -> list[str]:
        """Names of a column's numbers; "0", "1" and on where it has none.

        Raises:
            DatasetInvalid: no such column.
        """
        if key not in self.features:
            raise DatasetInvalid(f"{self.root}: has no column '{key}' (it has: {', '.join(self.features)})")
        names = self.features[key].get("names")
        if isinstance(names, dict):
            names = next(iter(names.values()), None)
        if not isinstance(names, list):
            names = range(int(self.features[key]["shape"][0]))
        return [str(name) for name in names]

    def episodes(self) -> Iterator[SourceEpisode]:
        """Every episode in order.

        Raises:
            DatasetInvalid: a file is missing or damaged, or has not the frames that it should have.
        """
        for row in self._rows:
            yield self._episode(row)

    def told(self, number: int) -> dict[str, Any]:
        """What our own exporter wrote of an episode; empty for other datasets."""
        path = self.root / SOURCE_PATH
        if not path.exists():
            return {}
        try:
            listed = json.loads(path.read_text(encoding="utf-8"))["episodes"]
            return next((dict(item) for item in listed if item["episodes"][0] <= number < item["episodes"][1]), {})
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise DatasetInvalid(f"{path}: cannot be read ({error})") from error

    def images(self, episode: SourceEpisode, key: str) -> Iterator[bytes]:
        """The images of an episode as JPEG files: the bytes themselves where they are JPEG, else encoded once.

        Raises:
            DatasetInvalid: an image is missing or damaged.
        """
        if self.features[key]["dtype"] == "image":
            for data in episode.columns[key]:
                yield data if data[:2] == b"\xff\xd8" else _jpeg(decode_image(data, f"{self.root}: '{key}'"))
            return
        video, row = self._video(key, episode.row), episode.row
        first = round(float(row[f"videos/{key}/from_timestamp"]) * self.fps)
        for image in video.images(first, episode.length):
            yield _jpeg(image)

    def _episode(self, row: dict[str, Any]) -> SourceEpisode:
        number, length = int(row["episode_index"]), int(row["length"])
        place = {"chunk_index": row["data/chunk_index"], "file_index": row["data/file_index"]}
        table = self._data(self._path("data_path", place))
        part = table.filter(pyarrow.compute.equal(table["episode_index"], number))
        if part.num_rows != length or part["frame_index"].to_pylist() != list(range(length)):
            raise DatasetInvalid(f"{self.root}: episode {number} has {part.num_rows} frames, not the {length} it lists")
        columns = {name: self._column(part, name) for name in part.column_names if name in self.features}
        task = int(columns["task_index"][0]) if length else -1
        return SourceEpisode(number, row, columns, length, self._tasks.get(task, ""))

    def _column(self, table: Any, name: str) -> Any:
        item = self.features[name]
        column = table[name].combine_chunks()
        if item["dtype"] == "image":
            return [value["bytes"] for value in column.to_pylist()]
        if item["dtype"] == "string":
            return column.to_pylist()
        if pyarrow.types.is_list(column.type) or pyarrow.types.is_fixed_size_list(column.type):
            return np.asarray(column.flatten()).reshape(len(column), -1)
        return np.asarray(column)

    def _data(self, path: Path) -> Any:
        if self._table[0] != str(path):
            self._table = (str(path), _read_parquet(path))
        return self._table[1]

    def _video(self, key: str, row: dict[str, Any]) -> VideoReader:
        place = {name: row[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
        path = self._path("video_path", {**place, "video_key": key})
        if key not in self._videos or self._videos[key][0] != path:
            if key in self._videos:
                self._videos[key][1].close()
            self._videos[key] = (path, VideoReader(path, self.fps))
        return self._videos[key][1]

    def _path(self, pattern: str, place: dict[str, Any]) -> Path:
        try:
            path = self.root / str(self.info[pattern]).format(**place)
        except (KeyError, IndexError, ValueError) as error:
            raise DatasetInvalid(f"{self.root / INFO_PATH}: {pattern} cannot be used ({error})") from error
        if ".." in path.parts or not path.is_relative_to(self.root):
            raise DatasetInvalid(f"{self.root / INFO_PATH}: {pattern} leads out of the dataset")
        return path

    def _read_tasks(self) -> dict[int, str]:
        table = _read_parquet(self.root / TASKS_PATH)
        texts = next((name for name in table.column_names if name != "task_index"), None)
        if texts is None or "task_index" not in table.column_names:
            raise DatasetInvalid(f"{self.root / TASKS_PATH}: has no task_index with texts beside it")
        return dict(zip(table["task_index"].to_pylist(), map(str, table[texts].to_pylist()), strict=True))

    def _read_episodes(self) -> list[dict[str, Any]]:
        paths = sorted((self.root / "meta" / "episodes").glob("*/*.parquet"))
        rows: list[dict[str, Any]] = []
        for path in paths:
            table = _read_parquet(path)
            kept = [name for name in table.column_names if not name.startswith("stats/")]
            rows += table.select(kept).to_pylist()
        rows.sort(key=lambda row: int(row["episode_index"]))
        if len(rows) != self.info["total_episodes"]:
            raise DatasetInvalid(
                f"{self.root}: lists {len(rows)} episodes, {INFO_PATH} says {self.info['total_episodes']}"
            )
        return rows


def _read_info(root: Path) -> dict[str, Any]:
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
    lacking = [key for key in ("features", "fps", "total_episodes", "data_path") if key not in info]
    if lacking or not isinstance(info["features"], dict):
        raise DatasetInvalid(f"{path}: has no {(lacking or ['features'])[0]}")
    return dict(info)


def _read_parquet(path: Path) -> Any:
    try:
        return pyarrow.parquet.read_table(path, use_threads=False)
    except (OSError, pyarrow.ArrowException) as error:
        raise DatasetInvalid(f"{path}: cannot be read ({str(error).splitlines()[0]})") from error


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=JPEG_QUALITY))
