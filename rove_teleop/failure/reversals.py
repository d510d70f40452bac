"""To and fro: how often the commanded joints turn back. Needs nothing but what is sent to the robot."""

from __future__ import annotations

from collections import deque

import numpy as np

from ..types import Array
from .opinion import Heard


class Reversals:
    """Hears commanded joints (n,); the score is turning points of all joints per second over ``window_s``.

    A joint has turned once it moved back by ``turn_rad`` from its extreme, so that noise is not counted. It looks at
    one command per ``period_s``, whatever the rate of control.
    """

    name = "reversals"
    hears: Heard = "commanded"

    def __init__(self, window_s: float = 4.0, turn_rad: float = 0.02, period_s: float = 0.04) -> None:
        self.window_s, self.turn_rad, self.period_s = window_s, turn_rad, period_s
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        self._due_s = now_s
        self._turns: deque[tuple[float, int]] = deque()
        self._total = 0
        self._rising: Array | None = None

    def update(self, now_s: float, q_rad: Array) -> float:
        """Turning points per second. Commands that are not finite are not looked at."""
        if now_s >= self._due_s - 1e-9:
            self._due_s = now_s + self.period_s
            self._look(now_s, q_rad)
        return self._total / self.window_s

    def _look(self, now_s: float, q_rad: Array) -> None:
        while self._turns and self._turns[0][0] < now_s - self.window_s:
            self._total -= self._turns.popleft()[1]
        if not np.isfinite(q_rad).all():
            return
        if self._rising is None:
            self._rising, self._extreme = np.zeros(len(q_rad)), q_rad.copy()
            return
        moved = q_rad - self._extreme
        onwards = moved * self._rising > 0.0
        turned = ~onwards & (np.abs(moved) > self.turn_rad)
        count = int(np.count_nonzero(turned & (self._rising != 0.0)))
        self._rising = np.where(turned, np.sign(moved), self._rising)
        self._extreme = np.where(onwards | turned, q_rad, self._extreme)
        if count:
            self._turns.append((now_s, count))
            self._total += count
