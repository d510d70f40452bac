"""Where control's rows arrive: a Unix datagram socket, one datagram per row or event."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from ...errors import RecordingFailed

ROW = b"R"
EVENT = b"E"
FAILURE = b"F"
_MAX_DATAGRAM = 1 << 16


class RowSocket:
    """The recorder's end. The kernel lets about ten datagrams wait (40 ms at 250 Hz): drain it on its own thread.

    Raises:
        RecordingFailed: the socket cannot be made at ``path``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0.1)
        try:
            # A recorder that was killed leaves its socket behind.
            path.unlink(missing_ok=True)
            self._socket.bind(str(path))
            path.chmod(0o600)
        except OSError as error:
            self._socket.close()
            raise RecordingFailed(f"{path}: the row socket cannot be opened here ({error})") from error

    def receive(self) -> bytes | None:
        """The next datagram; None when none came for 0.1 s."""
        try:
            return self._socket.recv(_MAX_DATAGRAM)
        except TimeoutError:
            return None

    def close(self) -> None:
        self._socket.close()
        with contextlib.suppress(OSError):
            self.path.unlink()
