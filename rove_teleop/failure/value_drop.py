"""A critic that loses hope: how far the value fell below the best of the last seconds."""

from __future__ import annotations

import math
from collections import deque

from .opinion import Heard


class ValueDrop:
    """Hears the value that a policy or a critic gives the situation; higher is better, any unit."""

    name = "value_drop"
    hears: Heard = "value"

    def __init__(self, window_s: float = 4.0) -> None:
        self.window_s = window_s
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def update(self, now_s: float, value: float) -> float:
        """Best of the window minus the present value; a value that is not finite is not looked at."""
        if math.isfinite(value):
            self._seen.append((now_s, value))
        while self._seen and self._seen[0][0] < now_s - self.window_s:
            self._seen.popleft()
        return max(item[1] for item in self._seen) - self._seen[-1][1] if self._seen else 0.0
