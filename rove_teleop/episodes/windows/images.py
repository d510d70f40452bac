"""Camera images of windows, decoded on several threads from the episodes' packs, or read where they lie decoded."""

from __future__ import annotations

import multiprocessing
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ...errors import DatasetInvalid
from ..camera_layout import CODECS
from ..zarr_files import chunk_path

_OPEN_FILES = 128
_MOST_THREADS = 8

Images = NDArray[Any] | list[NDArray[Any]]
"""(n, height, width, 3) where all have the same size, else one (height, width, 3) each."""


class ImageReader:
    """Reads images of the episodes in ``root`` by their place in the pack; keeps the last packs open.

    For one thread at a time; copies and forks of it work in other processes. Decoding uses ``threads`` (None: all cores
    of the machine, but one in a process that another one started to share the work, such as a loader's worker).
    ``decoded`` are files with all images of an episode and camera.
    """

    def __init__(
        self,
        root: Path,
        threads: int | None = None,
        decoded: Mapping[tuple[str, str], PixelFile] = MappingProxyType({}),
    ) -> None:
        self._root, self._threads, self._decoded = root, threads, dict(decoded)
        self._packs: OrderedDict[Path, _Pack] = OrderedDict()
        self._paths: dict[tuple[str, str], tuple[str, Path]] = {}
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    def read(
        self,
        key: str,
        wanted: Sequence[tuple[str, NDArray[np.int64]]],
        least: tuple[int, int] | None = None,
        as_float: bool = False,
    ) -> Images:
        """RGB images of one camera (``cameras/NAME``), each named by its episode's file and its place.

        A place is start and length in the pack, age, and number (the last two only count for decoded files). Images are
        uint8, or float32 in [0, 1]. ``least`` (height, width) is the smallest size that will do: a larger image may
        come at half or a quarter of its size, which is faster.

        Raises:
            DatasetInvalid: a pack cannot be read, or the bytes are no image.
        """
        files = [self._file(name, key, place, least) for name, place in wanted]
        sizes = [file.size() for file in files]
        dtype = np.float32 if as_float else np.uint8
        together = len(set(sizes)) == 1
        images: Images = (
            np.empty((len(files), *sizes[0], 3), dtype) if together else [np.empty((*size, 3), dtype) for size in sizes]
        )
        list(self._map(_decode, files, images))
        return images

    def _map(self, *work: Any) -> Any:
        threads = _threads() if self._threads is None else self._threads
        if threads == 1:
            return map(*work)
        if self._pool is None or self._pool[0] != os.getpid():
            # Threads do not live on in a forked process.
            self._pool = os.getpid(), ThreadPoolExecutor(threads, thread_name_prefix="decode")
        return self._pool[1].map(*work)

    def _file(self, episode: str, key: str, place: NDArray[np.int64], least: tuple[int, int] | None) -> _Image:
        decoded = self._decoded.get((episode, key))
        if decoded is not None:
            return _Pixels(self._pack(decoded.path), int(place[3]))
        start, length = int(place[0]), int(place[1])
        name = f"{episode}: the {length} bytes at {start} of {key}"
        codec, path = self._stored(episode, key)
        if codec == "h264":
            return _Video(self._pack(path), start, length, name)
        return _Jpeg(self._pack(path), start, length, name, least)

    def _stored(self, episode: str, key: str) -> tuple[str, Path]:
        """Codec of a camera, and its pack."""
        if (episode, key) not in self._paths:
            paths = {codec: chunk_path(self._root / "episodes" / episode / key / codec, 1) for codec in CODECS}
            codec = next((codec for codec, path in paths.items() if path.exists()), "jpeg")
            self._paths[episode, key] = codec, paths[codec]
        return self._paths[episode, key]

    def _pack(self, path: Path) -> _Pack:
        pack = self._packs.pop(path, None) or _Pack(path)
        self._packs[path] = pack
        if len(self._packs) > _OPEN_FILES:
            self._packs.popitem(last=False)
        return pack

    def __reduce__(self) -> tuple[Any, ...]:
        return (ImageReader, (self._root, self._threads, self._decoded))


@dataclass(frozen=True, slots=True)
class PixelFile:
    """A file of decoded images: its shape (height, width, 3) as three int64, then the images one after the other."""

    path: Path


class _Pixels:
    """One image of such a file."""

    def __init__(self, pack: _Pack, number: int) -> None:
        self._pack, self._number = pack, number
        self._shape = tuple(np.frombuffer(pack.read(0, 24), "<i8").tolist())

    def size(self) -> tuple[int, int]:
        return self._shape[0], self._shape[1]

    def decode(self, out: NDArray[np.uint8]) -> None:
        self._pack.read_into(24 + self._number * out.nbytes, out)


class _Jpeg:
    """The bytes of one image, and what to call them."""

    def __init__(self, pack: _Pack, start: int, length: int, name: str, least: tuple[int, int] | None) -> None:
        self._data = pack.read(start, length)
        self._name, self._least = name, least or (0, 0)

    def size(self) -> tuple[int, int]:
        """Height and width that it will have."""
        try:
            height, width = simplejpeg.decode_jpeg_header(self._data, *self._least)[:2]
        except ValueError as error:
            raise DatasetInvalid(f"{self._name} are no image ({error})") from error
        return int(height), int(width)

    def decode(self, out: NDArray[np.uint8]) -> None:
        """Decode into ``out`` (height, width, 3)."""
        height, width = self._least
        try:
            simplejpeg.decode_jpeg(self._data, min_height=height, min_width=width, buffer=out)
        except ValueError as error:
            raise DatasetInvalid(f"{self._name} are no image ({error})") from error


class _Video:
    """The fragments of a video from a key image to the wanted one, and what to call them."""

    def __init__(self, pack: _Pack, start: int, length: int, name: str) -> None:
        # Needs PyAV, which JPEG does not.
        from ..video import HEADER_ROOM, video_header

        self._data, self._name = pack.read(start, length), name
        self._header = video_header(pack.read_some(0, HEADER_ROOM), name)

    def size(self) -> tuple[int, int]:
        from ..video import video_size

        return video_size(self._header)

    def decode(self, out: NDArray[np.uint8]) -> None:
        """Decode into ``out`` (height, width, 3)."""
        from ..video import VideoDecoder

        out[...] = VideoDecoder(self._header, self._name).last(self._data)


_Image = _Jpeg | _Pixels | _Video


def _decode(file: _Image, out: NDArray[Any]) -> None:
    """Into ``out`` (height, width, 3), as it is or in [0, 1]."""
    if out.dtype == np.uint8:
        file.decode(out)
        return
    image = np.empty(out.shape, np.uint8)
    file.decode(image)
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

    def read_some(self, start: int, most: int) -> bytes:
        """What is there, at most that many bytes."""
        return os.pread(self._fd, most, start)

    def read_into(self, start: int, out: NDArray[np.uint8]) -> None:
        if os.preadv(self._fd, [out.data], start) != out.nbytes:
            raise DatasetInvalid(f"{self._path}: ends within the image at {start}; delete it")

    def __del__(self) -> None:
        fd = getattr(self, "_fd", None)
        if fd is not None:
            os.close(fd)


def _threads() -> int:
    if multiprocessing.parent_process() is not None:
        return 1
    return min(_MOST_THREADS, len(os.sched_getaffinity(0)))
