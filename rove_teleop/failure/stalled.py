"""Nothing gained: seconds since progress last rose, as the task reports it or as a network reads it from embeddings."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from ..types import Array
from .network import Network
from .opinion import Heard


class Stalled:
    """Hears the task's progress in [0, 1]; the score is in seconds, and begins anew with each gain."""

    name = "stalled"
    hears: Heard = "progress"

    def __init__(self, min_gain: float = 0.03) -> None:
        self.min_gain = min_gain
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        self._best = -math.inf
        self._since_s = now_s

    def update(self, now_s: float, progress: float) -> float:
        """Seconds since the best progress rose by ``min_gain``; what is not finite is no gain."""
        if math.isfinite(progress) and progress >= self._best + self.min_gain:
            self._best = progress
            self._since_s = now_s
        return now_s - self._since_s


class StalledEstimate:
    """The same for robots whose task reports no progress: a network learned, on successes, how much is done.

    Hears embeddings; estimates are averaged over the last ``window``.
    """

    name = "stalled_estimate"
    hears: Heard = "embedding"

    def __init__(self, done: Network, min_gain: float = 0.05, window: int = 3) -> None:
        self._done, self._window = done, window
        self._stalled = Stalled(min_gain)
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        self._stalled.begin(now_s)
        self._recent: deque[float] = deque(maxlen=self._window)

    def update(self, now_s: float, embedding: Array) -> float:
        """Seconds since the estimate last rose; embeddings of another size or not finite are no gain."""
        if embedding.shape == (self._done.inputs,) and np.isfinite(embedding).all():
            self._recent.append(float(self._done(self._done.scaled(embedding))[0]))
        return self._stalled.update(now_s, float(np.mean(self._recent)) if self._recent else math.nan)
