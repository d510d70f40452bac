"""Images out of an H.264 camera: from its last key image on, decoded without a file in between."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetInvalid, MissingDependency

try:
    import av
except ModuleNotFoundError as error:
    raise MissingDependency(
        "cameras that were recorded as H.264 need PyAV: pip install 'rove_teleop[video]'"
    ) from error

HEADER_ROOM = 4096
"""Bytes at the start of a video that surely hold its header."""
_SIZE_IN_AVC1 = 28  # bytes from the name of that box


def video_header(start: bytes, name: str) -> bytes:
    """The header of a video, out of its first ``HEADER_ROOM`` bytes.

    Raises:
        DatasetInvalid: there is none; the message begins with ``name``.
    """
    for kind, begin, _ in _boxes(start):
        if kind == b"moof":
            header = start[:begin]
            if b"avc1" in header and b"avcC" in header:
                return header
    raise DatasetInvalid(f"{name}: does not begin like an H.264 video")


def video_size(header: bytes) -> tuple[int, int]:
    """Height and width of a video's images."""
    width, height = struct.unpack_from(">HH", header, header.index(b"avc1") + _SIZE_IN_AVC1)
    return int(height), int(width)


class VideoDecoder:
    """Decodes fragments that follow each other; the first must be a key image. ``name`` begins messages."""

    def __init__(self, header: bytes, name: str) -> None:
        self._name = name
        begin = header.index(b"avcC") + 4
        (length,) = struct.unpack_from(">I", header, begin - 8)
        self._codec = av.CodecContext.create("h264", "r")
        self._codec.thread_count = 1
        self._codec.extradata = header[begin : begin - 8 + length]

    def last(self, fragments: bytes) -> NDArray[np.uint8]:
        """RGB pixels (h, w, 3) of the last of these fragments.

        Raises:
            DatasetInvalid: they are damaged.
        """
        frames: list[av.VideoFrame] = []
        try:
            for kind, begin, end in _boxes(fragments):
                if kind == b"mdat":
                    frames = self._codec.decode(av.Packet(fragments[begin + 8 : end]))
        except av.FFmpegError as error:
            raise DatasetInvalid(f"{self._name} cannot be decoded ({error})") from error
        if not frames:
            raise DatasetInvalid(f"{self._name} cannot be decoded: no image comes out")
        return frames[-1].to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of every box at the top level."""
    begin = 0
    while begin + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, begin)
        if size < 8:
            return
        yield kind, begin, begin + size
        begin += size
