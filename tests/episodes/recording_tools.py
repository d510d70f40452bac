"""A small robot's recordings for tests: three joints, two groups, images that are not pictures but start like JPEGs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rove_teleop.episodes.layout import control_dtype, pack_operator_frame
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.episodes.record.records import ChunkRecord, FailureRecord
from rove_teleop.types import Event, HandFrame, OperatorFrame

ATTRIBUTES: dict[str, Any] = {
    "task": "toaster",
    "instruction": "put the bread into the toaster",
    "joint_names": ["waist", "left", "right"],
    "groups": {"waist": ["waist"], "arms": ["left", "right"]},
    "control_hz": 250.0,
    "cameras": ["ego"],
    "limits": {
        "q_min_rad": [-2.0] * 3,
        "q_max_rad": [2.0] * 3,
        "v_max_rad_s": [3.0] * 3,
        "a_max_rad_s2": [20.0] * 3,
        "j_max_rad_s3": [600.0] * 3,
    },
}
ROW = control_dtype(3, 2)


def control_row(tick: int, episode: int = 1, **values: Any) -> bytes:
    """A control row whose numbers are a function of the tick, so that a reader can check every one."""
    row = np.zeros((), ROW)
    row["episode"], row["tick"] = episode, tick
    row["stamp_s"], row["wall_time_s"] = 100.0 + tick / 250.0, 1.7e9 + tick / 250.0
    for name in ("q_measured_rad", "q_target_rad", "q_sent_rad"):
        row[name] = 1e-6 * tick + np.array([0.1, 0.2, 0.3])
    row["q_policy_rad"], row["q_operator_rad"] = 1e-6 * tick, np.nan
    row["weight"], row["authority"], row["phase"] = 0.0, 1, 0 if tick % 3 else 2
    row["reason"] = [0, 2, tick % 256]
    row["operator_age_s"], row["policy_age_s"] = np.inf, 0.01
    for name, value in values.items():
        row[name] = value
    return row.tobytes()


def jpeg(index: int, size: int = 400) -> bytes:
    """Bytes that start like a JPEG and differ for every index."""
    return b"\xff\xd8" + np.random.default_rng(index).bytes(size + index % 7) + b"\xff\xd9"


def operator_frame(sequence: int) -> OperatorFrame:
    """A frame with a left hand only."""
    return OperatorFrame(0.5 * sequence, sequence, HandFrame(np.eye(4), np.full((21, 3), 0.1)), HandFrame())


def fill(recording: EpisodeRecording, ticks: range) -> None:
    """Every stream: a row per tick, and now and then one of each other kind."""
    for tick in ticks:
        recording.control_row(control_row(tick))
        if tick % 8 == 0:
            recording.frame("ego", jpeg(tick), 1.7e9 + tick, 100.0 + tick, tick // 8)
        if tick % 5 == 0:
            recording.tracking(pack_operator_frame(operator_frame(tick)), 100.0 + tick)
            recording.task_state(100.0 + tick, np.array([tick, -tick], dtype=np.float64))
        if tick % 20 == 0:
            plan = np.full((4, 2), 0.01 * tick)
            recording.chunk(ChunkRecord(100.0 + tick, 1.7e9, np.arange(4) * 0.05, np.array([1, 2]), plan))
            recording.failure(FailureRecord(100.0 + tick, 0.5, 0.9, False, "no_progress"))
            recording.event(Event(100.0 + tick, "pause", f"because of tick {tick}: Größe"))


def begin(root: Path, **attributes: Any) -> EpisodeRecording:
    return EpisodeRecording(root, {**ATTRIBUTES, **attributes}, min_free_bytes=0)


def record(root: Path, count: int = 60, outcome: str = "success", **attributes: Any) -> Path:
    """A sealed episode of ``count`` ticks."""
    recording = begin(root, **attributes)
    fill(recording, range(count))
    return recording.seal(outcome, last_tick=count - 1)


def orphan(root: Path, count: int = 60) -> Path:
    """A recording as a killed process leaves it."""
    recording = begin(root)
    fill(recording, range(count))
    recording.close()
    return recording.path
