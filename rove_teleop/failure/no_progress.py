"""The simplest detector: nothing has been gained for too long."""

from __future__ import annotations

import math


class NoProgress:
    """Raises its score from 0 to 1 while the best progress seen has not risen by ``min_gain`` for ``patience_s``."""

    threshold = 1.0
    """The score from which on there is an alarm."""

    def __init__(self, patience_s: float = 3.0, min_gain: float = 0.03) -> None:
        self.patience_s = patience_s
        self.min_gain = min_gain
        self.reset(0.0)

    def reset(self, now_s: float) -> None:
        """A new attempt begins now."""
        self._best = -math.inf
        self._since_s = now_s
        self.score = 0.0

    def update(self, now_s: float, progress: float) -> float:
        """Take the progress in [0, 1]; return the score in [0, 1]. What is not finite is no gain."""
        if math.isfinite(progress) and progress >= self._best + self.min_gain:
            self._best = progress
            self._since_s = now_s
        self.score = min(max((now_s - self._since_s) / self.patience_s, 0.0), 1.0)
        return self.score

    @property
    def alarm(self) -> str | None:
        """A sentence for the supervisor once the patience is used up."""
        if self.score < self.threshold:
            return None
        return f"no progress for {self.patience_s:g} s: consider taking over"
