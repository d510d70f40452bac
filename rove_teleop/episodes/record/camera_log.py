"""One camera while it is recorded: its images' bytes one after the other in a pack, and a log of where each lies."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from google_crc32c import extend

from ..durability import AppendFile
from ..layout import FRAME_ROW, Stream
from .journal import Journal, crc32c, log_header
from .records import pack_frame


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
    """Writer of one camera. ``sum`` grows with the pack, so that sealing reads no image again."""

    def __init__(self, recording: Path, camera: str, about: Mapping[str, Any]) -> None:
        self.pack = AppendFile(pack_path(recording, camera))
        self.log = Journal(camera_log_path(recording, camera), log_header(f"camera.{camera}", about, FRAME_ROW))
        self.sum = PackSum(0, 0)
        self._lock = threading.Lock()

    @property
    def files(self) -> tuple[AppendFile, AppendFile]:
        """The bytes before what points at them: the order in which they must reach the disk."""
        return self.pack, self.log.file

    def append(self, jpeg: bytes, capture_s: float, receive_s: float, sequence: int) -> None:
        """Write one image; when this returns the kernel has it and its place.

        Raises:
            RecordingFailed: the disk refused one of the two; bytes without a place are cut off when it is sealed.
        """
        with self._lock:
            offset = self.pack.append(jpeg)
            row = pack_frame(offset, len(jpeg), crc32c(jpeg), capture_s, receive_s, sequence)
            self.log.append(Stream.FRAME, row)
            self.sum = PackSum(offset + len(jpeg), extend(self.sum.crc32c, jpeg))
