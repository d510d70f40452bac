"""What every tracking device offers, and the frames of one that sends datagrams: newest wins, garbage is counted."""

from __future__ import annotations

import selectors
import socket
from collections import Counter
from pathlib import Path
from typing import Protocol

from ..clock import monotonic_s
from ..errors import UsageError
from ..types import OperatorFrame

LARGEST_DATAGRAM = 65_535
MOST_DATAGRAMS_A_POLL = 512
"""A flood must not keep the caller from its next frame."""


class Device(Protocol):
    """A source of frames that are stamped with this process's monotonic clock when they arrive."""

    counts: Counter[str]
    """What was received and what was refused, by reason."""

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

    def feed(self, datagram: bytes, received_s: float) -> OperatorFrame | None:
        """The frame that this datagram completes, or None; whatever is wrong with it is counted, never raised."""
        ...


class DatagramDevice:
    """A UDP port, or a Unix socket, whose datagrams a decoder turns into frames.

    Raises:
        UsageError: the port cannot be opened; names it and why.
    """

    def __init__(self, decoder: Decoder, port: int | Path, host: str = "127.0.0.1", name: str = "device") -> None:
        self._decoder, self._name = decoder, name
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
        self._heard = False

    @property
    def counts(self) -> Counter[str]:
        return self._decoder.counts

    @property
    def problem(self) -> str | None:
        return None if self._heard else f"{self._name}: nothing has arrived on {self._where} yet"

    def poll(self, timeout_s: float) -> OperatorFrame | None:
        """Waits until a datagram completes a frame, then takes all that wait and returns the newest frame."""
        until_s = monotonic_s() + timeout_s
        newest = self._drain()
        while newest is None:
            left_s = until_s - monotonic_s()
            if not left_s > 0.0 or not self._selector.select(left_s):
                break
            newest = self._drain()
        return newest

    def close(self) -> None:
        self._selector.close()
        self._socket.close()

    def _drain(self) -> OperatorFrame | None:
        newest = None
        for _ in range(MOST_DATAGRAMS_A_POLL):
            try:
                datagram = self._socket.recv(LARGEST_DATAGRAM)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error of an earlier send; the port itself is fine
                self._decoder.counts["socket_error"] += 1
                continue
            self._heard = True
            frame = self._decoder.feed(datagram, monotonic_s())
            newest = frame if frame is not None else newest
        return newest


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
