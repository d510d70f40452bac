"""Camera images to H.264 while they are recorded: every image is whole in the file before the next one is looked at."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import DatasetInvalid, MissingDependency
from .fragments import TIMESCALE_HZ, fragment

try:
    import av
    from av.video.frame import PictureType
except ModuleNotFoundError as error:
    raise MissingDependency("cameras as H.264 need PyAV: pip install 'rove_teleop[video]'") from error

KEY_EVERY = 10
# No look-ahead and one thread: an image comes out when it goes in, and encoders do not fight for cores with control.
_ENCODER = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23", "x264-params": "scenecut=0:threads=1"}
_TIME_BASE = Fraction(1, TIMESCALE_HZ)


class Encoded(NamedTuple):
    """Bytes to append to the file; ``key``: this image needs no other."""

    data: bytes
    key: bool


class H264Encoder:
    """One camera of one episode. The first image fixes the size and brings the file's header."""

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._jpeg = av.CodecContext.create("mjpeg", "r")
        self._jpeg.thread_count = 1
        self._size = (0, 0)
        self._header = b""
        self._stream: Any = None
        self._count, self._begin_s, self._time = 0, 0.0, -1

    def encode(self, image: bytes | NDArray[np.uint8], receive_s: float) -> Encoded:
        """Encode a JPEG file, or RGB pixels (h, w, 3).

        Raises:
            DatasetInvalid: damaged, of an odd size, or not the size of the first.
        """
        frame = self._decode(image) if isinstance(image, bytes) else av.VideoFrame.from_ndarray(image, "rgb24")
        if self._stream is None:
            self._begin(frame.width, frame.height, receive_s)
        if (frame.width, frame.height) != self._size:
            sizes = f"{frame.width}x{frame.height}, its first was {self._size[0]}x{self._size[1]}"
            raise DatasetInvalid(f"camera '{self._camera}' sent an image of {sizes}: as H.264 they must be alike")
        return self._encode(frame.reformat(format="yuvj420p", interpolation="FAST_BILINEAR", threads=1), receive_s)

    def _decode(self, jpeg: bytes) -> av.VideoFrame:
        try:
            (frame,) = self._jpeg.decode(av.Packet(jpeg))
        except (av.FFmpegError, ValueError) as error:
            raise DatasetInvalid(f"camera '{self._camera}' sent a JPEG that cannot be decoded ({error})") from error
        return frame

    def _begin(self, width: int, height: int, receive_s: float) -> None:
        if width % 2 or height % 2:
            raise DatasetInvalid(f"camera '{self._camera}' sends {width}x{height}: H.264 needs an even size")
        file = io.BytesIO()
        flags = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}
        container = av.open(file, "w", format="mp4", options=flags)
        stream: Any = container.add_stream("libx264", rate=30, options=_ENCODER | {"g": str(KEY_EVERY)})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        stream.codec_context.time_base = _TIME_BASE
        container.start_encoding()
        # The container is here for its header only; fragments are written here.
        self._header, self._stream, self._container = file.getvalue(), stream, container
        self._size, self._begin_s = (width, height), receive_s

    def _encode(self, frame: av.VideoFrame, receive_s: float) -> Encoded:
        # Players want times that increase; the true stamps are stored beside the file.
        self._time = max(self._time + 1, round((receive_s - self._begin_s) * TIMESCALE_HZ))
        frame.pts, frame.time_base = self._time, _TIME_BASE
        # The JPEG decoder says that each of its images is a key image, and the encoder would obey.
        frame.pict_type = PictureType.NONE
        try:
            (packet,) = self._stream.encode(frame)
        except (av.FFmpegError, ValueError) as error:
            raise DatasetInvalid(f"camera '{self._camera}': an image cannot be encoded as H.264 ({error})") from error
        self._count += 1
        data = fragment(self._count, self._time, bytes(packet), key=packet.is_keyframe)
        header, self._header = self._header, b""
        return Encoded(header + data, packet.is_keyframe)
