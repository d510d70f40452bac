"""BVH text into joints and channel values; our own parser, because errors must name line and joint and the libraries
at hand pull in a plotting package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import MotionFileInvalid
from ...types import Array
from .bvh_hierarchy import Joint, read_hierarchy, read_number


@dataclass(frozen=True, slots=True)
class Clip:
    """A parsed file: joints in file order (parents first) and channel values (n, channels), degrees and file units."""

    joints: tuple[Joint, ...]
    frame_time_s: float
    values: Array
    notes: tuple[str, ...] = ()


def parse(path: Path, text: str) -> Clip:
    """Raises MotionFileInvalid with ``file:line`` for anything that is not a well-formed BVH."""
    lines = text.splitlines()
    joints, motion_line = read_hierarchy(path, lines)
    frame_count, frame_time_s, first_row = _motion_header(path, lines, motion_line)
    values, notes = _rows(path, lines, first_row, frame_count, joints)
    return Clip(joints, frame_time_s, values, notes)


def _motion_header(path: Path, lines: list[str], start: int) -> tuple[int, float, int]:
    """Frame count, frame time and the index of the first line of values."""
    found: dict[str, float] = {}
    for k in range(start, len(lines)):
        key, colon, value = lines[k].partition(":")
        if not lines[k].strip():
            continue
        key = " ".join(key.lower().split())
        if not colon or key not in ("frames", "frame time"):
            raise MotionFileInvalid(f"{path}:{k + 1}: expected 'Frames:' and 'Frame Time:' after MOTION")
        found[key] = read_number(f"{path}:{k + 1}", key.capitalize(), value.strip())
        if len(found) == 2:
            if not (found["frames"] >= 1 and found["frames"] == int(found["frames"])):
                raise MotionFileInvalid(f"{path}: holds {found['frames']:g} frames")
            if not 1e-5 < found["frame time"] < 10.0:
                raise MotionFileInvalid(f"{path}:{k + 1}: frame time of {found['frame time']:g} s is not plausible")
            return int(found["frames"]), found["frame time"], k + 1
    raise MotionFileInvalid(f"{path}:{len(lines)}: the file ends before 'Frame Time:' (truncated?)")


def _rows(
    path: Path, lines: list[str], start: int, frame_count: int, joints: tuple[Joint, ...]
) -> tuple[Array, tuple[str, ...]]:
    width = sum(len(joint.channels) for joint in joints)
    rows: list[Array] = []
    for k in range(start, len(lines)):
        words = lines[k].split()
        if not words:
            continue
        if len(rows) == frame_count:
            return np.array(rows), (f"holds more frames than the {frame_count} it announces; the rest is not played",)
        if len(words) != width:
            cut = " (truncated?)" if k + 1 == len(lines) and len(words) < width else ""
            raise MotionFileInvalid(f"{path}:{k + 1}: {len(words)} values where the joints have {width} channels{cut}")
        rows.append(_row(f"{path}:{k + 1}", words, joints))
    if len(rows) < frame_count:
        raise MotionFileInvalid(f"{path}:{len(lines)}: ends after {len(rows)} of {frame_count} frames (truncated?)")
    return np.array(rows), ()


def _row(where: str, words: list[str], joints: tuple[Joint, ...]) -> Array:
    try:
        row = np.array(words, dtype=np.float64)
        if np.all(np.isfinite(row)):
            return row
    except ValueError:
        pass
    for joint in joints:  # slow, only to say where
        for k, channel in enumerate(joint.channels):
            read_number(where, f"joint '{joint.name}' {channel}", words[joint.first_channel + k])
    raise MotionFileInvalid(f"{where}: holds a value that is not a finite number")
