"""A recording's logs to the arrays of an episode: what is sealed, and the counts that say what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DatasetInvalid
from ..layout import TRACKING_ROW, Stream, control_dtype, task_dtype
from .camera_contents import CameraContents, read_camera
from .camera_log import PackSum, recorded_cameras
from .journal import JournalContents, read_journal
from .recording_files import LOG_NAMES, STREAM_LOGS, log_path
from .records import ChunkRecord, FailureRecord, unpack_event

Arrays = dict[str, NDArray[Any]]


@dataclass(slots=True)
class EpisodeContents:
    """Everything the logs of a recording held, as arrays by path (``control/tick``).

    ``end`` is what the last record said, if it was reached; ``cut_bytes`` counts, per log, what was not whole;
    ``damaged`` names the logs that lack something.
    """

    arrays: Arrays = field(default_factory=dict)
    cameras: dict[str, CameraContents] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    end: dict[str, Any] | None = None
    cut_bytes: dict[str, int] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)

    def note_damage(self, name: str, log: JournalContents) -> None:
        """Remember what is missing of a log."""
        if log.damaged:
            self.damaged.append(name)
        if log.cut_bytes:
            self.cut_bytes[name] = log.cut_bytes


def collect(recording: Path, begun_with: Mapping[str, Any], pack_sums: Mapping[str, PackSum]) -> EpisodeContents:
    """Read every log of a recording. ``begun_with`` holds the attributes that the episode was begun with.

    ``pack_sums``: checksums of packs that were computed while they were written; the others are read once more.

    Raises:
        DatasetInvalid: a log holds what its stream cannot, or is of another stream or recording.
    """
    contents = EpisodeContents()
    logs = {name: read_journal(log_path(recording, name)) for name in LOG_NAMES}
    for name, log in logs.items():
        _check_own(recording, name, log)
        contents.note_damage(name, log)
    for patch in logs["session"].payloads(Stream.ATTRIBUTES):
        contents.attributes.update(json.loads(patch))
    for payload in logs["session"].payloads(Stream.END):
        contents.end = json.loads(payload)
    _add_rows(contents, logs, begun_with)
    for group, build, stream in _BUILDERS:
        payloads = logs[STREAM_LOGS[stream]].payloads(stream)
        contents.arrays.update({f"{group}/{name}": array for name, array in build(payloads).items()})
    for camera in dict.fromkeys([*begun_with["cameras"], *recorded_cameras(recording)]):
        images, log = read_camera(recording, camera, pack_sums.get(camera))
        _check_own(recording, f"camera.{camera}", log)
        contents.cameras[camera] = images
        contents.note_damage(f"camera.{camera}", log)
    return contents


def _check_own(recording: Path, name: str, log: JournalContents) -> None:
    """What a log of another stream holds would be passed over, and then deleted."""
    if log.header is not None and (log.header["id"], log.header["stream"]) != (recording.name, name):
        found = f"is log {log.header['stream']} of recording {log.header['id']}"
        raise DatasetInvalid(f"{log_path(recording, name)}: {found}")


def _add_rows(contents: EpisodeContents, logs: Mapping[str, JournalContents], begun_with: Mapping[str, Any]) -> None:
    """The streams of fixed-size rows: columns of a view of the log."""
    kinds = {
        "control": control_dtype(len(begun_with["joint_names"]), len(begun_with["groups"])),
        "tracking": TRACKING_ROW,
    }
    if logs["task"].spans:
        stamp_size = task_dtype(0).itemsize
        kinds["task"] = task_dtype((logs["task"].spans[0][2] - stamp_size) // 8)
    for group, kind in kinds.items():
        rows = logs[group].rows(kind)
        contents.arrays.update({f"{group}/{name}": rows[name] for name in kind.names or ()})


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
        "valid": np.array([chunk.mark for chunk in chunks], "u1"),
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


def text_array(texts: list[str]) -> NDArray[np.uint8]:
    """Texts as fixed-width UTF-8 rows (k, w) padded with zero bytes: no string type that a reader may not know."""
    # JSON can carry halves of characters that UTF-8 cannot.
    encoded = [text.encode(errors="backslashreplace") for text in texts]
    width = max((len(text) for text in encoded), default=0) or 1
    return np.frombuffer(b"".join(text.ljust(width, b"\0") for text in encoded), np.uint8).reshape(-1, width)


_BUILDERS: tuple[tuple[str, Callable[[list[bytes]], Arrays], Stream], ...] = (
    ("policy", _policy, Stream.CHUNK),
    ("failure", _failure, Stream.FAILURE),
    ("events", _events, Stream.EVENT),
)
