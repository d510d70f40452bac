"""Much motion, no distance: the commanded joints stay where they have been for a while. Catches stalls and loops."""

from __future__ import annotations

from collections import deque

import numpy as np

from ..types import Array
from .opinion import Heard


class GoingNowhere:
    """Hears commanded joints (n,); the score rises to 1 as the last ``window_s`` stay within a small box.

    It is 1 / (1 + d / ``scale_rad``), d the largest extent of any joint over the window; 0 until the window is full.
    """

    name = "going_nowhere"
    hears: Heard = "commanded"

    def __init__(self, window_s: float = 3.0, scale_rad: float = 0.1, period_s: float = 0.1) -> None:
        self.window_s, self.scale_rad, self.period_s = window_s, scale_rad, period_s
        self._size = round(window_s / period_s)
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        self._due_s = now_s
        self._seen: deque[Array] = deque(maxlen=self._size)
        self._score = 0.0

    def update(self, now_s: float, q_rad: Array) -> float:
        """How little the joints moved. Commands that are not finite are not looked at."""
        if now_s >= self._due_s - 1e-9:
            self._due_s = now_s + self.period_s
            if np.isfinite(q_rad).all():
                self._seen.append(q_rad.copy())
                if len(self._seen) == self._size:
                    extent_rad = float(np.ptp(np.array(self._seen), axis=0).max())
                    self._score = 1.0 / (1.0 + extent_rad / self.scale_rad)
        return self._score
