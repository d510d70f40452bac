"""How punctual the control loop is: percentiles of the wake-up error, without storing a session."""

from __future__ import annotations

import numpy as np


class Jitter:
    """Histogram of wake-up errors in steps of 10 us up to 50 ms, and the worst one."""

    STEP_S, STEPS = 10e-6, 5000

    def __init__(self) -> None:
        self._counts = np.zeros(self.STEPS + 1, dtype=np.int64)
        self.worst_s = 0.0

    def add(self, late_s: float) -> None:
        self._counts[min(int(abs(late_s) / self.STEP_S), self.STEPS)] += 1
        self.worst_s = max(self.worst_s, late_s)

    def percentiles_us(self) -> dict[str, float]:
        """p50, p99, p99.9 and max of the wake-up error in microseconds (upper edge of the bin)."""
        total = int(self._counts.sum())
        if total == 0:
            return {"p50": 0.0, "p99": 0.0, "p99.9": 0.0, "max": 0.0}
        reached = np.cumsum(self._counts) / total
        edges = {f"p{p:g}": float(np.searchsorted(reached, p / 100) + 1) * self.STEP_S * 1e6 for p in (50, 99, 99.9)}
        return {**edges, "max": self.worst_s * 1e6}
