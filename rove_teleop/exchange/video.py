"""Images to H.264 and back: one video of many episodes, every image at the time its number says."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetInvalid, MissingDependency, UsageError

try:
    import av
except ModuleNotFoundError as error:
    raise MissingDependency("video needs PyAV: pip install 'rove_teleop[lerobot]'") from error

# A key image every second one: trainers open videos anywhere.
_H264 = {"preset": "ultrafast", "crf": "23", "g": "2"}


class VideoWriter:
    """An MP4 file of ``fps`` images per second, all (height, width, 3).

    Raises:
        UsageError: an odd height or width, which H.264 cannot hold.
    """

    def __init__(self, path: Path, fps: int, height: int, width: int) -> None:
        if height % 2 or width % 2:
            raise UsageError(f"H.264 needs an even size, the camera has {width}x{height}: take --codec jpeg")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(path), "w")
        stream: Any = self._container.add_stream("libx264", rate=fps, options=_H264)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # The stream takes another time base when its header is written; frames keep this one.
        self._stream, self._period = stream, Fraction(1, fps)
        self.frames = self.size_bytes = 0

    def add(self, images: Iterable[NDArray[np.uint8]]) -> None:
        """Append images (height, width, 3)."""
        for image in images:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = self.frames
            frame.time_base = self._period
            self.frames += 1
            self._write(self._stream.encode(frame))

    def close(self) -> None:
        """Write what the encoder still holds, and the file's index."""
        self._write(self._stream.encode(None))
        self._container.close()

    def _write(self, packets: Iterable[Any]) -> None:
        for packet in packets:
            self.size_bytes += packet.size
            self._container.mux(packet)


class VideoReader:
    """Images of a video by their number, fastest in order. ``fps`` says which time belongs to which number.

    Raises:
        DatasetInvalid: the file cannot be opened or holds no video.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps = path, fps
        self._open()

    def images(self, first: int, count: int) -> Iterator[NDArray[np.uint8]]:
        """The ``count`` images (height, width, 3) from number ``first`` on.

        Raises:
            DatasetInvalid: one of them is not there, or damaged.
        """
        if first < self._next:
            self.close()
            self._open()
        for wanted in range(first, first + count):
            yield self._image(wanted)

    def _image(self, wanted: int) -> NDArray[np.uint8]:
        while True:
            try:
                frame = next(self._frames, None)
            except av.FFmpegError as error:
                raise DatasetInvalid(f"{self._path}: image {wanted} cannot be decoded ({error})") from error
            number = None if frame is None or frame.time is None else round(frame.time * self._fps)
            if frame is None or number is None or number > wanted:
                raise DatasetInvalid(f"{self._path}: has no image {wanted}")
            self._next = number + 1
            if number == wanted:
                return frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)

    def _open(self) -> None:
        try:
            self._container = av.open(str(self._path))
            self._frames = iter(self._container.decode(video=0))
        except (av.FFmpegError, IndexError, OSError) as error:
            raise DatasetInvalid(f"{self._path}: cannot be opened as a video ({error})") from error
        self._next = 0

    def close(self) -> None:
        self._container.close()


def decode_image(data: bytes, what: str) -> NDArray[np.uint8]:
    """An image file (PNG, JPEG, ...) as (height, width, 3).

    Raises:
        DatasetInvalid: it is damaged; the message begins with ``what``.
    """
    try:
        with av.open(io.BytesIO(data), "r") as container:
            return next(container.decode(video=0)).to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    except (av.FFmpegError, StopIteration, IndexError) as error:
        raise DatasetInvalid(f"{what}: an image cannot be decoded ({error})") from error
