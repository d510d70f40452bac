"""The files of one recording: a log per stream, a pack and a log per camera, and the thread that syncs them all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import MissingDependency, RecordingFailed
from ..durability import AppendFile, SyncThread, fsync_directory, write_json
from ..layout import TRACKING_ROW, Stream, control_dtype
from .camera_log import CameraLog, Image, PackSum
from .journal import JOURNAL_VERSION, Journal, log_header

HEADER_NAME = "header.json"
STREAM_LOGS: Mapping[Stream, str] = {
    Stream.CONTROL: "control",
    Stream.TRACKING: "tracking",
    Stream.CHUNK: "policy",
    Stream.FAILURE: "failure",
    Stream.EVENT: "events",
    Stream.TASK: "task",
    Stream.ATTRIBUTES: "session",
    Stream.END: "session",
}
"""Which log a record goes to."""
LOG_NAMES = tuple(dict.fromkeys(STREAM_LOGS.values()))


def log_path(recording: Path, name: str) -> Path:
    """Log of a stream in a recording folder."""
    return recording / f"{name}.log"


class RecordingFiles:
    """Everything that is written while an episode runs. ``header`` holds ``id``, ``clock`` and ``attributes``.

    The header file appears last: a folder without it never began, and nothing in it was acknowledged. Unless it shall
    be ``durable``, nothing waits for the disk.

    Raises:
        RecordingFailed, OSError: the disk refused a file.
    """

    def __init__(self, recording: Path, header: Mapping[str, Any], *, durable: bool = True) -> None:
        self._recording = recording
        attributes = header["attributes"]
        self._about = {key: header[key] for key in ("id", "clock")}
        self._about |= {key: attributes[key] for key in ("joint_names", "config_hashes")}
        fixed = {
            "control": control_dtype(len(attributes["joint_names"]), len(attributes["groups"])),
            "tracking": TRACKING_ROW,
        }
        self._codec: str = attributes["camera_codec"]
        self._logs: dict[str, Journal] = {}
        self._cameras: dict[str, CameraLog] = {}
        self._refusal: str | None = None
        try:
            for name in LOG_NAMES:
                self._logs[name] = Journal(log_path(recording, name), log_header(name, self._about, fixed.get(name)))
            for name in attributes["cameras"]:
                self._cameras[name] = self._camera(name)
            write_json(recording / HEADER_NAME, {"journal_version": JOURNAL_VERSION, **header}, durable=durable)
        except (OSError, RecordingFailed, MissingDependency):
            for file in self._files():
                file.close()
            raise
        self._sync = SyncThread(self._files()) if durable else None

    def append(self, stream: Stream, payload: bytes) -> None:
        """Write one record to its stream's log.

        Raises:
            RecordingFailed: the disk refused it, or recording was stopped before.
        """
        self._check()
        self._logs[STREAM_LOGS[stream]].append(stream, payload)

    def image(self, camera: str, image: Image, capture_s: float, receive_s: float, sequence: int) -> None:
        """Write one image of a camera; one that was not announced gets its files now.

        Raises:
            DatasetInvalid: the image cannot be stored as the codec wants it.
            RecordingFailed: as ``append``.
        """
        self._check()
        if camera not in self._cameras:
            self._cameras[camera] = self._camera(camera)
            fsync_directory(self._recording)
            if self._sync is not None:
                self._sync.put_first(*self._cameras[camera].files)
        self._cameras[camera].append(image, capture_s, receive_s, sequence)

    def _camera(self, name: str) -> CameraLog:
        return CameraLog(self._recording, name, self._about, self._codec)

    def stop(self, sentence: str) -> None:
        """Refuse every record from now on."""
        self._refusal = self._refusal or sentence

    def _check(self) -> None:
        if self._refusal is not None:
            raise RecordingFailed(self._refusal)

    @property
    def failed(self) -> str | None:
        """Why records are refused, or None while all is well."""
        if self._refusal is None:
            self._refusal = next((file.failure for file in self._files() if file.failure is not None), None)
        return self._refusal

    @property
    def bytes_written(self) -> int:
        return sum(file.size for file in self._files())

    @property
    def log_bytes(self) -> int:
        """Bytes that sealing writes a second time: everything but the packs."""
        return self.bytes_written - sum(camera.pack.size for camera in self._cameras.values())

    @property
    def unsynced_bytes(self) -> int:
        """Bytes that a power cut would take now."""
        return sum(file.unsynced_bytes for file in self._files())

    def pack_sums(self) -> dict[str, PackSum]:
        """Length and checksum of every camera's pack."""
        return {name: camera.sum for name, camera in self._cameras.items()}

    def close(self, *, sync: bool) -> None:
        """Stop writing; ``sync`` waits until the disk has everything."""
        if self._sync is not None:
            self._sync.stop()
        for file in self._files():
            if sync:
                file.sync()
            file.close()

    def _files(self) -> list[AppendFile]:
        cameras = list(self._cameras.values())
        first = [file for camera in cameras for file in camera.files]
        return first + [log.file for log in self._logs.values()]
