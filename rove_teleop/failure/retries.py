"""The same thing again: how often progress was lost after it had been gained."""

from __future__ import annotations

import math

from .opinion import Heard


class Retries:
    """Hears progress in [0, 1]; a retry is a fall of at least ``loss`` below the highest since the last retry."""

    name = "retries"
    hears: Heard = "progress"

    def __init__(self, loss: float = 0.05) -> None:
        self.loss = loss
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        self._count = 0
        self._high, self._low = -math.inf, math.inf

    def update(self, now_s: float, progress: float) -> float:
        """The number of retries so far; what is not finite changes nothing."""
        if not math.isfinite(progress):
            return float(self._count)
        self._low = min(self._low, progress)
        if progress >= self._low + self.loss or self._high == -math.inf:
            self._high = max(self._high, progress)
        if progress <= self._high - self.loss:
            self._count += 1
            self._high, self._low = -math.inf, progress
        return float(self._count)
