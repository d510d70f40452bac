"""Somewhere new: what the policy sees is unlike what it saw when it succeeded. Novelty alone is no failure."""

from __future__ import annotations

from collections import deque

import numpy as np

from ..types import Array
from .network import Network
from .opinion import Heard

WINDOW = 3
"""Scores are means over this many embeddings."""


class Novelty:
    """Random network distillation: the error of a network that learned, on successes, to say what a random one says."""

    name = "novelty"
    hears: Heard = "embedding"

    def __init__(self, random: Network, learned: Network) -> None:
        self._random, self._learned = random, learned
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW)

    def update(self, now_s: float, embedding: Array) -> float:
        """Mean squared error of the prediction, averaged over the last embeddings."""
        if embedding.shape == (self._random.inputs,) and np.isfinite(embedding).all():
            scaled = self._random.scaled(embedding)
            apart = self._random(scaled) - self._learned(scaled)
            self._recent.append(float(np.mean(apart * apart)))
        return float(np.mean(self._recent)) if self._recent else 0.0


class FlowNovelty:
    """logpZO: one step along a flow that carries embeddings of successes to noise; far from zero is unlikely."""

    name = "flow_novelty"
    hears: Heard = "embedding"

    def __init__(self, velocity: Network) -> None:
        self._velocity = velocity
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW)

    def update(self, now_s: float, embedding: Array) -> float:
        """Mean square of where the embedding lands, averaged over the last embeddings."""
        if embedding.shape == (self._velocity.inputs,) and np.isfinite(embedding).all():
            scaled = self._velocity.scaled(embedding)
            landed = scaled + self._velocity(scaled)
            self._recent.append(float(np.mean(landed * landed)))
        return float(np.mean(self._recent)) if self._recent else 0.0
