"""What a person writes to choose a mocap source: ``xsens``, ``rokoko:14043@192.168.1.20,actor=NAME``."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ...errors import UsageError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class MocapSpec:
    """``KIND[:PORT][@SENDER][,key=value...]``; without a sender only this machine is heard."""

    kind: str
    port: int
    sender: str | None
    options: Mapping[str, str]

    @property
    def host(self) -> str:
        """The address to listen on: loopback, or the one interface that leads to the named sender."""
        if self.sender is None:
            return LOOPBACK
        try:
            return interface_towards(self.sender)
        except OSError as error:
            raise UsageError(f"{self.kind}: no way to the sender {self.sender} ({error})") from error

    def number(self, key: str) -> int | None:
        """A whole number of the options, None when it is not given."""
        text = self.options.get(key)
        if text is not None and not text.isdecimal():
            raise UsageError(f"{self.kind}: {key}={text} is not a whole number")
        return None if text is None else int(text)


def read_spec(spec: str, default_port: int, keys: Collection[str]) -> MocapSpec:
    """Raises UsageError for a port, an address or a key that cannot be."""
    head, *pairs = spec.split(",")
    place, at, sender = head.partition("@")
    kind, _, port_text = place.partition(":")
    port = int(port_text) if port_text.isdecimal() else -1 if port_text else default_port
    if not 0 <= port <= 65535:
        raise UsageError(f"{kind}: '{port_text[:40]}' is no UDP port")
    return MocapSpec(kind, port, address(kind, sender) if at else None, read_options(kind, pairs, keys))


def read_options(kind: str, pairs: Collection[str], keys: Collection[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key not in keys or not value or key in options:
            raise UsageError(f"{kind}: '{pair[:60]}' is none of the options {', '.join(f'{k}=...' for k in keys)}")
        options[key] = value
    return options


def address(kind: str, text: str) -> str:
    """An IPv4 address of one machine; a name could change its meaning while we listen, and "all" is not one sender."""
    try:
        known = ipaddress.IPv4Address(text)
    except ipaddress.AddressValueError as error:
        raise UsageError(f"{kind}: '{text[:40]}' is not an IPv4 address") from error
    if known.is_unspecified or known.is_multicast or known == ipaddress.IPv4Address("255.255.255.255"):
        raise UsageError(f"{kind}: {text} is not the address of one machine")
    return text


def interface_towards(sender: str) -> str:
    """The address of this machine on the way to ``sender``; nothing is sent.

    Raises:
        OSError: there is no way.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((sender, 9))
        return str(probe.getsockname()[0])
