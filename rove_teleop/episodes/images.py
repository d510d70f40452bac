"""Camera images of a window, decoded straight from the episode's pack of JPEG files."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ..errors import DatasetInvalid
from .zarr_files import chunk_path

_OPEN_FILES = 128


class ImageReader:
    """Reads images of the episodes in ``root`` by place in the pack; keeps the last packs open.

    Not for several threads at once; a process that was forked off may go on using it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._packs: OrderedDict[tuple[str, str], _Pack] = OrderedDict()

    def read(
        self, key: str, wanted: Sequence[tuple[str, NDArray[np.int64]]], least: tuple[int, int] | None = None
    ) -> NDArray[np.uint8] | list[NDArray[np.uint8]]:
        """RGB images of one camera (``cameras/NAME``), each named by its episode's file and its place (start, length).

        One array (n, height, width, 3) where all have the same size, else one array each. ``least`` (height, width) is
        the smallest size that will do: a larger image may come at half or a quarter of its size, which is faster.

        Raises:
            DatasetInvalid: a pack cannot be read, or the bytes are no image.
        """
        height, width = least or (0, 0)
        images: list[NDArray[np.uint8]] = []
        together: NDArray[np.uint8] | None = None
        for number, (episode, place) in enumerate(wanted):
            data = self._pack(episode, key).read(int(place[0]), int(place[1]))
            try:
                size = simplejpeg.decode_jpeg_header(data, height, width)[:2]
                together = np.empty((len(wanted), *size, 3), np.uint8) if number == 0 else together
                same = together is not None and together.shape[1:3] == tuple(size)
                buffer = together[number] if together is not None and same else None
                image = simplejpeg.decode_jpeg(data, min_height=height, min_width=width, buffer=buffer)
            except ValueError as error:
                raise DatasetInvalid(
                    f"{episode}: the bytes at {int(place[0])} of {key} are no image ({error})"
                ) from error
            images.append(image)
            together = together if same else None
        return images if together is None else together

    def _pack(self, episode: str, key: str) -> _Pack:
        name = (episode, key)
        pack = self._packs.pop(name, None) or _Pack(chunk_path(self._root / "episodes" / episode / key / "jpeg", 1))
        self._packs[name] = pack
        if len(self._packs) > _OPEN_FILES:
            self._packs.popitem(last=False)
        return pack

    def __reduce__(self) -> tuple[Any, ...]:
        return (ImageReader, (self._root,))


class _Pack:
    """One open file; reading names the place, so that processes that share it do not disturb each other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise DatasetInvalid(f"{path}: cannot be read ({error.strerror})") from error

    def read(self, start: int, length: int) -> bytes:
        data = os.pread(self._fd, length, start)
        if len(data) != length:
            raise DatasetInvalid(f"{self._path}: ends within the image at {start}")
        return data

    def __del__(self) -> None:
        fd = getattr(self, "_fd", None)
        if fd is not None:
            os.close(fd)
