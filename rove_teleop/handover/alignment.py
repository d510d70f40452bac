"""The alignment gate: may the operator's pose take the place of the robot's, joint group by joint group?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import Array


@dataclass(frozen=True, slots=True)
class Threshold:
    """A group opens once all its joints were within ``enter_rad`` for ``dwell_s``; it closes beyond ``exit_rad``."""

    enter_rad: float
    exit_rad: float
    dwell_s: float


OF_KIND: dict[str, Threshold] = {
    "arm": Threshold(0.15, 0.25, 0.3),
    # Nobody matches fifteen finger joints by eye; a wrong finger is also less dangerous than a wrong elbow.
    "hand": Threshold(0.35, 0.5, 0.2),
    "torso": Threshold(0.15, 0.25, 0.3),
    "head": Threshold(0.25, 0.4, 0.2),
}
_KIND_OF_NAME = {"arm": "arm", "hand": "hand", "waist": "torso", "torso": "torso", "neck": "head", "head": "head"}


def threshold_of(group: str) -> Threshold:
    """The threshold for a group by the last word of its name; what is no known part of a body is held like an arm."""
    return OF_KIND[_KIND_OF_NAME.get(group.rsplit("_", 1)[-1], "arm")]


@dataclass(frozen=True, slots=True)
class GroupAlignment:
    """One group: whether it is open, the joint that is furthest away, how far, and how near it has to be now."""

    aligned: bool
    worst_joint: int
    error_rad: float
    within_rad: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """The gate's answer for each group that has operator targets; a group without any cannot be misaligned."""

    groups: Mapping[str, GroupAlignment]

    def worst(self, taken: Collection[str] | None = None) -> tuple[str, GroupAlignment] | None:
        """Of the groups that are taken (None: all) the closed one that is furthest away, if need be the furthest one.

        None when none of the taken groups has a target: then nothing is aligned.
        """
        found = [(name, group) for name, group in self.groups.items() if taken is None or name in taken]
        return max(found, key=lambda pair: (not pair[1].aligned, pair[1].error_rad), default=None)

    def aligned(self, taken: Collection[str] | None = None) -> bool:
        """Whether every group that is taken (None: all) is open."""
        worst = self.worst(taken)
        return worst is not None and worst[1].aligned

    def misaligned(self, joint_names: tuple[str, ...], taken: Collection[str] | None = None) -> str | None:
        """None when aligned, else which joint holds the takeover back, and by how much."""
        worst = self.worst(taken)
        if worst is None:
            return "the operator's pose is not known"
        name, group = worst
        if group.aligned:
            return None
        away = f"not aligned: {joint_names[group.worst_joint]} is {group.error_rad:.2f} rad away"
        if group.error_rad <= group.within_rad:
            return f"not aligned: hold the pose a moment longer ({name})"
        return f"{away} (the {name} must come within {group.within_rad:.2f} rad)"


class AlignmentGate:
    """One gate per group, each with its own thresholds and its own dwell."""

    def __init__(
        self, groups: Mapping[str, NDArray[np.int64]], thresholds: Mapping[str, Threshold] | None = None
    ) -> None:
        self.groups = groups
        self.thresholds = {name: (thresholds or {}).get(name) or threshold_of(name) for name in groups}
        self._within_since_s: dict[str, float] = {}
        self._open: set[str] = set()

    def reset(self) -> None:
        self._within_since_s.clear()
        self._open.clear()

    def update(self, now_s: float, q_robot_rad: Array, q_operator_rad: Array, valid: NDArray[np.bool_]) -> Alignment:
        """Compare poses (n,); joints without an operator target (``valid`` is False) do not count."""
        error = np.abs(q_operator_rad - q_robot_rad)
        error = np.where(valid, np.where(np.isfinite(error), error, np.inf), 0.0)
        answers: dict[str, GroupAlignment] = {}
        for name, index in self.groups.items():
            if not np.any(valid[index]):
                self._close(name)
                continue
            worst = int(index[np.argmax(error[index])])
            threshold = self.thresholds[name]
            self._step(now_s, name, float(error[worst]))
            is_open = name in self._open
            within_rad = threshold.exit_rad if is_open else threshold.enter_rad
            answers[name] = GroupAlignment(is_open, worst, float(error[worst]), within_rad)
        return Alignment(answers)

    def _close(self, name: str) -> None:
        self._within_since_s.pop(name, None)
        self._open.discard(name)

    def _step(self, now_s: float, name: str, error_rad: float) -> None:
        threshold = self.thresholds[name]
        if not (error_rad <= (threshold.exit_rad if name in self._open else threshold.enter_rad)):
            self._close(name)
            return
        since_s = self._within_since_s.setdefault(name, now_s)
        if now_s - since_s >= threshold.dwell_s:
            self._open.add(name)
