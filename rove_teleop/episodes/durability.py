"""Bytes that survive: append without half records, sync off the caller's thread, replace files atomically."""

from __future__ import annotations

import ctypes
import json
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..clock import monotonic_s
from ..errors import RecordingFailed

# A row may wait for the end of one round and then for the whole of the next: together less than 100 ms.
SYNC_PERIOD_S = 0.04
_LEAST_PAUSE_S = 0.01


class AppendFile:
    """A file that only grows. One ``write`` per append; a short or failed write is cut off again.

    After the first failure every append is refused, so that nothing follows a hole. Callers serialise appends;
    ``sync`` may run on another thread.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._synced = 0
        self._failure: str | None = None
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def append(self, data: bytes) -> int:
        """Write all of ``data``; return the offset it starts at.

        Raises:
            RecordingFailed: the disk refused it (now or earlier); the file ends after the last whole append.
        """
        if self._failure is not None:
            raise RecordingFailed(self._failure)
        try:
            written = os.write(self._fd, data)
            cause = f"only {written} of {len(data)} bytes fitted"
        except OSError as error:
            written, cause = -1, str(error.strerror)
        if written != len(data):
            self._refuse(cause)
        offset, self.size = self.size, self.size + written
        return offset

    def _refuse(self, cause: str) -> None:
        self._failure = f"{self.path}: recording stopped after {self.size} bytes ({cause})"
        try:
            os.ftruncate(self._fd, self.size)
        except OSError as error:
            # The readers' checksums cut the half record instead.
            self._failure += f", and the half record could not be cut off ({error.strerror})"
        raise RecordingFailed(self._failure)

    def sync(self) -> None:
        """Make what was appended so far survive a power cut."""
        size = self.size
        if size == self._synced:
            return
        try:
            os.fdatasync(self._fd)
            self._synced = size
        except OSError as error:
            self._failure = f"{self.path}: recording stopped, the disk did not accept the data ({error.strerror})"

    @property
    def unsynced_bytes(self) -> int:
        return self.size - self._synced

    @property
    def failure(self) -> str | None:
        """Why appends are refused, or None."""
        return self._failure

    def close(self) -> None:
        os.close(self._fd)


class SyncThread:
    """Calls ``sync`` of its files every ``SYNC_PERIOD_S``, in the order they are given: data, then index."""

    def __init__(self, files: Iterable[AppendFile] = ()) -> None:
        self._files = list(files)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)
        self._thread.start()

    def put_first(self, *files: AppendFile) -> None:
        """Sync these before all others."""
        with self._lock:
            self._files[:0] = files

    def _run(self) -> None:
        wait_s = SYNC_PERIOD_S
        while not self._stop.wait(wait_s):
            begin_s = monotonic_s()
            with self._lock:
                files = list(self._files)
            for file in files:
                file.sync()
            wait_s = max(_LEAST_PAUSE_S, SYNC_PERIOD_S - (monotonic_s() - begin_s))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def fsync_directory(path: Path) -> None:
    """Make the names in a directory survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_durable_json(path: Path, value: Mapping[str, object]) -> None:
    """Create or replace a JSON file so that a crash leaves the old one or the new one."""
    write_json(path, value, durable=True)


def write_json(path: Path, value: Mapping[str, object], *, durable: bool = False) -> None:
    """Create or replace a JSON file so that a killed process leaves the old one or the new one; ``durable``: a power
    cut too."""
    temporary = path.with_name(path.name + ".tmp")
    write_file(temporary, json.dumps(value, indent=1, allow_nan=False).encode(), durable=durable)
    temporary.rename(path)
    if durable:
        fsync_directory(path.parent)


def write_file(path: Path, data: bytes | memoryview, *, durable: bool = False, append: bool = False) -> None:
    """Create or overwrite a file (or ``append`` to it) with all of ``data``; ``durable`` waits until the disk has it.

    Raises:
        OSError: the disk refused it; a part of it may be there.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_APPEND if append else os.O_TRUNC), 0o644)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(fd, left) :]
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)


def sync_filesystem(path: Path) -> None:
    """Flush everything below the file system that holds ``path``: one call instead of one fsync per file."""
    fd = os.open(path, os.O_RDONLY)
    try:
        if _LIBC.syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(fd)


_LIBC = ctypes.CDLL(None, use_errno=True)
