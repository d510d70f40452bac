"""Several detectors as one: any of them, all of them, or weighed by what failures looked like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..types import Array

Extreme = Literal["any", "all"]
Mode = Literal["any", "all", "weighed"]
MODES: tuple[Mode, ...] = get_args(Mode)
MOST = 5.0
"""In a weighed sum no detector counts for more than this many spreads: one wild score must not decide alone."""


@dataclass(frozen=True, slots=True)
class Combination:
    """The highest (``any``), the lowest (``all``) or the weighed sum of the members' scores (m,).

    Each counts minus its ``centre`` and over its ``spread``. The combined score has a threshold of its own, so that
    the promise holds for the combination: the union of ten alarms of 5 % each would be no alarm of 5 %.
    """

    mode: Mode
    members: tuple[str, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    weight: tuple[float, ...] = ()

    def score(self, scores: Array) -> Array:
        """Combined scores (...,) of the members' (..., m)."""
        relative = (scores - np.array(self.centre)) / np.array(self.spread)
        if self.mode == "weighed":
            weighed: Array = np.clip(relative, -MOST, MOST) @ np.array(self.weight)
            return weighed
        result: Array = relative.max(axis=-1) if self.mode == "any" else relative.min(axis=-1)
        return result


def fit_extreme(mode: Extreme, members: tuple[str, ...], maxima: Array) -> Combination:
    """``any`` or ``all`` from the members' maxima (n, m) over successful episodes.

    The centre is their median, the spread from there to the highest tenth.
    """
    centre = np.median(maxima, axis=0)
    spread = np.quantile(maxima, 0.9, axis=0) - centre
    floor = np.maximum(0.05 * np.abs(centre), 1e-6)
    return Combination(mode, members, tuple(centre.tolist()), tuple(np.maximum(spread, floor).tolist()))


def fit_weighed(
    members: tuple[str, ...], scores: Array, failed: NDArray[np.bool_], weight: Array, ridge: float = 0.01
) -> Combination:
    """Logistic regression of how episodes end on the scores (k, m) at their looks, by Newton's method.

    ``failed`` (k,) and ``weight`` (k,) belong to the looks; weights should let every episode count the same. No weight
    is negative: a detector that finds success suspicious is worth nothing, not less.
    """
    centre, spread = scores.mean(axis=0), np.maximum(scores.std(axis=0), 1e-6)
    x = np.clip((scores - centre) / spread, -MOST, MOST)
    kept = np.arange(len(members))
    beta = _logistic(x, failed, weight, ridge)
    while len(kept) > 1 and (beta < 0.0).any():
        kept = kept[beta >= 0.0] if (beta >= 0.0).any() else kept[[int(np.argmax(beta))]]
        beta = _logistic(x[:, kept], failed, weight, ridge)
    names = tuple(members[i] for i in kept)
    return Combination(
        "weighed", names, tuple(centre[kept].tolist()), tuple(spread[kept].tolist()), tuple(beta.tolist())
    )


def _logistic(x: Array, failed: NDArray[np.bool_], weight: Array, ridge: float) -> Array:
    """Weights (m,) without the intercept, which a threshold replaces."""
    ones = np.column_stack([x, np.ones(len(x))])
    share = weight / weight.sum()
    penalty = np.full(ones.shape[1], ridge)
    penalty[-1] = 0.0
    beta = np.zeros(ones.shape[1])
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-np.clip(ones @ beta, -30.0, 30.0)))
        gradient = ones.T @ (share * (p - failed)) + penalty * beta
        curvature = (ones * (share * p * (1.0 - p))[:, None]).T @ ones + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, gradient)
        beta -= step
        if np.max(np.abs(step)) < 1e-8:
            break
    return beta[:-1]
