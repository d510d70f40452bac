"""Erase the whiteboard, in full: take the eraser from its stand, wipe, lift it off the clean board.

Frames are those of ``board.py``.
"""

from __future__ import annotations

from typing import ClassVar

import mujoco
import numpy as np

from ...errors import UsageError
from ...geometry import inverse, transform
from ...types import Array
from .board import ERASER_HALF_M
from .full import AT_FINGERTIPS_M, CLOSED_RAD, OPEN_RAD, FullTask, hand_names
from .holders import add_stand
from .interface import Outcome
from .whiteboard import SUCCESS_REMAINING, WhiteboardParams, WhiteboardTask

LIFTED_M = 0.03
"""Distance of the eraser from the board at the end."""
_SHIFT_M = np.array([0.0, 0.06, 0.0])
"""The board stands further to the left than in the short form: the stand is on its right."""
_WIDEST_M = 0.04


class FullWhiteboardTask(FullTask, WhiteboardTask):
    """Success: the marks are gone and the eraser, in the hand or not, is 3 cm off the board."""

    feature_names = (*WhiteboardTask.feature_names, *hand_names("eraser"))
    holder = "stand"
    holder_m: ClassVar[Array] = np.array([0.30, -0.45, 0.03])
    open_rad = OPEN_RAD
    fingers_rad = CLOSED_RAD

    def __init__(self, params: WhiteboardParams) -> None:
        super().__init__(params)
        self.T_hand_object[:3, 3] += AT_FINGERTIPS_M + np.array([0.03, 0.0, 0.004])
        if params.position_spread_m > _WIDEST_M:
            spread_m = params.position_spread_m
            raise UsageError(f"position_spread_m is {spread_m:g}: beyond {_WIDEST_M:g} board and stand collide")
        above = transform(np.eye(3), self.holder_m + np.array([-0.03, 0.03, 0.12]))
        self.T_base_wrist_start = above @ inverse(self.T_hand_object)
        self._near = 0.0

    def add_to(self, spec: mujoco.MjSpec) -> None:
        super().add_to(spec)
        add_stand(spec, self.holder_m)

    def reset(self, rng: np.random.Generator, data: mujoco.MjData) -> None:
        super().reset(rng, data)
        T_base_board = inverse(self._T_board_base)
        T_base_board[:3, 3] += _SHIFT_M
        self._T_board_base = inverse(T_base_board)
        self._T_base_board_seen = transform(self._T_base_board_seen[:3, :3], self._T_base_board_seen[:3, 3] + _SHIFT_M)
        data.mocap_pos[self._mocap] += _SHIFT_M
        self.place_holder(rng, data)

    def update(self, data: mujoco.MjData, dt_s: float, hold_force_n: Array) -> None:
        super().update(data, dt_s, hold_force_n)
        self.watch(data, dt_s)
        self._near = self.near_hand(data)

    @property
    def in_goal(self) -> bool:
        return False  # an eraser does not stay on a leaning board

    def features(self, data: mujoco.MjData) -> Array:
        return np.concatenate([super().features(data), self.hand_features(data)])

    @property
    def failure(self) -> str | None:
        return super().failure or self.lost

    def outcome(self) -> Outcome:
        clean = self.ink.remaining < SUCCESS_REMAINING
        off_m = float(self._T_board_eraser[2, 3]) - float(ERASER_HALF_M[2])
        lifted = min(1.0, max(0.0, off_m / LIFTED_M)) if clean else 0.0
        grasped = 0.15 if self.held else 0.1 * self._near
        progress = grasped + 0.75 * (1.0 - self.ink.remaining) + 0.1 * lifted
        return Outcome(min(progress, 1.0), lifted >= 1.0 and self.failure is None, self.failure)
