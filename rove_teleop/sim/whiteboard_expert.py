"""How the scripted person erases a whiteboard: approach, press until it is felt, wipe back and forth over the ink."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from ..geometry import log_so3, transform
from ..types import Array
from .expert import Expert
from .tasks.board import ERASER_HALF_M, R_BOARD_ERASER

_LIFT_M = 0.025
_PRESS_N = 12.0
_YIELD_M_PER_N_S = 0.0015
"""How fast the hand moves towards the board per newton that is missing: the hand is soft, so that contact is."""
_DEEPEST_M, _HIGHEST_M = -0.03, 0.03
_STROKE_M = 0.025
_STROKE_S = 1.0


class WhiteboardExpert(Expert):
    """Phases ``approach``, ``wipe``, ``done``."""

    held_object = "eraser"
    in_goal = "true_eraser_on_board"
    attempt = "approach"
    R_goal_object: ClassVar[Array] = R_BOARD_ERASER

    def begin(self) -> None:
        self.phase = "approach"
        self._height_m = _LIFT_M
        self._side = 1.0
        self._stroke_s = 0.0

    def decide(self, T_goal_object: Array, features: Array, dt_s: float) -> tuple[Array, float]:
        target_m = np.array([self.value(features, "target_x_m"), self.value(features, "target_y_m")])
        off_m = float(np.linalg.norm(T_goal_object[:2, 3] - target_m))
        turned_rad = float(np.linalg.norm(log_so3(T_goal_object[:3, :3])))
        if self.value(features, "ink_remaining") <= 0.0:
            self.phase = "done"
        elif self.phase == "approach" and off_m < 0.02 and turned_rad < math.radians(4.0):
            self.phase, self._height_m = "wipe", _LIFT_M
        elif self.phase == "wipe" and turned_rad > math.radians(12.0):
            self.phase = "approach"
        if self.phase != "wipe":
            return _flat(target_m, _LIFT_M), 0.12
        self._press(self.value(features, "normal_force_n"), dt_s)
        return _flat(self._stroke(T_goal_object[:2, 3], target_m, dt_s), self._height_m), 0.10

    def _press(self, force_n: float, dt_s: float) -> None:
        self._height_m -= _YIELD_M_PER_N_S * (_PRESS_N - force_n) * dt_s
        self._height_m = float(np.clip(self._height_m, _DEEPEST_M, _HIGHEST_M))

    def _stroke(self, eraser_m: Array, target_m: Array, dt_s: float) -> Array:
        """Ends of strokes left and right of the ink, in turn: when one is reached, or cannot be."""
        self._stroke_s += dt_s
        end_m: Array = target_m + np.array([self._side * _STROKE_M, 0.0])
        if float(np.linalg.norm(eraser_m - end_m)) < 0.008 or self._stroke_s > _STROKE_S:
            self._side, self._stroke_s = -self._side, 0.0
        return end_m


def _flat(position_m: Array, height_m: float) -> Array:
    return transform(np.eye(3), np.array([position_m[0], position_m[1], ERASER_HALF_M[2] + height_m]))
