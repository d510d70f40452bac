"""Reads the episodes of a LeRobotDataset v3.0 from disk: their columns and their images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ..errors import DatasetInvalid
from .lerobot_layout import BOOKKEEPING, INFO_PATH, Feature
from .lerobot_meta import read_episodes, read_info, read_parquet, read_sources, read_tasks
from .video import VideoReader, decode_image

JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True)
class SourceEpisode:
    """One episode: its number, its row of ``meta/episodes``, its columns by name ((t,), (t, m), lists of texts).

    ``told`` is what our own exporter wrote of it.
    """

    number: int
    row: dict[str, Any]
    columns: dict[str, Any]
    length: int
    instruction: str
    told: dict[str, Any]


class LeRobotSource:
    """A dataset that LeRobot 0.4 and newer write.

    Raises:
        DatasetInvalid: not such a dataset, another version, or damaged.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.info = read_info(root)
        self.features: dict[str, Feature] = self.info["features"]
        self.fps = float(self.info["fps"])
        self._tasks = read_tasks(root)
        self._rows = read_episodes(root, self.info["total_episodes"])
        self._told = read_sources(root)
        self._table: tuple[Path, Any] = (root, None)
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

    def images(self, episode: SourceEpisode, key: str) -> Iterator[bytes]:
        """The images of an episode as JPEG files: the bytes themselves where they are JPEG, else encoded once.

        Raises:
            DatasetInvalid: an image is missing or damaged.
        """
        what = f"{self.root}: episode {episode.number}, '{key}'"
        if self.features[key]["dtype"] == "image":
            for data in episode.columns[key]:
                yield data if data[:2] == b"\xff\xd8" else _jpeg(decode_image(data, what))
            return
        place = {name: episode.row.get(f"videos/{key}/{name}") for name in ("chunk_index", "file_index")}
        begin_s = episode.row.get(f"videos/{key}/from_timestamp")
        if begin_s is None or None in place.values():
            raise DatasetInvalid(f"{what}: nothing says where its video is")
        video = self._video(key, self._path("video_path", {**place, "video_key": key}))
        # LeRobot adds times up, so they drift; the number of the image is what was meant.
        for image in video.images(round(begin_s * self.fps), episode.length):
            yield _jpeg(image)

    def _episode(self, row: dict[str, Any]) -> SourceEpisode:
        number, length = int(row["episode_index"]), int(row["length"])
        what = f"{self.root}: episode {number}"
        place = {"chunk_index": row["data/chunk_index"], "file_index": row["data/file_index"]}
        table = self._data(self._path("data_path", place))
        needed = [name for name, item in self.features.items() if item["dtype"] != "video"]
        lacking = [name for name in (*needed, *BOOKKEEPING) if name not in table.schema.names]
        if lacking:
            raise DatasetInvalid(f"{what} has no column '{lacking[0]}'")
        begin = int(row["dataset_from_index"]) - table["index"][0].as_py() if table.num_rows else 0
        part = table.slice(max(begin, 0), length)
        theirs, frame = (part[name].to_numpy() for name in ("episode_index", "frame_index"))
        if begin < 0 or part.num_rows != length or np.any(theirs != number) or np.any(frame != np.arange(length)):
            raise DatasetInvalid(f"{what} has not the {length} frames that it lists")
        columns = {name: _column(part, name, self.features[name], what) for name in needed}
        task = part["task_index"][0].as_py() if length else -1
        told = next((item for item in self._told if number in range(*item["episodes"])), {})
        return SourceEpisode(number, row, columns, length, self._tasks.get(task, ""), told)

    def _data(self, path: Path) -> Any:
        """The table of a data file; the last one is kept, for it holds the next episode too."""
        if self._table[1] is None or self._table[0] != path:
            self._table = (path, read_parquet(path))
        return self._table[1]

    def _video(self, key: str, path: Path) -> VideoReader:
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


def _column(table: Any, name: str, item: Feature, what: str) -> Any:
    """A column as an array (t,) or (t, m), as a list of texts, or as a list of image files."""
    column = table[name].combine_chunks()
    if item["dtype"] == "image":
        return [value["bytes"] for value in column.to_pylist()]
    if item["dtype"] == "string":
        return column.to_pylist()
    nested = str(column.type).startswith(("list", "fixed_size_list", "large_list"))
    try:
        values = np.asarray(column.flatten()).reshape(len(column), -1) if nested else np.asarray(column)
    except ValueError as error:
        raise DatasetInvalid(f"{what}: rows of '{name}' differ in length") from error
    if nested and values.shape[1:] != tuple(item["shape"]) and len(item["shape"]) == 1:
        raise DatasetInvalid(f"{what}: '{name}' has {values.shape[1]} numbers, {INFO_PATH} says {item['shape'][0]}")
    return values


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=JPEG_QUALITY))
