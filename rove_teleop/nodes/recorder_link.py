"""Control's side of the recorder: rows leave without ever waiting, and what could not leave is counted."""

from __future__ import annotations

import json
import socket
from collections import deque
from pathlib import Path

import numpy as np

from ..control_loop import Tick
from ..episodes.layout import control_dtype
from ..types import Event

# Ten seconds of rows: what a recorder may be late (a seal, a slow disk) before rows are lost.
BACKLOG_ROWS = 2500
_BURST = 64


class RecorderLink:
    """A bounded queue in front of a Unix datagram socket (the kernel's own queue holds only ten datagrams)."""

    def __init__(self, path: Path, joint_count: int, group_count: int) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._queue: deque[bytes] = deque()
        self._row = np.zeros(1, dtype=control_dtype(joint_count, group_count))
        self.rows_queued = 0
        self.dropped = 0

    def put(self, tick: Tick, episode: int, number: int, wall_time_s: float) -> None:
        """Queue one control row and what happened in its tick."""
        row = self._row[0]
        row["episode"], row["tick"] = episode, number
        row["stamp_s"], row["wall_time_s"] = tick.stamp_s, wall_time_s
        row["q_measured_rad"], row["dq_measured_rad_s"] = tick.q_measured_rad, tick.dq_measured_rad_s
        row["q_policy_rad"], row["q_operator_rad"] = tick.q_policy_rad, tick.q_operator_rad
        row["q_target_rad"] = tick.q_target_rad
        row["q_sent_rad"] = np.nan if tick.q_sent_rad is None else tick.q_sent_rad
        row["weight"], row["authority"] = tick.weight, tick.authority
        row["phase"], row["state"], row["reason"] = tick.phase, tick.state, tick.reason
        row["operator_age_s"], row["policy_age_s"] = tick.operator_age_s, tick.policy_age_s
        self._queue.append(b"R" + self._row.tobytes())
        self.rows_queued += 1
        self._bound()

    def put_event(self, event: Event) -> None:
        """Queue one event."""
        body = {"time_s": event.time_s, "kind": event.kind, "detail": event.detail}
        self._queue.append(b"E" + json.dumps(body).encode())
        self._bound()

    def flush(self) -> None:
        """Send what the kernel takes now; never wait. A recorder that is away is not an error here, only a backlog."""
        for _ in range(min(_BURST, len(self._queue))):
            try:
                self._socket.sendto(self._queue[0], self._path)
            except OSError:
                return
            self._queue.popleft()

    @property
    def backlog(self) -> int:
        return len(self._queue)

    def close(self) -> None:
        self._socket.close()

    def _bound(self) -> None:
        while len(self._queue) > BACKLOG_ROWS:
            self._queue.popleft()
            self.dropped += 1
