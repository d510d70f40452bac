"""The connection to a NatNet server: asks for version and names, keeps unicast alive, hears only that server."""

from __future__ import annotations

import contextlib
import math
import selectors
import socket
import struct
from collections import Counter

from ...clock import monotonic_s
from ...errors import UsageError
from ...types import OperatorFrame
from ..device import LARGEST_DATAGRAM, MOST_DATAGRAMS_A_POLL, newest_frame
from .natnet import COMMAND_PORT, CONNECT, DATA_PORT, KEEP_ALIVE, REQUEST_NAMES, NatNetDecoder
from .spec import interface_towards

ASK_PERIOD_S = 1.0
NAMES_PERIOD_S = 10.0
"""Names are asked for again this often: people add skeletons while they stream."""


class NatNetDevice:
    """A server's stream, unicast (one socket for all) or multicast (a second one in the group).

    Args:
        group: the multicast group; None for unicast.

    Raises:
        UsageError: the server's address or a port cannot be used.
    """

    def __init__(
        self, decoder: NatNetDecoder, server: str, command_port: int = COMMAND_PORT, group: str | None = None
    ) -> None:
        self._decoder, self._server, self._group = decoder, (server, command_port), group
        self._selector = selectors.DefaultSelector()
        self._asked_s = self._named_s = self._heard_s = -math.inf
        self._sockets: list[socket.socket] = []
        try:
            local = interface_towards(server)
            self._sockets.append(_bound((local, 0)))
            if group is not None:
                self._sockets.append(_joined(group, local))
        except OSError as error:
            self.close()
            raise UsageError(f"natnet: cannot listen to {server} ({error})") from error
        for each in self._sockets:
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ)

    @property
    def counts(self) -> Counter[str]:
        return self._decoder.counts

    @property
    def problem(self) -> str | None:
        where = f"{self._server[0]}:{self._server[1]}"
        if self._decoder.problem is not None:
            return f"natnet: {self._decoder.problem}"
        if self._decoder.version is None:
            return f"natnet: no answer from {where} (is streaming switched on in Motive?)"
        if not monotonic_s() - self._heard_s < ASK_PERIOD_S:
            return f"natnet: {where} answers, but sends no frames"
        return None

    def poll(self, timeout_s: float) -> OperatorFrame | None:
        """Asks what is due, then as every device: the newest frame, waiting up to ``timeout_s`` for one."""
        self._ask(monotonic_s())
        return newest_frame(self._drain, self._selector, timeout_s)

    def close(self) -> None:
        self._selector.close()
        for each in self._sockets:
            each.close()

    def _ask(self, now_s: float) -> None:
        if now_s - self._asked_s < ASK_PERIOD_S:
            return
        self._asked_s = now_s
        # A server that restarted may speak another version, so the first question never stops.
        self._send(CONNECT, b"Ping\x00")
        if self._group is None:
            self._send(KEEP_ALIVE)
        if self._decoder.version is not None and (
            self._decoder.names is None or now_s - self._named_s > NAMES_PERIOD_S
        ):
            self._named_s = now_s
            self._send(REQUEST_NAMES)

    def _send(self, kind: int, payload: bytes = b"\x00") -> None:
        with contextlib.suppress(OSError):  # the server may come back; `problem` says that it is silent
            self._sockets[0].sendto(struct.pack("<HH", kind, len(payload)) + payload, self._server)

    def _drain(self) -> OperatorFrame | None:
        newest = None
        for each in self._sockets:
            for _ in range(MOST_DATAGRAMS_A_POLL):
                try:
                    datagram, sender = each.recvfrom(LARGEST_DATAGRAM)
                except BlockingIOError:
                    break
                except OSError:  # an ICMP error of an earlier question
                    self.counts["socket_error"] += 1
                    continue
                if sender[0] != self._server[0]:
                    self.counts["other_sender"] += 1
                    continue
                newest = self._take(datagram) or newest
        return newest

    def _take(self, datagram: bytes) -> OperatorFrame | None:
        versionless = self._decoder.version is None
        frame = self._decoder.feed(datagram, monotonic_s())
        if versionless and self._decoder.version is not None:
            self._asked_s = -math.inf  # the answer is here: ask for the names at once
            self._ask(monotonic_s())
        if frame is not None:
            self._heard_s = frame.stamp_s
        return frame


def _bound(address: tuple[str, int]) -> socket.socket:
    result = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        result.bind(address)
    except OSError:
        result.close()
        raise
    return result


def _joined(group: str, local: str) -> socket.socket:
    """A socket that hears only what is sent to the group, on the interface that leads to the server."""
    result = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        result.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        result.bind((group, DATA_PORT))
        membership = socket.inet_aton(group) + socket.inet_aton(local)
        result.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    except OSError:
        result.close()
        raise
    return result
