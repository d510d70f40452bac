"""BVH text into joints and channel values; our own parser, because errors must name line and joint and the libraries
at hand pull in a plotting package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...errors import MotionFileInvalid
from ...types import Array

CHANNELS = ("Xposition", "Yposition", "Zposition", "Xrotation", "Yrotation", "Zrotation")


@dataclass(slots=True)
class Joint:
    """One joint of the hierarchy; lengths in the file's unit. ``end_offset`` is its end site, if it has one."""

    name: str
    parent: int
    line: int
    offset: Array = field(default_factory=lambda: np.zeros(3))
    channels: tuple[str, ...] = ()
    first_channel: int = 0
    end_offset: Array | None = None


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
    joints, motion_line = _hierarchy(path, lines)
    frame_count, frame_time_s, first_row = _motion_header(path, lines, motion_line)
    values, notes = _rows(path, lines, first_row, frame_count, joints)
    return Clip(joints, frame_time_s, values, notes)


def _hierarchy(path: Path, lines: list[str]) -> tuple[tuple[Joint, ...], int]:
    """The joints, and the index of the line after MOTION."""
    joints: list[Joint] = []
    open_blocks: list[int | None] = []  # index of the joint of each open brace, None for an end site
    announced: list[int | None] = []  # a joint or end site whose brace has not come yet
    channel_count = 0
    for k, line in enumerate(lines):
        words = line.replace("{", " { ").replace("}", " } ").split()
        where = f"{path}:{k + 1}"
        while words:
            word = words.pop(0).upper()
            if word == "HIERARCHY":
                continue
            if word == "MOTION":
                if open_blocks or announced or not joints:
                    raise MotionFileInvalid(f"{where}: MOTION begins before the hierarchy is complete")
                return tuple(joints), k + 1
            if word in ("ROOT", "JOINT"):
                parent = open_blocks[-1] if open_blocks else -1
                if parent is None or announced or (word == "ROOT") != (not joints and parent == -1):
                    raise MotionFileInvalid(f"{where}: {word} is not allowed here")
                name = " ".join(w for w in words if w != "{")
                if not name:
                    raise MotionFileInvalid(f"{where}: {word} has no name")
                words = [w for w in words if w == "{"]
                joints.append(Joint(name, parent, k + 1))
                announced.append(len(joints) - 1)
            elif word == "END":
                words = [w for w in words if w == "{"]
                if not open_blocks or open_blocks[-1] is None or announced:
                    raise MotionFileInvalid(f"{where}: End Site is not allowed here")
                announced.append(None)
            elif word == "{":
                if not announced:
                    raise MotionFileInvalid(f"{where}: '{{' without a joint")
                open_blocks.append(announced.pop())
            elif word == "}":
                if not open_blocks or announced:
                    raise MotionFileInvalid(f"{where}: '}}' without an open joint")
                open_blocks.pop()
            elif word == "OFFSET" and open_blocks:
                offset = np.array([_number(where, "OFFSET", w) for w in words[:3]])
                if len(offset) != 3:
                    raise MotionFileInvalid(f"{where}: OFFSET needs 3 numbers, got {len(offset)}")
                words = words[3:]
                if open_blocks[-1] is None:
                    joints[next(b for b in reversed(open_blocks) if b is not None)].end_offset = offset
                else:
                    joints[open_blocks[-1]].offset = offset
            elif word == "CHANNELS" and open_blocks and open_blocks[-1] is not None:
                joint = joints[open_blocks[-1]]
                joint.channels, words = _channels(where, joint.name, words)
                joint.first_channel = channel_count
                channel_count += len(joint.channels)
            else:
                raise MotionFileInvalid(f"{where}: '{word}' is not expected here")
    raise MotionFileInvalid(f"{path}:{len(lines)}: the file ends before MOTION (truncated?)")


def _channels(where: str, joint: str, words: list[str]) -> tuple[tuple[str, ...], list[str]]:
    known = {name.lower(): name for name in CHANNELS}
    count = int(words[0]) if words and words[0].isdigit() else -1
    names = words[1 : 1 + count]
    if count < 0 or len(names) != count:
        raise MotionFileInvalid(f"{where}: joint '{joint}' announces {words[:1]} channels but names {len(words) - 1}")
    for name in names:
        if name.lower() not in known:
            raise MotionFileInvalid(f"{where}: joint '{joint}' has an unknown channel '{name}'")
    channels = tuple(known[name.lower()] for name in names)
    if len(set(channels)) != len(channels):
        raise MotionFileInvalid(f"{where}: joint '{joint}' names a channel twice")
    return channels, words[1 + count :]


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
        found[key] = _number(f"{path}:{k + 1}", key.capitalize(), value.strip())
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
            cut = " (truncated?)" if k + 1 == len(lines) else ""
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
            _number(where, f"joint '{joint.name}' {channel}", words[joint.first_channel + k])
    raise MotionFileInvalid(f"{where}: holds a value that is not a finite number")


def _number(where: str, what: str, word: str) -> float:
    try:
        value = float(word)
    except ValueError as error:
        raise MotionFileInvalid(f"{where}: {what} is '{word[:40]}', not a number") from error
    if not math.isfinite(value):
        raise MotionFileInvalid(f"{where}: {what} is {word}, not a finite number")
    return value
