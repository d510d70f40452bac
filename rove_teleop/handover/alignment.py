"""The alignment gate: may the operator's pose take the place of the robot's?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import Array


@dataclass(frozen=True, slots=True)
class Alignment:
    """The gate's answer: whether it is open, and the joint that is furthest away."""

    aligned: bool
    worst_joint: int
    error_rad: float
    group_error_rad: Mapping[str, float]


class AlignmentGate:
    """Opens when every group has been within ``enter_rad`` for ``dwell_s``; closes beyond ``exit_rad``."""

    def __init__(
        self,
        groups: Mapping[str, NDArray[np.int64]],
        enter_rad: float = 0.15,
        exit_rad: float = 0.25,
        dwell_s: float = 0.3,
    ) -> None:
        self.groups = groups
        self.enter_rad, self.exit_rad, self.dwell_s = enter_rad, exit_rad, dwell_s
        self._within_since_s: float | None = None
        self._open = False

    def reset(self) -> None:
        self._within_since_s = None
        self._open = False

    def update(self, now_s: float, q_robot_rad: Array, q_operator_rad: Array, valid: NDArray[np.bool_]) -> Alignment:
        """Compare poses (n,); joints without an operator target do not count. No valid joint at all never aligns."""
        error = np.where(valid, np.abs(q_operator_rad - q_robot_rad), 0.0)
        error = np.where(np.isfinite(error), error, np.inf)
        per_group = {name: float(np.max(error[index], initial=0.0)) for name, index in self.groups.items()}
        worst = int(np.argmax(error))
        self._step(now_s, float(error[worst]), bool(np.any(valid)))
        return Alignment(self._open, worst, float(error[worst]), per_group)

    def _step(self, now_s: float, worst_rad: float, any_valid: bool) -> None:
        limit = self.exit_rad if self._open else self.enter_rad
        if not any_valid or not (worst_rad <= limit):
            self.reset()
            return
        if self._within_since_s is None:
            self._within_since_s = now_s
        self._open = self._open or now_s - self._within_since_s >= self.dwell_s
