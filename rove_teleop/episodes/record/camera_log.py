"""One camera while it is recorded: its images' bytes one after the other in a pack, and a log of where each lies."""

from __future__ import annotations

import struct
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from google_crc32c import extend
from numpy.typing import NDArray

from ...errors import DatasetInvalid
from ..camera_layout import frame_row
from ..durability import AppendFile
from ..layout import Stream
from .journal import Journal, crc32c, log_header
from .records import pack_frame

if TYPE_CHECKING:
    from .h264 import H264Encoder

Image = bytes | NDArray[np.uint8]
"""A JPEG file, or where images are encoded here also RGB pixels (h, w, 3)."""
_VIDEO = struct.Struct("<Iq")  # what camera_layout.VIDEO_ROW has more than layout.FRAME_ROW


class PackSum(NamedTuple):
    """CRC-32C of the first ``length`` bytes of a pack."""

    length: int
    crc32c: int


def pack_path(recording: Path, camera: str) -> Path:
    """Pack file of a camera in a recording folder."""
    return recording / f"camera.{camera}.pack"


def camera_log_path(recording: Path, camera: str) -> Path:
    """Log of a camera in a recording folder."""
    return recording / f"camera.{camera}.log"


def recorded_cameras(recording: Path) -> list[str]:
    """Names of the cameras that have a log in a recording folder."""
    return [path.name[len("camera.") : -len(".log")] for path in sorted(recording.glob("camera.*.log"))]


class CameraLog:
    """Writer of one camera. ``sum`` grows with the pack, so that sealing reads no image again.

    Raises:
        MissingDependency: ``codec`` is h264 and PyAV is not there.
    """

    def __init__(self, recording: Path, camera: str, about: Mapping[str, Any], codec: str = "jpeg") -> None:
        self._camera = camera
        self._encoder = _encoder(camera) if codec == "h264" else None
        header = log_header(f"camera.{camera}", {**about, "camera_codec": codec}, frame_row(codec))
        self.pack = AppendFile(pack_path(recording, camera))
        self.log = Journal(camera_log_path(recording, camera), header)
        self.sum = PackSum(0, 0)
        self._keyframe = 0
        self._lock = threading.Lock()

    @property
    def files(self) -> tuple[AppendFile, AppendFile]:
        """The bytes before what points at them: the order in which they must reach the disk."""
        return self.pack, self.log.file

    def append(self, image: Image, capture_s: float, receive_s: float, sequence: int) -> None:
        """Write one image; when this returns the kernel has it and its place.

        Raises:
            DatasetInvalid: the image cannot be stored as the codec wants it.
            RecordingFailed: the disk refused one of the two; bytes without a place are cut off when it is sealed.
        """
        with self._lock:
            data, more = self._encoded(image, receive_s)
            offset = self.pack.append(data)
            row = pack_frame(offset, len(data), crc32c(data), capture_s, receive_s, sequence)
            self.log.append(Stream.FRAME, row + more)
            self.sum = PackSum(offset + len(data), extend(self.sum.crc32c, data))

    def _encoded(self, image: Image, receive_s: float) -> tuple[bytes, bytes]:
        """What goes into the pack, and what a video's row has more than a JPEG's."""
        if self._encoder is None:
            if not isinstance(image, bytes):
                raise DatasetInvalid(f"camera '{self._camera}': an image that is stored as it is must be a JPEG file")
            return image, b""
        encoded = self._encoder.encode(image, receive_s)
        if encoded.key:
            self._keyframe = self.pack.size
        source = image if isinstance(image, bytes) else np.ascontiguousarray(image).reshape(-1)
        return encoded.data, _VIDEO.pack(crc32c(source), self._keyframe)


def _encoder(camera: str) -> H264Encoder:
    # Needs PyAV, which recording JPEG does not.
    from .h264 import H264Encoder

    return H264Encoder(camera)
