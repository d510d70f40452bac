"""Several detectors as one: all of their surprises together, the most surprised one, or the least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ..types import Array

Mode = Literal["together", "any", "all"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Surprise:
    """How surprising a score would be in a success: -log of the share of successes that ever show as much.

    A polyline through ``surprise`` (k,) at ``score`` (k,), both ascending. Beyond the highest score that any success
    showed it goes on by 1 per ``spread``.
    """

    score: tuple[float, ...]
    surprise: tuple[float, ...]
    spread: float

    def __call__(self, score: Array | float) -> Array:
        """Surprise (...,) of scores (...,)."""
        beyond = np.maximum(np.asarray(score) - self.score[-1], 0.0) / self.spread
        result: Array = np.interp(score, self.score, self.surprise) + beyond
        return result


@dataclass(frozen=True, slots=True)
class Combination:
    """The sum (``together``: Fisher's way to combine tests), the highest (``any``) or the lowest (``all``) surprise.

    Nothing is weighed: weights that were learned from a hundred episodes are worse on new ones than none. The combined
    score has a threshold of its own, so that the promise holds for the combination: the union of ten alarms of 5 %
    each would be no alarm of 5 %.
    """

    mode: Mode
    members: tuple[str, ...]
    surprise: tuple[Surprise, ...]

    def score(self, scores: Array) -> Array:
        """Combined scores (...,) of the members' (..., m)."""
        found = np.stack([of(scores[..., k]) for k, of in enumerate(self.surprise)], axis=-1)
        if self.mode == "together":
            return np.asarray(found.sum(axis=-1))
        return np.asarray(found.max(axis=-1) if self.mode == "any" else found.min(axis=-1))


def fit_surprise(maxima: Array) -> Surprise:
    """From the highest score (n,) of each of n successes. Of n + 1 equal episodes, one is the present one."""
    count = len(maxima)
    score, below = np.unique(np.sort(maxima), return_index=True)
    surprise = np.log((count + 1.0) / (count - below))
    spread = max(float(score[-1] - np.median(maxima)), 0.05 * abs(float(score[-1])), 1e-6)
    return Surprise(tuple(score.tolist()), tuple(surprise.tolist()), spread)


def fit_combination(mode: Mode, members: tuple[str, ...], maxima: Array) -> Combination:
    """From the members' highest scores (n, m) over n successes."""
    return Combination(mode, members, tuple(fit_surprise(column) for column in maxima.T))
