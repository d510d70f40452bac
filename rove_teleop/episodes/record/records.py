"""Payloads of the other logs: what is packed when it happens and unpacked when the episode is sealed."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DatasetInvalid
from ...types import Array, Event

_FRAME = struct.Struct("<qqIddI")  # layout.FRAME_ROW
_CHUNK = struct.Struct("<ddBHH")
_TASK = struct.Struct("<d")
_TRACKING = struct.Struct("<d")
_FAILURE = struct.Struct("<dddB")


def pack_frame(offset: int, length: int, crc32c: int, capture_s: float, receive_s: float, sequence: int) -> bytes:
    """Where a camera image's JPEG bytes lie in its pack file, and when it was taken (``layout.FRAME_ROW``)."""
    return _FRAME.pack(offset, length, crc32c, capture_s, receive_s, sequence)


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """A policy chunk as received: ``q_rad`` (h, m) at ``receive_s + offset_s`` (h,) for ``joint_index`` (m,).

    ``header_stamp_s`` is the publisher's wall-clock stamp. ``valid`` is False for a chunk that control refuses
    (not finite, offsets that do not increase); it is kept, marked. ``shadow``: of a policy that never drives.
    """

    receive_s: float
    header_stamp_s: float
    offset_s: Array
    joint_index: NDArray[np.int64]
    q_rad: Array
    shadow: bool = False

    @property
    def mark(self) -> int:
        """As it is stored: 0 not valid, 1 of the policy that drives, 2 of its shadow."""
        return (2 if self.shadow else 1) if self.valid else 0

    @property
    def valid(self) -> bool:
        finite = bool(np.all(np.isfinite(self.q_rad)) and np.all(np.isfinite(self.offset_s)))
        return finite and len(self.offset_s) > 0 and bool(np.all(np.diff(self.offset_s) > 0))

    def pack(self) -> bytes:
        h, m = self.q_rad.shape
        if self.offset_s.shape != (h,) or self.joint_index.shape != (m,):
            raise DatasetInvalid(f"a chunk of {h} x {m} has {len(self.offset_s)} times, {len(self.joint_index)} joints")
        head = _CHUNK.pack(self.receive_s, self.header_stamp_s, self.mark, h, m)
        parts = (self.offset_s.astype("<f8"), self.joint_index.astype("<i8"), self.q_rad.astype("<f8"))
        return head + b"".join(part.tobytes() for part in parts)

    @classmethod
    def unpack(cls, payload: bytes) -> ChunkRecord:
        receive_s, header_stamp_s, mark, h, m = _CHUNK.unpack_from(payload)
        offset_s = np.frombuffer(payload, "<f8", h, _CHUNK.size)
        joint_index = np.frombuffer(payload, "<i8", m, _CHUNK.size + 8 * h)
        q_rad = np.frombuffer(payload, "<f8", h * m, _CHUNK.size + 8 * (h + m)).reshape(h, m)
        return cls(receive_s, header_stamp_s, offset_s, joint_index, q_rad, mark == 2)


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """One opinion of a failure detector."""

    stamp_s: float
    score: float
    threshold: float
    alarm: bool
    detector: str = ""

    def pack(self) -> bytes:
        return _FAILURE.pack(self.stamp_s, self.score, self.threshold, self.alarm) + self.detector.encode()

    @classmethod
    def unpack(cls, payload: bytes) -> FailureRecord:
        stamp_s, score, threshold, alarm = _FAILURE.unpack_from(payload)
        return cls(stamp_s, score, threshold, bool(alarm), payload[_FAILURE.size :].decode())


def pack_tracking(receive_s: float, frame: bytes) -> bytes:
    """A device frame's bytes (``layout.pack_operator_frame``) behind the recorder's stamp (``layout.TRACKING_ROW``)."""
    return _TRACKING.pack(receive_s) + frame


def pack_task(stamp_s: float, features: Array) -> bytes:
    """Task features (k,) at ``stamp_s`` (``layout.task_dtype``)."""
    return _TASK.pack(stamp_s) + features.astype("<f8").tobytes()


def pack_event(event: Event) -> bytes:
    """An event as UTF-8 JSON."""
    return pack_json({"time_s": event.time_s, "kind": event.kind, "detail": event.detail})


def unpack_event(payload: bytes) -> Event:
    """The event of ``pack_event``."""
    data = json.loads(payload)
    return Event(float(data["time_s"]), str(data["kind"]), str(data["detail"]))


def pack_json(value: dict[str, Any]) -> bytes:
    """JSON bytes; NaN and infinity are refused, because a reader in another language would refuse them later.

    Raises:
        DatasetInvalid: a value that JSON cannot hold.
    """
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise DatasetInvalid(f"attributes must be plain JSON without NaN ({error})") from error
