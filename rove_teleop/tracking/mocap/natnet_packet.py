"""Reading a NatNet message from front to back without ever reading past its end."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray


class PacketDamaged(ValueError):
    """A message that is shorter than what it announces."""


class Packet:
    """A place in a message that moves on with every read; all numbers are little-endian."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content, self._at = content, at

    def take(self, layout: str) -> tuple[Any, ...]:
        """Numbers by ``struct`` letters.

        Raises:
            PacketDamaged: they are not all there (so also the other reads).
        """
        size = struct.calcsize("<" + layout)
        self._need(size)
        values = struct.unpack_from("<" + layout, self._content, self._at)
        self._at += size
        return values

    def records(self, layout: np.dtype[np.void], count: int) -> NDArray[np.void]:
        size = layout.itemsize * count
        self._need(size)
        values = np.frombuffer(self._content, layout, count, self._at)
        self._at += size
        return values

    def text(self) -> str:
        """Text up to its closing zero byte."""
        end = self._content.find(b"\x00", self._at)
        if end < 0:
            raise PacketDamaged("a text has no end")
        text = self._content[self._at : end].decode("utf-8", errors="replace")
        self._at = end + 1
        return text

    def skip(self, size: int) -> None:
        self._need(size)
        self._at += size

    def _need(self, size: int) -> None:
        if self._at + size > len(self._content):
            raise PacketDamaged(f"{size} bytes announced, {len(self._content) - self._at} left")
