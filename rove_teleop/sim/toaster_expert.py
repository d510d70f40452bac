"""How the scripted person puts bread into a toaster: hover, align, descend, and try again when it jams."""

from __future__ import annotations

import math

import numpy as np

from ..geometry import log_so3, transform
from ..types import Array
from .expert import Expert

_HOVER_Z_M = 0.075
"""Height of the bread's middle over the opening while aligning (its lower edge is 5 cm below the middle)."""
_CLEAR_Z_M = 0.06
_OVER_LID_M = np.array([0.012, 0.004])
_INSERTED_Z_M = -0.004
_PUSH_LIMIT_N = 14.0
_TOLERANCE_M = np.array([0.008, 0.0015])
_TOLERANCE_RAD = math.radians(2.0)
_STEADY_S = 0.12
_STUCK_S = 0.7


class ToasterExpert(Expert):
    """Phases ``align``, ``descend``, ``retreat``, ``done``."""

    held_object = "bread"
    in_goal = "true_bread_in_slot"
    attempt = "align"

    def begin(self) -> None:
        self.phase = "align"
        self._since_s = 0.0
        self._lowest_m = math.inf
        self.retries = 0

    def decide(self, T_goal_object: Array, features: Array, dt_s: float) -> tuple[Array, float]:
        bread_m = T_goal_object[:3, 3]
        aligned = bool(np.all(np.abs(bread_m[:2]) <= _TOLERANCE_M)) and _angle(T_goal_object) <= _TOLERANCE_RAD
        if self.phase == "align":
            self._since_s = self._since_s + dt_s if aligned and bread_m[2] < _HOVER_Z_M + 0.01 else 0.0
            if self._since_s > _STEADY_S:
                self._enter("descend")
        elif self.phase == "descend":
            self._descend(bread_m, features, dt_s)
        elif self.phase == "retreat" and bread_m[2] > _CLEAR_Z_M:
            self._enter("align")
        return self._wanted(T_goal_object)

    def _descend(self, bread_m: Array, features: Array, dt_s: float) -> None:
        if bread_m[2] < self._lowest_m - 0.001:
            self._lowest_m, self._since_s = float(bread_m[2]), 0.0
        self._since_s += dt_s
        pushed_n = max(abs(self.value(features, f"force_{axis}_n")) for axis in "xyz")
        if bread_m[2] < _INSERTED_Z_M + 0.001:
            self._enter("done")
        elif self._since_s > _STUCK_S or pushed_n > _PUSH_LIMIT_N:
            self.retries += 1
            self._enter("retreat")

    def _wanted(self, T_goal_object: Array) -> tuple[Array, float]:
        bread_m = T_goal_object[:3, 3]
        if self.phase == "descend":
            return _upright(_INSERTED_Z_M - 0.004), 0.05
        if self.phase == "done":
            return _upright(_INSERTED_Z_M), 0.02
        over_the_lid = bool(np.any(np.abs(bread_m[:2]) > _OVER_LID_M)) and bread_m[2] < _CLEAR_Z_M
        if self.phase == "retreat" or over_the_lid:  # straight up: sideways or turning, the lid would catch the bread
            above_m = np.array([bread_m[0], bread_m[1], _HOVER_Z_M + 0.01])
            return transform(T_goal_object[:3, :3], above_m), 0.10
        return _upright(_HOVER_Z_M), 0.12

    def _enter(self, phase: str) -> None:
        self.phase, self._since_s, self._lowest_m = phase, 0.0, math.inf


def _angle(T_a_b: Array) -> float:
    return float(np.linalg.norm(log_so3(T_a_b[:3, :3])))


def _upright(z_m: float) -> Array:
    """Bread in the middle of the slot, parallel to it."""
    return transform(np.eye(3), np.array([0.0, 0.0, z_m]))
