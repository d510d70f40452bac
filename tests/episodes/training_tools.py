"""Small episodes whose every value says which tick it is from, with any phases, gaps and images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg

from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.types import Authority, Phase

from .recording_tools import begin, control_row

HUMAN = (Phase.ADAPTATION, Phase.RECOVERY)


def record_ticks(
    root: Path,
    phases: Sequence[int],
    lost: Sequence[int] = (),
    outcome: str = "success",
    first_tick: int = 0,
    nan_sent: Sequence[int] = (),
    cameras: Sequence[str] = (),
    every: int = 8,
    last_image: int = 10**9,
    image_shape: tuple[int, int, int] = (24, 32, 3),
    **attributes: Any,
) -> Path:
    """An episode with one phase per tick, without the ``lost`` ones; the measured waist is the tick's number.

    Images come every ``every`` ticks, one tick before the row of that number, and are as bright as their tick.
    """
    recording = begin(root, cameras=list(cameras), **attributes)
    for place, phase in enumerate(phases):
        if place in lost:
            continue
        tick = first_tick + place
        sent = np.full(3, np.nan) if place in nan_sent else np.full(3, float(tick))
        who = Authority.HUMAN if phase in HUMAN else Authority.POLICY
        recording.control_row(
            control_row(
                tick, q_measured_rad=float(tick), q_sent_rad=sent, q_target_rad=sent, phase=phase, authority=who
            )
        )
        if place % every == 0 and place <= last_image:
            _images(recording, cameras, tick, place // every, image_shape)
    return recording.seal(outcome, last_tick=first_tick + len(phases) - 1)


def _images(
    recording: EpisodeRecording, cameras: Sequence[str], tick: int, sequence: int, shape: tuple[int, int, int]
) -> None:
    for camera in cameras:
        image = np.full(shape, min(255, tick), np.uint8)
        recording.frame(camera, simplejpeg.encode_jpeg(image, 98), 1.7e9, 100.0 + (tick - 1) / 250.0, sequence)


def damage(path: Path, array: str = "control/q_sent_rad") -> None:
    """Turn one bit in the middle of an array over."""
    chunk = next((path / array / "c").rglob("0")) if (path / array / "c/0").is_file() else path / array / "c/0/0"
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(bytes(data))
