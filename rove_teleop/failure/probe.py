"""Learned from failures: a small network on embeddings that says how likely this attempt fails (after SAFE)."""

from __future__ import annotations

from collections import deque

import numpy as np

from ..types import Array
from .network import Network
from .opinion import Heard

BACK = 5
"""The network also sees how the embedding changed over this many embeddings: a stall is no change."""
WINDOW = 3


class Probe:
    """Hears embeddings (d,); the score is the mean of the last log-odds of failure."""

    name = "probe"
    hears: Heard = "embedding"

    def __init__(self, network: Network) -> None:
        self._network = network
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        self._began_s = now_s
        self._seen: deque[Array] = deque(maxlen=BACK + 1)
        self._recent: deque[float] = deque(maxlen=WINDOW)

    def update(self, now_s: float, embedding: Array) -> float:
        """Log-odds of failure; embeddings of another size or not finite are not looked at."""
        if 2 * len(embedding) + 1 == self._network.inputs and np.isfinite(embedding).all():
            self._seen.append(embedding)
            inputs = probe_inputs(embedding, self._seen[0], now_s - self._began_s)
            self._recent.append(float(self._network(self._network.scaled(inputs))[0]))
        return float(np.mean(self._recent)) if self._recent else 0.0


def probe_inputs(embedding: Array, earlier: Array, elapsed_s: float) -> Array:
    """What the network sees (2 d + 1,): the embedding, its change, and for how long the policy drives."""
    return np.concatenate([embedding, embedding - earlier, [elapsed_s]])
