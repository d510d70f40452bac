"""Behind: hardly any success had got no further than this by now."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..types import Array
from .network import Tensors
from .opinion import Heard

STEP_S = 0.25
FINISHED = 2.0
"""Whoever has succeeded is ahead of every progress."""


class Behind:
    """Hears the task's progress in [0, 1]; the score is -log of the share of successes that were no further by now.

    ``progress`` (n, k) is the best progress of n successes every `STEP_S`. Of n + 1 equal episodes, one is the
    present one, so the score ends at log(n + 1).
    """

    name = "behind"
    hears: Heard = "progress"

    def __init__(self, progress: NDArray[np.float32]) -> None:
        if progress.ndim != 2 or not progress.size or not np.isfinite(progress).all():
            raise ValueError(f"the progress of successes is {progress.shape} or not finite")
        self._columns = [np.sort(column) for column in progress.T]
        self._count = len(progress)
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        self._began_s, self._best = now_s, 0.0

    def update(self, now_s: float, progress: float) -> float:
        """The score for the best progress so far; what is not finite is no progress."""
        if math.isfinite(progress):
            self._best = max(self._best, progress)
        column = self._columns[min(int((now_s - self._began_s) / STEP_S), len(self._columns) - 1)]
        no_further = int(np.searchsorted(column, self._best, side="right"))
        return math.log((self._count + 1.0) / (no_further + 1.0))


def fit_behind(successes: Sequence[tuple[Array, Array, float]]) -> Tensors:
    """From (stamp_s (k,), progress (k,), duration_s) of successes; none where nobody heard a progress."""
    heard = [item for item in successes if len(item[0])]
    if not heard:
        return {}
    now_s = np.arange(0.0, max(duration_s for _, _, duration_s in heard) + STEP_S, STEP_S)
    rows = [_best_at(now_s, *item) for item in heard]
    return {f"{Behind.name}.progress": np.array(rows, dtype=np.float32)}


def _best_at(now_s: Array, stamp_s: Array, progress: Array, duration_s: float) -> Array:
    best = np.maximum.accumulate(np.append(0.0, np.nan_to_num(progress, nan=0.0)))
    found: Array = best[np.searchsorted(stamp_s, now_s, side="right")]
    found[now_s >= duration_s] = FINISHED
    return found
