"""The HIERARCHY part of a BVH file: joints, offsets and channels, or the line that breaks it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...errors import MotionFileInvalid
from ...types import Array

CHANNELS = ("Xposition", "Yposition", "Zposition", "Xrotation", "Yrotation", "Zrotation")
END_SITE = -1


@dataclass(slots=True)
class Joint:
    """One joint; lengths in the file's unit. ``end_offset`` is its end site's, if it has one."""

    name: str
    parent: int
    offset: Array = field(default_factory=lambda: np.zeros(3))
    channels: tuple[str, ...] = ()
    first_channel: int = 0
    end_offset: Array | None = None


def read_hierarchy(path: Path, lines: list[str]) -> tuple[tuple[Joint, ...], int]:
    """The joints, parents first, and the index of the line after MOTION.

    Raises:
        MotionFileInvalid: with ``file:line``.
    """
    hierarchy = _Hierarchy()
    for k, line in enumerate(lines):
        hierarchy.where = f"{path}:{k + 1}"
        words = line.replace("{", " { ").replace("}", " } ").split()
        while words:
            word = words.pop(0).upper()
            if word == "MOTION":
                return hierarchy.finish(), k + 1
            words = hierarchy.take(word, words)
    raise MotionFileInvalid(f"{path}:{len(lines)}: the file ends before MOTION (truncated?)")


class _Hierarchy:
    """Joints so far, the open braces (index of a joint, or END_SITE), and what awaits its brace."""

    def __init__(self) -> None:
        self.where = ""
        self._joints: list[Joint] = []
        self._open: list[int] = []
        self._announced: int | None = None
        self._channel_count = 0

    def take(self, word: str, words: list[str]) -> list[str]:
        """Handle one keyword; return the words of its line that are left."""
        inside = bool(self._open) and self._announced is None
        if word == "HIERARCHY" and not self._joints:
            return words
        if word in ("ROOT", "JOINT") and self._announced is None and (word == "ROOT") == (not self._joints):
            return self._joint(word, words)
        if word == "END" and inside and self._open[-1] != END_SITE:
            self._announced = END_SITE
            return [w for w in words if w == "{"]
        if word == "{" and self._announced is not None:
            self._open.append(self._announced)
            self._announced = None
            return words
        if word == "}" and inside:
            self._open.pop()
            return words
        if word == "OFFSET" and inside:
            return self._offset(words)
        if word == "CHANNELS" and inside and self._open[-1] != END_SITE:
            return self._channels(self._joints[self._open[-1]], words)
        raise MotionFileInvalid(f"{self.where}: '{word[:40]}' is not expected here")

    def finish(self) -> tuple[Joint, ...]:
        if self._open or self._announced is not None or not self._joints:
            raise MotionFileInvalid(f"{self.where}: MOTION begins before the hierarchy is complete")
        return tuple(self._joints)

    def _joint(self, word: str, words: list[str]) -> list[str]:
        if word == "JOINT" and (not self._open or self._open[-1] == END_SITE):
            raise MotionFileInvalid(f"{self.where}: JOINT is not allowed outside of another joint")
        name = " ".join(w for w in words if w != "{")
        if not name:
            raise MotionFileInvalid(f"{self.where}: {word} has no name")
        self._joints.append(Joint(name, self._open[-1] if self._open else -1))
        self._announced = len(self._joints) - 1
        return [w for w in words if w == "{"]

    def _offset(self, words: list[str]) -> list[str]:
        if len(words) < 3:
            raise MotionFileInvalid(f"{self.where}: OFFSET needs 3 numbers, got {len(words)}")
        offset = np.array([read_number(self.where, "OFFSET", w) for w in words[:3]])
        if self._open[-1] == END_SITE:
            self._joints[self._open[-2]].end_offset = offset
        else:
            self._joints[self._open[-1]].offset = offset
        return words[3:]

    def _channels(self, joint: Joint, words: list[str]) -> list[str]:
        known = {name.lower(): name for name in CHANNELS}
        count = int(words[0]) if words and words[0].isdecimal() else -1
        names = words[1 : 1 + count]
        if count < 0 or len(names) != count:
            raise MotionFileInvalid(
                f"{self.where}: joint '{joint.name}' announces {words[:1]} channels but names {len(words) - 1}"
            )
        for name in names:
            if name.lower() not in known:
                raise MotionFileInvalid(f"{self.where}: joint '{joint.name}' has an unknown channel '{name[:40]}'")
        if len({name.lower() for name in names}) != count or joint.channels:
            raise MotionFileInvalid(f"{self.where}: joint '{joint.name}' names a channel twice")
        joint.channels = tuple(known[name.lower()] for name in names)
        joint.first_channel = self._channel_count
        self._channel_count += count
        return words[1 + count :]


def read_number(where: str, what: str, word: str) -> float:
    """A finite number, or an error that says where and what it should have been."""
    try:
        value = float(word)
    except ValueError as error:
        raise MotionFileInvalid(f"{where}: {what} is '{word[:40]}', not a number") from error
    if not math.isfinite(value):
        raise MotionFileInvalid(f"{where}: {what} is {word}, not a finite number")
    return value
