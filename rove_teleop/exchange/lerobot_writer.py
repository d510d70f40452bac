"""Writes a LeRobotDataset v3.0, episode by episode, into a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from ..errors import DatasetInvalid
from .frames import Frames
from .images import Images
from .lerobot_columns import Columns, bookkeeping, columns_of, features_of, task_of
from .lerobot_images import VideoFiles, image_size, sampled_statistics
from .lerobot_layout import (
    DATA_FILE_MB,
    DATA_PATH,
    EPISODES_PATH,
    IMAGE_PREFIX,
    INFO_PATH,
    STATS_PATH,
    TASKS_PATH,
    Feature,
    image_feature,
    info_json,
    video_feature,
)
from .lerobot_statistics import Statistics, column_statistics, merged
from .lerobot_tables import NumberedFiles, data_table, episodes_table, write_tasks

Codec = Literal["h264", "jpeg"]
_EPISODES_PER_TABLE = 100


class LeRobotWriter:
    """``add`` per episode, then ``finish``: only then the folder can be read."""

    def __init__(self, folder: Path, fps: int, codec: Codec = "h264") -> None:
        self._folder, self._fps, self._codec = folder, fps, codec
        self._data = NumberedFiles(folder, DATA_PATH, DATA_FILE_MB)
        self._episodes = NumberedFiles(folder, EPISODES_PATH, DATA_FILE_MB)
        self._videos: dict[str, VideoFiles] = {}
        self._features: dict[str, Feature] = {}
        self._robot = ""
        self._tasks: dict[str, int] = {}
        self._rows: list[dict[str, Any]] = []
        self._unmerged: list[dict[str, Statistics]] = []
        self.episodes = self.frames = 0

    def add(self, frames: Frames) -> None:
        """Append an episode.

        Raises:
            DatasetInvalid: its joints, cameras or image sizes are not those of the first one, or an image is damaged.
        """
        cameras = {name: Images(frames.episode, name) for name in frames.image}
        self._begin(frames, cameras)
        count = len(frames.row)
        task = self._tasks.setdefault(task_of(frames.episode), len(self._tasks))
        columns = columns_of(frames) | bookkeeping(self.episodes, self.frames, count, task, self._fps)
        chunk, file = self._data.place
        row = {
            "episode_index": self.episodes,
            "tasks": [task_of(frames.episode)],
            "length": count,
            "data/chunk_index": chunk,
            "data/file_index": file,
            "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + count,
        }
        row |= self._add_images(frames, cameras, columns)
        self._data.write(data_table(columns, self._features))
        statistics = self._statistics(frames, cameras, columns)
        self._unmerged.append(statistics)
        row |= {f"stats/{key}/{name}": value for key, part in statistics.items() for name, value in part.items()}
        self._rows.append(row)
        self.episodes, self.frames = self.episodes + 1, self.frames + count
        if len(self._rows) >= _EPISODES_PER_TABLE:
            self._write_rows()

    def finish(self) -> None:
        """Close every file and write what describes the whole."""
        self._write_rows()
        self._data.close()
        self._episodes.close()
        for video in self._videos.values():
            video.close()
        write_tasks(self._folder / TASKS_PATH, self._tasks)
        info = info_json(self._fps, self._robot, self._features, self.episodes, self.frames, len(self._tasks))
        _write_json(self._folder / INFO_PATH, info)
        whole = {key: {name: value.tolist() for name, value in part.items()} for key, part in self._unmerged[0].items()}
        _write_json(self._folder / STATS_PATH, whole)

    def _begin(self, frames: Frames, cameras: dict[str, Images]) -> None:
        """The first episode says what every other one must hold."""
        features = features_of(frames.episode)
        for name, images in cameras.items():
            key, (height, width) = IMAGE_PREFIX + name, image_size(images)
            video = self._codec == "h264"
            features[key] = video_feature(height, width, self._fps) if video else image_feature(height, width)
            if video and key not in self._videos:
                self._videos[key] = VideoFiles(self._folder, key, self._fps, height, width)
        if not self._features:
            self._features, self._robot = features, str(frames.episode.attributes["robot"] or "unknown")
        unlike = [name for name in (self._features | features) if self._features.get(name) != features.get(name)]
        if unlike:
            raise DatasetInvalid(f"{frames.episode.path.name}: '{unlike[0]}' is not like in the episodes before it")

    def _add_images(self, frames: Frames, cameras: dict[str, Images], columns: Columns) -> dict[str, Any]:
        """Write videos, or put the images' bytes into ``columns``; return what ``meta/episodes`` says of videos."""
        row: dict[str, Any] = {}
        for name, images in cameras.items():
            key, index = IMAGE_PREFIX + name, frames.image[name]
            if key in self._videos:
                row |= self._videos[key].add(images, index)
            else:
                columns[key] = [images.jpeg(number) for number in index.tolist()]
        return row

    def _statistics(self, frames: Frames, cameras: dict[str, Images], columns: Columns) -> dict[str, Statistics]:
        numbers = [name for name, item in self._features.items() if item["dtype"] in ("float32", "int64", "bool")]
        result = {name: column_statistics(columns[name]) for name in numbers}
        return result | {
            IMAGE_PREFIX + name: sampled_statistics(images, frames.image[name]) for name, images in cameras.items()
        }

    def _write_rows(self) -> None:
        if not self._rows:
            return
        chunk, file = self._episodes.place
        place = {"meta/episodes/chunk_index": chunk, "meta/episodes/file_index": file}
        self._episodes.write(episodes_table([row | place for row in self._rows]))
        self._rows = []
        self._unmerged = [merged(self._unmerged)]


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")
