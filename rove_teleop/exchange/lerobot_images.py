"""The cameras of an export: as H.264 beside the tables, or as the recorded JPEG files inside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetInvalid
from .images import Images
from .lerobot_layout import FILES_PER_CHUNK, VIDEO_FILE_MB, VIDEO_PATH
from .lerobot_statistics import Statistics, image_statistics
from .video import VideoWriter

SAMPLED_IMAGES = 32


class VideoFiles:
    """One camera's videos: many episodes per file, a new file once ``VIDEO_FILE_MB`` are full."""

    def __init__(self, root: Path, key: str, fps: int, height: int, width: int) -> None:
        self._root, self._key, self._fps, self._size = root, key, fps, (height, width)
        self._number = 0
        self._video: VideoWriter | None = None

    def add(self, images: Images, index: NDArray[np.int64]) -> dict[str, Any]:
        """Append an episode, one image per frame; return what ``meta/episodes`` says of it.

        Raises:
            DatasetInvalid: a damaged image, or one of another size.
        """
        if self._video is not None and self._video.size_bytes >= VIDEO_FILE_MB << 20:
            self.close()
            self._number += 1
        chunk, file = divmod(self._number, FILES_PER_CHUNK)
        if self._video is None:
            path = self._root / VIDEO_PATH.format(video_key=self._key, chunk_index=chunk, file_index=file)
            self._video = VideoWriter(path, self._fps, *self._size)
        first = self._video.frames
        self._video.add(decoded(images, index, self._size))
        times = {"from_timestamp": first / self._fps, "to_timestamp": self._video.frames / self._fps}
        place = {"chunk_index": chunk, "file_index": file, **times}
        return {f"videos/{self._key}/{name}": value for name, value in place.items()}

    def close(self) -> None:
        if self._video is not None:
            self._video.close()
            self._video = None


def image_size(images: Images) -> tuple[int, int]:
    """Height and width of a camera's first image."""
    height, width, _ = images.pixels(0).shape
    return int(height), int(width)


def decoded(images: Images, index: NDArray[np.int64], size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    """Image (height, width, 3) number ``index[k]`` for every k; a repeated one is decoded once.

    Raises:
        DatasetInvalid: a damaged image, or one of another size.
    """
    last, image = -1, np.zeros((0, 0, 3), np.uint8)
    for number in index.tolist():
        if number != last:
            last, image = number, images.pixels(number)
        if image.shape[:2] != size:
            seen, wanted = (f"{width}x{height}" for height, width in (image.shape[:2], size))
            raise DatasetInvalid(f"{images.name}: image {number} has {seen} pixels, the others have {wanted}")
        yield image


def sampled_statistics(images: Images, index: NDArray[np.int64]) -> Statistics:
    """Statistics of some of an episode's images, every eighth pixel each way."""
    some = index[np.unique(np.linspace(0, len(index) - 1, SAMPLED_IMAGES).astype(np.int64))]
    return image_statistics([np.ascontiguousarray(images.pixels(number)[::8, ::8]) for number in some.tolist()])
