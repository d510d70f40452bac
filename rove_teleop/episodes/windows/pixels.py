"""Decoded images beside the cache, for trainers with more disk than cores: one plain file per episode and camera."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DatasetInvalid
from ..read import Episode, open_episode
from .cache_files import CachedEpisode
from .columns import image_places
from .images import ImageReader, PixelFile

_BLOCK_IMAGES = 64


def decoded_packs(
    folder: Path,
    root: Path,
    episodes: Sequence[CachedEpisode],
    cameras: Sequence[str],
    least: tuple[int, int] | None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[tuple[str, str], PixelFile]:
    """The files that hold every image of these cameras (``cameras/NAME``), by episode and camera; made where they lack.

    Each appears whole or not at all, so that several processes may do this at once. An episode whose images have
    different sizes or are damaged gets none: its images are decoded when they are read, and fail then.

    Raises:
        DatasetInvalid: the disk refuses them.
    """
    reader = ImageReader(root)
    files: dict[tuple[str, str], PixelFile] = {}
    for number, entry in enumerate(episodes):
        for key in cameras:
            size = "full" if least is None else f"{least[0]}x{least[1]}"
            path = folder / f"{key.replace('/', '.')}-{size}" / f"{entry.name}-{entry.crc:08x}.rgb"
            try:
                made = path.exists() or _write(path, reader, open_episode(root / "episodes" / entry.name), key, least)
            except OSError as error:
                raise DatasetInvalid(f"{path}: decoded images cannot be kept ({error.strerror})") from error
            if made:
                files[entry.name, key] = PixelFile(path)
        if progress is not None:
            progress(number + 1, len(episodes))
    return files


def _write(path: Path, reader: ImageReader, episode: Episode, key: str, least: tuple[int, int] | None) -> bool:
    """Write all images of one camera; False where they cannot be one array."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with temporary.open("wb") as file:
            shape: tuple[int, ...] = ()
            for block in _blocks(reader, episode, key, least):
                if isinstance(block, list) or block.shape[1:] != (shape or block.shape[1:]):
                    return False
                if not shape:
                    shape = block.shape[1:]
                    file.write(np.array(shape, "<i8").tobytes())
                file.write(block.data)
            file.flush()
            os.fsync(file.fileno())
        if shape:
            temporary.replace(path)
        return bool(shape)
    except DatasetInvalid:
        return False
    finally:
        temporary.unlink(missing_ok=True)


def _blocks(reader: ImageReader, episode: Episode, key: str, least: tuple[int, int] | None) -> Any:
    places: NDArray[np.int64] = np.column_stack(image_places(episode, key.removeprefix("cameras/")))
    for begin in range(0, len(places), _BLOCK_IMAGES):
        yield reader.read(key, [(episode.path.name, place) for place in places[begin : begin + _BLOCK_IMAGES]], least)
