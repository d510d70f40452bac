"""Head-room on the disk: checked before an episode, and once a second beside it on a thread of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from ...errors import RecordingFailed

MIN_FREE_BYTES = 1 << 30
WATCH_PERIOD_S = 0.5


def check_free_space(root: Path, required_bytes: int) -> None:
    """Refuse where the disk is nearly full.

    Raises:
        RecordingFailed: less than ``required_bytes`` are free.
    """
    free = free_bytes(root)
    if not free >= required_bytes:
        sizes = f"{free / 1e9:.2f} GB are free, {required_bytes / 1e9:.2f} GB are needed"
        raise RecordingFailed(f"{root}: the disk is nearly full ({sizes})")


def free_bytes(root: Path) -> int:
    """Bytes that this user may still write there."""
    state = os.statvfs(root)
    return state.f_bavail * state.f_frsize


class FreeSpaceWatch:
    """Calls ``refuse(sentence)`` once, from its own thread, when less than ``required_bytes()`` are free."""

    def __init__(self, root: Path, required_bytes: Callable[[], int], refuse: Callable[[str], None]) -> None:
        self._root, self._required_bytes, self._refuse = root, required_bytes, refuse
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="free-space", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(WATCH_PERIOD_S):
            try:
                check_free_space(self._root, self._required_bytes())
            except RecordingFailed as error:
                self._refuse(str(error))
                return
            except OSError as error:
                self._refuse(f"{self._root}: the free space cannot be seen ({error.strerror})")
                return

    def stop(self) -> None:
        """Watch no longer; the thread ends by itself, so that a disk that hangs holds up nobody."""
        self._stop.set()
