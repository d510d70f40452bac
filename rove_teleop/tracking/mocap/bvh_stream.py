"""Rows of BVH channel values over UDP, as Noitom's Axis software sends them: binary, or text that ends with ``||``.

A stream has no hierarchy. Without a file only Noitom's own skeleton with displacement is understood; with a BVH file
(exported by the same software, for the same person) any skeleton is.
"""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path

import numpy as np

from ...errors import MotionFileInvalid
from ...types import Array, OperatorFrame
from ..readers.bvh_parser import parse
from ..readers.source import decode, read_bytes
from . import noitom
from .body import BodyView
from .bvh_chain import BvhChain
from .order import SILENT_S, StreamOrder

PORT = 7012
HEADER = struct.Struct("<H4sHBBI32sIIIIH")
START, END = 0xDDFF, 0xEEFF
MARK = struct.pack("<H", START)
REFERENCE_VALUES = 6
FARTHEST_FRAMES = 100_000
MOST_ROWS = 32
"""More frames in one datagram than any sender packs; also bounds the work of a forged one."""


class BvhStreamDecoder:
    """Rows of one avatar to frames.

    Args:
        skeleton: a BVH file with the hierarchy of the stream; None takes Noitom's.
        avatar: the avatar's number; None takes the first that is heard.

    Raises:
        MotionFileInvalid: the file is refused, or has no hands.
    """

    def __init__(self, skeleton: Path | None = None, avatar: int | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._view = BodyView(self.counts)
        self._order = StreamOrder(wrap=1 << 32, farthest=FARTHEST_FRAMES)
        self._avatar = avatar
        self._chain = None if skeleton is None else _chain_of(skeleton)
        self._width = noitom.WIDTH if self._chain is None else self._chain.width
        self._own_skeleton = skeleton is None
        self._framed_s: float | None = None
        self._width_seen = 0

    @property
    def problem(self) -> str | None:
        if not self.counts["frames"] and self.counts["wrong_width"]:
            return (
                f"rows of {self._width_seen} values where the skeleton has {self._width} "
                "(switch displacement on, or name the right file: bvh:PORT,skeleton=FILE.bvh)"
            )
        return self._view.problem

    def feed(self, datagram: bytes, received_s: float) -> OperatorFrame | None:
        """The newest frame of the datagram."""
        if datagram[:2] == MARK:
            return self._binary(datagram, received_s)
        newest = None
        rows = [words for chunk in datagram.split(b"||")[:MOST_ROWS] if (words := chunk.split())]
        if not rows:
            self.counts["damaged"] += 1
        for words in rows:
            try:
                # "AVATAR NAME values": a bare row of numbers has neither.
                named = len(words) > 2 and not _is_number(words[1])
                avatar = int(words[0]) if named else 0
                values = np.array(words[2:] if named else words, dtype=np.float64)
            except ValueError:
                self.counts["damaged"] += 1
                continue
            newest = self._row(values, avatar, received_s) or newest
        return newest

    def _binary(self, datagram: bytes, received_s: float) -> OperatorFrame | None:
        newest, at = None, 0
        if len(datagram) < HEADER.size:
            self.counts["damaged"] += 1
        for _ in range(MOST_ROWS):
            if at + HEADER.size > len(datagram):
                break
            start, _, count, _, reference, avatar, _, number, *_, end = HEADER.unpack_from(datagram, at)
            stop = at + HEADER.size + 4 * count
            if start != START or end != END or stop > len(datagram):
                self.counts["damaged"] += 1
                break
            with np.errstate(invalid="ignore"):  # a signalling NaN says so when it is widened
                values = np.frombuffer(datagram, "<f4", count, at + HEADER.size).astype(np.float64)
            newest = self._row(values[REFERENCE_VALUES if reference else 0 :], avatar, received_s, number) or newest
            at = stop
        return newest

    def _row(self, values: Array, avatar: int, received_s: float, number: int | None = None) -> OperatorFrame | None:
        if self._avatar not in (None, avatar):
            self.counts["other_avatar"] += 1
            return None
        if not np.all(np.abs(values) < 1e6):
            self.counts["not_finite"] += 1
            return None
        width = self._width
        if number is None and len(values) == width + REFERENCE_VALUES:
            values = values[REFERENCE_VALUES:]
        if len(values) != width:
            self.counts["wrong_width"] += 1
            self._width_seen = len(values)
            return None
        if not self._in_order(number, received_s):
            return None
        if self._chain is None or (self._own_skeleton and self._framed_s is None):
            self._chain = BvhChain(noitom.joints(values))  # bones as long as this row's displacements
        frame = self._view.frame(self._chain.sample(values), received_s)
        if frame is not None:
            self._avatar, self._framed_s = avatar, received_s
        return frame

    def _in_order(self, number: int | None, received_s: float) -> bool:
        """Text has no numbers: there only silence tells a restart."""
        if number is None:
            if self._framed_s is not None and received_s - self._framed_s > SILENT_S:
                self._restart()
            return True
        verdict = self._order.judge(number, received_s)
        if verdict in ("duplicate", "late"):
            self.counts[verdict] += 1
            return False
        if verdict == "restart":
            self._restart()
        self._order.accept(number, received_s)
        return True

    def _restart(self) -> None:
        """Perhaps another person: Noitom's skeleton is measured anew."""
        self._view.restart()
        self._framed_s = None


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _chain_of(path: Path) -> BvhChain:
    chain = BvhChain(parse(path, decode(path, read_bytes(path))).joints)
    if not chain.skeleton.wrists:
        raise MotionFileInvalid(f"{path}: no joint is named like a left or right hand or wrist")
    return chain
