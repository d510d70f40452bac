"""Control's end of the row socket: rows leave without ever waiting, and what could not leave is counted."""

from __future__ import annotations

import json
import socket
from collections import deque
from dataclasses import asdict
from pathlib import Path

from ...types import Event
from .records import FailureRecord
from .row_socket import EVENT, FAILURE, ROW

# Ten seconds at 250 Hz: what a recorder may be late (a slow disk, a restart) before rows are lost.
BACKLOG = 2500
_BURST = 32


class RowSender:
    """A bounded queue in front of the socket, since the kernel lets only about ten datagrams wait.

    Nothing here blocks or raises: a recorder that is away is a backlog, and a full backlog drops its oldest.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._queue: deque[bytes] = deque()
        self.sent = 0
        self.dropped = 0

    def row(self, row: bytes) -> None:
        """Queue one control row (``layout.control_dtype``)."""
        self._put(ROW + row)

    def event(self, event: Event) -> None:
        """Queue an event of the control process."""
        body = {"time_s": event.time_s, "kind": event.kind, "detail": event.detail}
        self._put(EVENT + json.dumps(body).encode())

    def opinion(self, opinion: FailureRecord) -> None:
        """Queue what a failure detector thinks."""
        self._put(FAILURE + json.dumps(asdict(opinion)).encode())

    def flush(self) -> None:
        """Send what the kernel takes now, a bounded number of datagrams."""
        for _ in range(min(_BURST, len(self._queue))):
            try:
                self._socket.sendto(self._queue[0], self._path)
            except OSError:
                # Full, or nobody there: a recorder that was killed comes back at the same path.
                return
            self._queue.popleft()
            self.sent += 1

    @property
    def waiting(self) -> int:
        """Datagrams that have not left yet."""
        return len(self._queue)

    def close(self) -> None:
        self._socket.close()

    def _put(self, datagram: bytes) -> None:
        self._queue.append(datagram)
        if len(self._queue) > BACKLOG:
            self._queue.popleft()
            self.dropped += 1
