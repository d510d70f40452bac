"""Journal records to the arrays of an episode: what is sealed, and the counts that say what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from google_crc32c import extend, value
from numpy.typing import NDArray

from .journal import Record
from .layout import TRACKING_DTYPE, Stream, control_dtype
from .records import ChunkRecord, FailureRecord, FrameRecord, unpack_event, unpack_task, unpack_tracking

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class CameraContents:
    """Arrays of one camera; the first ``jpeg_bytes`` of its pack file are the array ``jpeg``."""

    arrays: Arrays
    jpeg_bytes: int
    jpeg_crc32c: int
    duplicated: int
    lost: int


@dataclass(slots=True)
class EpisodeContents:
    """Everything a journal held, as arrays by path (``control/tick``), plus what ``end`` said, if it was reached."""

    arrays: Arrays = field(default_factory=dict)
    cameras: dict[str, CameraContents] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    end: dict[str, Any] | None = None


def pack_path(recording: Path, camera: str) -> Path:
    """Pack file of a camera in a recording folder."""
    return recording / f"camera.{camera}.pack"


def collect(records: Sequence[Record], header: Mapping[str, Any], recording: Path) -> EpisodeContents:
    """Sort the records of one journal into arrays. ``header`` holds the attributes the episode was begun with."""
    payloads: dict[Stream, list[bytes]] = {stream: [] for stream in Stream}
    for record in records:
        payloads[record.stream].append(record.payload)
    contents = EpisodeContents()
    for patch in payloads[Stream.ATTRIBUTES]:
        contents.attributes.update(json.loads(patch))
    for payload in payloads[Stream.END]:
        contents.end = json.loads(payload)
    row = control_dtype(len(header["joint_names"]), len(header["groups"]))
    rows = np.frombuffer(b"".join(payloads[Stream.CONTROL]), row)
    contents.arrays.update({f"control/{name}": rows[name] for name in row.names or ()})
    for group, build, stream in _BUILDERS:
        if payloads[stream] or group != "task":
            contents.arrays.update({f"{group}/{name}": array for name, array in build(payloads[stream]).items()})
    frames = [FrameRecord.unpack(payload) for payload in payloads[Stream.FRAME]]
    for camera in dict.fromkeys([*header.get("cameras", []), *(frame.camera for frame in frames)]):
        contents.cameras[camera] = _camera([f for f in frames if f.camera == camera], pack_path(recording, camera))
    return contents


def ticks_lost(ticks: NDArray[Any], first_tick: int | None, last_tick: int | None) -> int:
    """Ticks missing between the rows, and before or after them where the session said how many there should be."""
    steps = np.diff(ticks.astype(np.int64))
    lost = int(np.sum(steps[steps > 1] - 1))
    if len(ticks) and first_tick is not None:
        lost += max(0, int(ticks[0]) - first_tick)
    if last_tick is not None:
        before = int(ticks[-1]) if len(ticks) else (last_tick if first_tick is None else first_tick - 1)
        lost += max(0, last_tick - before)
    return lost


def _camera(frames: list[FrameRecord], pack: Path) -> CameraContents:
    whole, jpeg_crc32c = _whole_frames(frames, pack)
    arrays: Arrays = {
        "offset": np.array([f.offset for f in whole], "<i8"),
        "length": np.array([f.length for f in whole], "<i8"),
        "jpeg_crc32c": np.array([f.crc32c for f in whole], "<u4"),
        "capture_s": np.array([f.capture_s for f in whole], "<f8"),
        "receive_s": np.array([f.receive_s for f in whole], "<f8"),
        "sequence": np.array([f.sequence for f in whole], "<u4"),
    }
    return CameraContents(
        arrays=arrays,
        jpeg_bytes=whole[-1].offset + whole[-1].length if whole else 0,
        jpeg_crc32c=jpeg_crc32c,
        duplicated=int(np.sum(np.diff(arrays["capture_s"]) == 0.0)),
        lost=max(0, frames[-1].sequence + 1 - len(whole)) if frames else 0,
    )


def _whole_frames(frames: list[FrameRecord], pack: Path) -> tuple[list[FrameRecord], int]:
    """The frames whose bytes are all there, and the CRC-32C of the pack up to the end of the last of them."""
    whole: list[FrameRecord] = []
    crc = crc_at_last = position = 0
    if not frames or not pack.exists():
        return whole, crc
    with pack.open("rb") as file:
        for frame in frames:
            skipped, data = file.read(frame.offset - position), file.read(frame.length)
            crc = extend(extend(crc, skipped), data)
            position = frame.offset + frame.length
            if value(data) == frame.crc32c:
                whole.append(frame)
                crc_at_last = crc
    return whole, crc_at_last


def _tracking(payloads: list[bytes]) -> Arrays:
    split = [unpack_tracking(payload) for payload in payloads]
    rows = np.frombuffer(b"".join(frame for _, frame in split), TRACKING_DTYPE)
    arrays: Arrays = {name: rows[name] for name in TRACKING_DTYPE.names or ()}
    return {"receive_s": np.array([receive_s for receive_s, _ in split], "<f8"), **arrays}


def _policy(payloads: list[bytes]) -> Arrays:
    chunks = [ChunkRecord.unpack(payload) for payload in payloads]
    count = len(chunks)
    steps = max((chunk.q_rad.shape[0] for chunk in chunks), default=0)
    slots = max((chunk.q_rad.shape[1] for chunk in chunks), default=0)
    offset_s = np.full((count, steps), np.nan)
    joint_index = np.full((count, slots), -1, "<i4")
    q_rad = np.full((count, steps, slots), np.nan)
    for k, chunk in enumerate(chunks):
        h, m = chunk.q_rad.shape
        offset_s[k, :h], joint_index[k, :m], q_rad[k, :h, :m] = chunk.offset_s, chunk.joint_index, chunk.q_rad
    return {
        "receive_s": np.array([chunk.receive_s for chunk in chunks], "<f8"),
        "header_stamp_s": np.array([chunk.header_stamp_s for chunk in chunks], "<f8"),
        "valid": np.array([chunk.valid for chunk in chunks], "u1"),
        "horizon": np.array([chunk.q_rad.shape[0] for chunk in chunks], "<i4"),
        "joint_count": np.array([chunk.q_rad.shape[1] for chunk in chunks], "<i4"),
        "joint_index": joint_index,
        "offset_s": offset_s,
        "q_rad": q_rad,
    }


def _failure(payloads: list[bytes]) -> Arrays:
    opinions = [FailureRecord.unpack(payload) for payload in payloads]
    return {
        "stamp_s": np.array([o.stamp_s for o in opinions], "<f8"),
        "score": np.array([o.score for o in opinions], "<f8"),
        "threshold": np.array([o.threshold for o in opinions], "<f8"),
        "alarm": np.array([o.alarm for o in opinions], "u1"),
        "detector": text_array([o.detector for o in opinions]),
    }


def _events(payloads: list[bytes]) -> Arrays:
    events = [unpack_event(payload) for payload in payloads]
    return {
        "time_s": np.array([event.time_s for event in events], "<f8"),
        "kind": text_array([event.kind for event in events]),
        "detail": text_array([event.detail for event in events]),
    }


def _task(payloads: list[bytes]) -> Arrays:
    samples = [unpack_task(payload) for payload in payloads]
    return {
        "stamp_s": np.array([stamp_s for stamp_s, _ in samples], "<f8"),
        "features": np.array([features for _, features in samples], "<f8"),
    }


def text_array(texts: list[str]) -> NDArray[np.uint8]:
    """Texts as fixed-width UTF-8 rows (k, w) padded with zero bytes: no string type that a reader may not know."""
    # JSON can carry halves of characters that UTF-8 cannot.
    encoded = [text.encode(errors="backslashreplace") for text in texts]
    width = max((len(text) for text in encoded), default=0) or 1
    return np.frombuffer(b"".join(text.ljust(width, b"\0") for text in encoded), np.uint8).reshape(-1, width)


_BUILDERS: tuple[tuple[str, Callable[[list[bytes]], Arrays], Stream], ...] = (
    ("tracking", _tracking, Stream.TRACKING),
    ("policy", _policy, Stream.CHUNK),
    ("failure", _failure, Stream.FAILURE),
    ("events", _events, Stream.EVENT),
    ("task", _task, Stream.TASK),
)
