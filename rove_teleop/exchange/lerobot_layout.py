"""LeRobotDataset v3.0 on disk: names of files, features that every dataset has, what info.json says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VERSION = "v3.0"
FILES_PER_CHUNK = 1000
DATA_FILE_MB = 100
VIDEO_FILE_MB = 200
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
INFO_PATH = "meta/info.json"
STATS_PATH = "meta/stats.json"
TASKS_PATH = "meta/tasks.parquet"
SOURCE_PATH = "meta/rove.json"
IMAGE_PREFIX = "observation.images."

Feature = dict[str, Any]


def feature(dtype: str, names: tuple[str, ...] = ()) -> Feature:
    """A number, a flag or a text per frame; with names a row of that many numbers."""
    return {"dtype": dtype, "shape": [len(names) or 1], "names": list(names) or None}


BOOKKEEPING: dict[str, Feature] = {
    "timestamp": feature("float32"),
    "frame_index": feature("int64"),
    "episode_index": feature("int64"),
    "index": feature("int64"),
    "task_index": feature("int64"),
}


def image_feature(height: int, width: int) -> Feature:
    """Images inside the parquet files, as the bytes of image files."""
    return {"dtype": "image", "shape": [height, width, 3], "names": ["height", "width", "channels"]}


def video_feature(height: int, width: int, fps: int) -> Feature:
    """Images as H.264 beside the parquet files."""
    info = {
        "video.height": height,
        "video.width": width,
        "video.codec": "h264",
        "video.pix_fmt": "yuv420p",
        "video.is_depth_map": False,
        "video.fps": fps,
        "video.channels": 3,
        "has_audio": False,
    }
    return {**image_feature(height, width), "dtype": "video", "info": info}


def info_json(
    fps: int, robot: str, features: Mapping[str, Feature], episodes: int, frames: int, tasks: int
) -> dict[str, Any]:
    """What ``meta/info.json`` holds."""
    has_video = any(item["dtype"] == "video" for item in features.values())
    return {
        "codebase_version": VERSION,
        "robot_type": robot,
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "chunks_size": FILES_PER_CHUNK,
        "data_files_size_in_mb": DATA_FILE_MB,
        "video_files_size_in_mb": VIDEO_FILE_MB,
        "fps": fps,
        "splits": {"train": f"0:{episodes}"},
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH if has_video else None,
        "features": dict(features),
    }
