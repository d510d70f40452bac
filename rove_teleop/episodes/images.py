"""Camera images of windows, decoded straight from the episodes' packs of JPEG files, on several threads."""

from __future__ import annotations

import multiprocessing
import os
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ..errors import DatasetInvalid
from .zarr_files import chunk_path

_OPEN_FILES = 128
_MOST_THREADS = 8

Images = NDArray[Any] | list[NDArray[Any]]
"""(n, height, width, 3) where all have the same size, else one (height, width, 3) each."""


class ImageReader:
    """Reads images of the episodes in ``root`` by their place in the pack; keeps the last packs open.

    For one thread at a time; copies and forks of it work in other processes. Decoding uses ``threads`` (None: all cores
    of the machine, but one in a process that another one started to share the work, such as a loader's worker).
    """

    def __init__(self, root: Path, threads: int | None = None) -> None:
        self._root, self._threads = root, threads
        self._packs: OrderedDict[tuple[str, str], _Pack] = OrderedDict()
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    def read(
        self,
        key: str,
        wanted: Sequence[tuple[str, NDArray[np.int64]]],
        least: tuple[int, int] | None = None,
        as_float: bool = False,
    ) -> Images:
        """RGB images of one camera (``cameras/NAME``), each named by its episode's file and its place (start, length).

        They are uint8, or float32 in [0, 1]. ``least`` (height, width) is the smallest size that will do: a larger
        image may come at half or a quarter of its size, which is faster.

        Raises:
            DatasetInvalid: a pack cannot be read, or the bytes are no image.
        """
        files = [_Jpeg(self._pack(name, key), name, key, int(place[0]), int(place[1]), least) for name, place in wanted]
        sizes = [file.size() for file in files]
        dtype = np.float32 if as_float else np.uint8
        together = len(set(sizes)) == 1
        images: Images = (
            np.empty((len(files), *sizes[0], 3), dtype) if together else [np.empty((*size, 3), dtype) for size in sizes]
        )
        list(self._map(_Jpeg.decode, files, images))
        return images

    def _map(self, *work: Any) -> Any:
        threads = _threads() if self._threads is None else self._threads
        if threads == 1:
            return map(*work)
        if self._pool is None or self._pool[0] != os.getpid():
            # Threads do not live on in a forked process.
            self._pool = os.getpid(), ThreadPoolExecutor(threads, thread_name_prefix="decode")
        return self._pool[1].map(*work)

    def _pack(self, episode: str, key: str) -> _Pack:
        name = (episode, key)
        pack = self._packs.pop(name, None) or _Pack(chunk_path(self._root / "episodes" / episode / key / "jpeg", 1))
        self._packs[name] = pack
        if len(self._packs) > _OPEN_FILES:
            self._packs.popitem(last=False)
        return pack

    def __reduce__(self) -> tuple[Any, ...]:
        return (ImageReader, (self._root, self._threads))


class _Jpeg:
    """The bytes of one image, and whose they are."""

    def __init__(
        self, pack: _Pack, episode: str, key: str, start: int, length: int, least: tuple[int, int] | None
    ) -> None:
        self._data = pack.read(start, length)
        self._name = f"{episode}: the {length} bytes at {start} of {key}"
        self._least = least or (0, 0)

    def size(self) -> tuple[int, int]:
        """Height and width that it will have."""
        try:
            height, width = simplejpeg.decode_jpeg_header(self._data, *self._least)[:2]
        except ValueError as error:
            raise DatasetInvalid(f"{self._name} are no image ({error})") from error
        return int(height), int(width)

    def decode(self, out: NDArray[Any]) -> None:
        """Decode into ``out`` (height, width, 3)."""
        height, width = self._least
        buffer = out if out.dtype == np.uint8 else None
        try:
            image = simplejpeg.decode_jpeg(self._data, min_height=height, min_width=width, buffer=buffer)
        except ValueError as error:
            raise DatasetInvalid(f"{self._name} are no image ({error})") from error
        if buffer is None:
            np.divide(image, np.float32(255.0), out=out)


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


def _threads() -> int:
    if multiprocessing.parent_process() is not None:
        return 1
    return min(_MOST_THREADS, len(os.sched_getaffinity(0)))
