"""How a careful hand moves towards a pose: bounded speed, no sudden starts, position and rotation together."""

from __future__ import annotations

import numpy as np

from ..geometry import exp_so3, log_so3, transform
from ..types import Array

_APPROACH_PER_S = 6.0
"""Closer than speed / 6 per second the hand slows down in proportion to what is left."""
_SETTLE_S = 0.06
"""Time constant with which the hand takes up a wanted velocity."""


class HandMotion:
    """A pose that follows goals. ``T_base_hand`` is where the hand is now; ``speed_rad_s`` bounds its turning."""

    def __init__(self, T_base_hand: Array, speed_rad_s: float = 0.8) -> None:
        self.T_base_hand = T_base_hand.copy()
        self._speed_rad_s = speed_rad_s
        self._velocity_m_s = np.zeros(3)
        self._turn_rad_s = np.zeros(3)

    def step(self, T_base_goal: Array, speed_m_s: float, dt_s: float) -> Array:
        """Move for ``dt_s`` towards the goal; return the new T_base_hand."""
        now = self.T_base_hand
        left_rad = log_so3(T_base_goal[:3, :3] @ now[:3, :3].T)
        gain = min(1.0, dt_s / _SETTLE_S)
        self._velocity_m_s += gain * (_wanted(T_base_goal[:3, 3] - now[:3, 3], speed_m_s) - self._velocity_m_s)
        self._turn_rad_s += gain * (_wanted(left_rad, self._speed_rad_s) - self._turn_rad_s)
        rotation = exp_so3(self._turn_rad_s * dt_s) @ now[:3, :3]
        self.T_base_hand = transform(rotation, now[:3, 3] + self._velocity_m_s * dt_s)
        return self.T_base_hand


def _wanted(left: Array, limit: float) -> Array:
    velocity: Array = _APPROACH_PER_S * left
    size = float(np.linalg.norm(velocity))
    return velocity if size <= limit else velocity * (limit / size)
