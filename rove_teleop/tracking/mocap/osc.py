"""Open Sound Control 1.0, reading only: the messages of a datagram, bundles unpacked."""

from __future__ import annotations

import struct
from collections.abc import Iterator

OscValue = float | int | str | None
OscMessage = tuple[str, tuple[OscValue, ...]]
BUNDLE = b"#bundle\x00"
DEEPEST = 8
_FIXED = {"i": struct.Struct(">i"), "f": struct.Struct(">f"), "h": struct.Struct(">q"), "d": struct.Struct(">d")}
_CONSTANTS: dict[str, OscValue] = {"T": 1, "F": 0, "N": None, "I": None}


class OscDamaged(ValueError):
    """Bytes that are no OSC packet."""


def messages(packet: bytes, depth: int = 0) -> Iterator[OscMessage]:
    """Addresses with their arguments, in order.

    Raises:
        OscDamaged: truncated, misaligned or of an unknown type; messages before that place were delivered.
    """
    if not packet.startswith(BUNDLE):
        yield _message(packet)
        return
    if depth > DEEPEST:
        raise OscDamaged("bundles nested too deeply")
    at = 16  # after the name and the time tag
    while at < len(packet):
        size = int.from_bytes(packet[at : at + 4], "big")
        element = packet[at + 4 : at + 4 + size]
        if len(element) != size or not size:
            raise OscDamaged("a bundle's element is cut")
        yield from messages(element, depth + 1)
        at += 4 + size


def _message(packet: bytes) -> OscMessage:
    address, at = _text(packet, 0)
    types, at = _text(packet, at)
    if not address.startswith("/") or not types.startswith(","):
        raise OscDamaged("no address or no types")
    values: list[OscValue] = []
    for kind in types[1:]:
        if kind in _FIXED:
            fixed = _FIXED[kind]
            if at + fixed.size > len(packet):
                raise OscDamaged("an argument is cut")
            values.append(fixed.unpack_from(packet, at)[0])
            at += fixed.size
        elif kind in "sS":
            text, at = _text(packet, at)
            values.append(text)
        elif kind in _CONSTANTS:
            values.append(_CONSTANTS[kind])
        else:
            raise OscDamaged("an argument of unknown type")
    return address, tuple(values)


def _text(packet: bytes, at: int) -> tuple[str, int]:
    """The text that starts at ``at`` and the place after its padding to four bytes."""
    end = packet.find(b"\x00", at)
    if end < 0:
        raise OscDamaged("a text has no end")
    try:
        return packet[at:end].decode(), (end + 4) // 4 * 4
    except UnicodeDecodeError as error:
        raise OscDamaged("a text is not UTF-8") from error
