"""What every tracking device offers, and the frames of one that sends datagrams: newest wins, garbage is counted."""

from __future__ import annotations

import selectors
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..clock import monotonic_s
from ..errors import UsageError
from ..types import OperatorFrame

LARGEST_DATAGRAM = 65_535
MOST_DATAGRAMS_A_POLL = 512
"""A flood must not keep the caller from its next frame."""
SILENT_S = 1.0


class Device(Protocol):
    """A source of frames that are stamped with this process's monotonic clock when they arrive."""

    @property
    def counts(self) -> Counter[str]:
        """What was received and what was refused, by reason."""
        ...

    def poll(self, timeout_s: float) -> OperatorFrame | None:
        """The newest frame since the last call; waits up to ``timeout_s`` for one, None when none came. Never raises
        for anything that arrives."""
        ...

    @property
    def problem(self) -> str | None:
        """One sentence about why no frames can come now, or None."""
        ...

    def close(self) -> None: ...


class Decoder(Protocol):
    """Bytes of one protocol become frames. Holds what a frame needs from earlier datagrams (segments, ids)."""

    counts: Counter[str]
    """By reason; ``frames`` are the usable ones. A decoder may also have a ``problem``, as a Device has."""

    def feed(self, datagram: bytes, received_s: float) -> OperatorFrame | None:
        """The frame that this datagram completes, or None; whatever is wrong with it is counted, never raised."""
        ...


def newest_frame(
    drain: Callable[[], OperatorFrame | None], selector: selectors.BaseSelector, timeout_s: float
) -> OperatorFrame | None:
    """What ``drain`` makes of all that waits, as soon as it is a frame; None when ``timeout_s`` passed without one."""
    until_s = monotonic_s() + timeout_s
    newest = drain()
    while newest is None:
        left_s = until_s - monotonic_s()
        if not left_s > 0.0 or not selector.select(left_s):
            break
        newest = drain()
    return newest


class DatagramDevice:
    """A UDP port, or a Unix socket, whose datagrams a decoder turns into frames.

    Args:
        sender: the one IPv4 address that is heard; what others send is counted and dropped. None hears everybody who
            can reach the port, so it belongs to loopback.

    Raises:
        UsageError: the port cannot be opened; names it and why.
    """

    def __init__(
        self,
        decoder: Decoder,
        port: int | Path,
        host: str = "127.0.0.1",
        name: str = "device",
        sender: str | None = None,
    ) -> None:
        self._decoder, self._name, self._sender = decoder, name, sender
        self._where = f"UDP port {port} on {host}" if isinstance(port, int) else f"socket {port}"
        try:
            self._socket = _udp_socket(host, port) if isinstance(port, int) else _unix_socket(port)
        except (OSError, OverflowError) as error:
            raise UsageError(f"{name}: {self._where} cannot be opened ({error})") from error
        self._socket.setblocking(False)
        self.address: tuple[str, int] = ("", 0)
        if isinstance(port, int):
            self.address = self._socket.getsockname()
            self._where = f"UDP port {self.address[1]}"
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._heard_s: float | None = None

    @property
    def counts(self) -> Counter[str]:
        return self._decoder.counts

    @property
    def problem(self) -> str | None:
        if self._heard_s is None:
            return f"{self._name}: nothing has arrived on {self._where} yet"
        told: str | None = getattr(self._decoder, "problem", None)
        if told is not None:
            return f"{self._name}: {told}"
        if monotonic_s() - self._heard_s > SILENT_S:
            return f"{self._name}: nothing has arrived on {self._where} for a while"
        if not self.counts["frames"]:
            return f"{self._name}: what arrives on {self._where} cannot be used ({_listed(self.counts)})"
        return None

    def poll(self, timeout_s: float) -> OperatorFrame | None:
        """Waits until a datagram completes a frame, then takes all that wait and returns the newest frame."""
        return newest_frame(self._drain, self._selector, timeout_s)

    def close(self) -> None:
        self._selector.close()
        self._socket.close()

    def _drain(self) -> OperatorFrame | None:
        newest = None
        for _ in range(MOST_DATAGRAMS_A_POLL):
            try:
                datagram, source = self._socket.recvfrom(LARGEST_DATAGRAM)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error of an earlier send; the port itself is fine
                self._decoder.counts["socket_error"] += 1
                continue
            if self._sender is not None and source[0] != self._sender:
                self._decoder.counts["other_sender"] += 1
                continue
            self._heard_s = monotonic_s()
            frame = self._decoder.feed(datagram, self._heard_s)
            newest = frame if frame is not None else newest
        return newest


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common(3))


def _udp_socket(host: str, port: int) -> socket.socket:
    return _bound(socket.AF_INET, (host, port))


def _unix_socket(path: Path) -> socket.socket:
    # What a killed process left would be in the way; the folder belongs to the session alone.
    path.unlink(missing_ok=True)
    return _bound(socket.AF_UNIX, str(path))


def _bound(family: socket.AddressFamily, address: tuple[str, int] | str) -> socket.socket:
    result = socket.socket(family, socket.SOCK_DGRAM)
    try:
        result.bind(address)
    except (OSError, OverflowError):
        result.close()
        raise
    return result
