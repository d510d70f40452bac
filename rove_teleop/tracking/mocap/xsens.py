"""Xsens MVN network streaming, "quaternion" protocol (MXTP02): 23 body segments, props and 40 finger segments.

As specified in "MVN real-time network streaming protocol specification" (MV0305P): a 24-byte header, then 32 bytes per
segment, all big-endian; positions in metres in a room with z up, and every segment's axes are the room's in the T-pose.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...types import SIDES, OperatorFrame
from .body import INDEX, BodySample, BodyView, empty_sample
from .order import StreamOrder
from .quaternions import rotations

PORT = 9763
HEADER = struct.Struct(">6sIBBIBBBBHH")
SEGMENT = np.dtype([("id", ">u4"), ("place", ">f4", 3), ("quat", ">f4", 4)])
LAST_PART = 0x80
OTHER_MESSAGES = {f"{number:02}".encode() for number in (1, 3, 4, 5, 10, 11, 12, 13, 20, 21, 22, 23, 24, 25)}
FARTHEST_SAMPLES = 100_000
BODY_SEGMENTS = 23
FINGER_SEGMENTS = 20
_BODY = {
    "head": 6,
    "right_upper_arm": 8,
    "right_forearm": 9,
    "right_hand": 10,
    "left_upper_arm": 12,
    "left_forearm": 13,
    "left_hand": 14,
}
_FINGERS = {
    "thumb_cmc": 1,
    "thumb_mcp": 2,
    "thumb_ip": 3,
    **{
        f"{finger}_{part}": 5 + 4 * k + place
        for k, finger in enumerate(("index", "middle", "ring", "little"))
        for place, part in enumerate(("mcp", "pip", "dip"))
    },
}
_BODY_PARTS, _BODY_ROWS = np.array([INDEX[name] for name in _BODY]), np.array(list(_BODY.values()))
_FINGER_PARTS = np.array([INDEX[f"{side}_{name}"] for side in SIDES for name in _FINGERS])
_FINGER_ROWS = np.array([k * FINGER_SEGMENTS + row for k in range(2) for row in _FINGERS.values()])


class _Header(NamedTuple):
    kind: bytes
    sample: int
    part: int
    items: int
    time_ms: int
    character: int
    body: int
    props: int
    fingers: int
    reserved: int
    payload: int


class XsensDecoder:
    """Datagrams of one character to frames; a sample split over several datagrams counts when all of them came.

    Args:
        character: which character of a scene with several; None takes the first that is heard.
    """

    def __init__(self, character: int | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._view = BodyView(self.counts)
        self._order = StreamOrder(wrap=1 << 32, farthest=FARTHEST_SAMPLES)
        self._character = character
        self._sample: tuple[int, ...] | None = None
        self._parts: dict[int, NDArray[np.void]] = {}
        self._part_count: int | None = None

    @property
    def problem(self) -> str | None:
        return self._view.problem

    def feed(self, datagram: bytes, received_s: float) -> OperatorFrame | None:
        header = self._header(datagram)
        if header is None:
            return None
        if self._character not in (None, header.character):
            self.counts["other_character"] += 1
            return None
        if not self._begin(header, received_s):
            return None
        self._parts[header.part & ~LAST_PART] = np.frombuffer(datagram, SEGMENT, offset=HEADER.size)
        if header.part & LAST_PART:
            self._part_count = (header.part & ~LAST_PART) + 1
        if self._part_count is None or sorted(self._parts) != list(range(self._part_count)):
            return None
        segments = np.concatenate([self._parts[k] for k in range(self._part_count)])
        self._sample = None
        return self._body(segments, header, received_s)

    def _header(self, datagram: bytes) -> _Header | None:
        """The header of a pose whose length is right, else None and counted."""
        if len(datagram) < HEADER.size or datagram[:4] != b"MXTP":
            self.counts["not_mvn"] += 1
            return None
        header = _Header(*HEADER.unpack_from(datagram))
        if header.kind != b"MXTP02":
            self.counts["other_message" if header.kind[4:] in OTHER_MESSAGES else "not_mvn"] += 1
            return None
        payload = len(datagram) - HEADER.size
        if header.items * SEGMENT.itemsize != payload or header.payload not in (0, payload) or not header.items:
            self.counts["wrong_length"] += 1
            return None
        if header.body == 0:  # before MVN 2019 the header did not count segments
            header = header._replace(body=BODY_SEGMENTS)
        return header

    def _begin(self, header: _Header, received_s: float) -> bool:
        """True when this part belongs to the newest sample and is not there yet."""
        sample = (header.sample, header.character, header.body, header.props, header.fingers)
        if self._sample == sample:
            if header.part & ~LAST_PART in self._parts:
                self.counts["duplicate"] += 1
                return False
            return True
        verdict = self._order.judge(header.sample, received_s)
        if verdict in ("duplicate", "late"):
            self.counts[verdict] += 1
            return False
        if self._sample is not None:
            self.counts["incomplete"] += 1
        if verdict == "restart":
            self._view.restart()
        self._order.accept(header.sample, received_s)
        self._sample, self._parts, self._part_count = sample, {}, None
        return True

    def _body(self, segments: NDArray[np.void], header: _Header, received_s: float) -> OperatorFrame | None:
        fingers = header.body + header.props
        known = np.arange(1, BODY_SEGMENTS + 1)
        if (
            len(segments) != fingers + header.fingers
            or header.body != BODY_SEGMENTS
            or header.fingers not in (0, 2 * FINGER_SEGMENTS)
            or not np.array_equal(segments["id"][:BODY_SEGMENTS], known)
        ):
            self.counts["wrong_segments"] += 1
            return None
        self._character = header.character
        sample = empty_sample()
        _fill(sample, _BODY_PARTS, segments[_BODY_ROWS])
        if header.fingers:
            _fill(sample, _FINGER_PARTS, segments[fingers + _FINGER_ROWS])
        return self._view.frame(sample, received_s)


def _fill(sample: BodySample, parts: NDArray[np.int64], segments: NDArray[np.void]) -> None:
    with np.errstate(invalid="ignore"):  # a signalling NaN says so when it is widened
        sample.place[parts] = segments["place"].astype(np.float64)
        sample.turn[parts] = rotations(segments["quat"].astype(np.float64))
