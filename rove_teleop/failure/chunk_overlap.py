"""A policy that changes its mind: consecutive chunks disagree where they overlap (ACC, TIDE)."""

from __future__ import annotations

from collections import deque

import numpy as np

from ..types import ActionChunk, Array
from .opinion import Heard


class ChunkOverlap:
    """Hears chunks; the score is the mean of the last ``window`` root mean square disagreements, in radians.

    A sliding window is neither as late as a sum over the episode nor as noisy as a single overlap.
    """

    name = "chunk_overlap"
    hears: Heard = "chunk"

    def __init__(self, window: int = 4) -> None:
        self.window = window
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        self._before: ActionChunk | None = None
        self._recent: deque[float] = deque(maxlen=self.window)

    def update(self, now_s: float, chunk: ActionChunk) -> float:
        """Disagreement with the chunk before; a chunk that is not finite or has other joints is not compared."""
        if np.isfinite(chunk.q_rad).all() and np.isfinite(chunk.offset_s).all():
            before, self._before = self._before, chunk
            apart_rad = None if before is None else disagreement(before, chunk)
            if apart_rad is not None:
                self._recent.append(apart_rad)
        return float(np.mean(self._recent)) if self._recent else 0.0


def disagreement(before: ActionChunk, after: ActionChunk) -> float | None:
    """Root mean square difference [rad] of two chunks where both have points; None where they do not overlap."""
    if not np.array_equal(before.joint_index, after.joint_index):
        return None
    stamp_s = after.received_s + after.offset_s
    known_s = before.received_s + before.offset_s
    both = (stamp_s >= known_s[0]) & (stamp_s <= known_s[-1])
    if not both.any():
        return None
    apart = after.q_rad[both] - _at(stamp_s[both], known_s, before.q_rad)
    return float(np.sqrt(np.mean(apart * apart)))


def _at(stamp_s: Array, known_s: Array, q_rad: Array) -> Array:
    """Rows (k, m) interpolated at ``stamp_s`` (k,) inside ``known_s`` (h,)."""
    right = np.clip(np.searchsorted(known_s, stamp_s), 1, len(known_s) - 1)
    share = (stamp_s - known_s[right - 1]) / (known_s[right] - known_s[right - 1])
    result: Array = q_rad[right - 1] + share[:, None] * (q_rad[right] - q_rad[right - 1])
    return result
