"""How good a critic is, in figures: does it rank what will fail below what will not, and do its values come true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from ..errors import DatasetInvalid
from ..types import Array
from .segments import monte_carlo
from .steps import EpisodeSteps


@dataclass(frozen=True, slots=True)
class Ranking:
    """``auc``: how often an episode that goes well is valued above one that fails; 0.5 is chance.

    ``low`` and ``high`` bound it with 95 % confidence (DeLong et al. 1988), over episodes.
    """

    auc: float
    low: float
    high: float
    well: int
    failing: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """Predicted against realised returns in bins of equal size by prediction (b,), in reward units.

    ``error`` (b,) is the standard error of ``realised`` over the episodes in a bin (NaN for a single one), since the
    steps of one episode share their end. An optimistic critic (tau above 0.5) predicts more than is realised.
    """

    predicted: Array
    realised: Array
    error: Array
    steps: NDArray[np.int64]

    @property
    def miss(self) -> float:
        """Mean absolute difference of prediction and realisation, weighed by steps."""
        return float(np.average(np.abs(self.predicted - self.realised), weights=self.steps))


def ranking(episodes: Sequence[EpisodeSteps], values: Sequence[Array]) -> tuple[Ranking, int]:
    """Ranking by the value at mid-episode, and which step that is, among the episodes that the policy drives then.

    ``values`` (k,) each. Mid-episode is the same step for all, half of the median length of the episodes that the
    policy began: half of each one's own length would look into the future, since failures take longer. An episode
    fails, seen from there, when it ends in failure or a person still has to take over (t_r lies ahead).

    Raises:
        DatasetInvalid: the policy drives in none then, or all go alike from there: there is nothing to rank.
    """
    lengths = [len(episode) for episode in episodes if not episode.source[0]]
    row = int(np.median(lengths)) // 2 if lengths else 0
    driven = [number for number, one in enumerate(episodes) if len(one) > row and not one.source[row]]
    value = np.array([values[number][row] for number in driven])
    failing = np.array([fails_after(episodes[number], row) for number in driven], bool)
    if failing.all() or not failing.any():
        how = "fail" if failing.any() else "go well"
        raise DatasetInvalid(f"the {len(driven)} episodes that a policy drives at step {row} all {how}: no ranking")
    return ranked(value[~failing], value[failing]), row


def fails_after(episode: EpisodeSteps, row: int) -> bool:
    """Whether the episode, from ``row`` on, ends in failure or still pays for a takeover."""
    return not episode.success or bool(episode.t_r[row:].any())


def ranked(well: Array, failing: Array) -> Ranking:
    """Mann-Whitney with ties; the variance from how each value is placed among those of the other class.

    ``well`` (w,) and ``failing`` (f,) hold values of episodes of either kind, at least one each.
    """
    pooled = rankdata(np.concatenate([well, failing]))
    above = (pooled[: len(well)] - rankdata(well)) / len(failing)
    below = 1.0 - (pooled[len(well) :] - rankdata(failing)) / len(well)
    auc = float(above.mean())
    variance = sum(float(one.var(ddof=1)) / len(one) for one in (above, below) if len(one) > 1)
    reach = float(norm.ppf(0.975)) * variance**0.5
    return Ranking(auc, max(0.0, auc - reach), min(1.0, auc + reach), len(well), len(failing))


def reliability(
    episodes: Sequence[EpisodeSteps], values: Sequence[Array], bins: int = 10, gamma: float = 1.0
) -> Reliability:
    """Predicted against realised returns of all steps of ``episodes``.

    Raises:
        DatasetInvalid: fewer steps than bins.
    """
    predicted = np.concatenate([np.asarray(one, np.float64) for one in values]) if len(values) else np.empty(0)
    if len(predicted) < bins:
        raise DatasetInvalid(f"{len(predicted)} steps are too few for {bins} bins")
    realised = np.concatenate([monte_carlo(episode, gamma) for episode in episodes])
    owner = np.repeat(np.arange(len(episodes)), [len(episode) for episode in episodes])
    groups = np.array_split(np.argsort(predicted, kind="stable"), bins)
    return Reliability(
        predicted=np.array([predicted[rows].mean() for rows in groups]),
        realised=np.array([realised[rows].mean() for rows in groups]),
        error=np.array([_clustered_error(realised[rows], owner[rows]) for rows in groups]),
        steps=np.array([len(rows) for rows in groups]),
    )


def _clustered_error(realised: Array, owner: NDArray[np.int64]) -> float:
    """Standard error of a mean whose samples come in clusters: by the clusters' sums of deviations."""
    clusters, index = np.unique(owner, return_inverse=True)
    if len(clusters) < 2:
        return float("nan")
    sums = np.bincount(index, realised - realised.mean())
    return float(np.sqrt(len(clusters) / (len(clusters) - 1) * np.sum(sums**2)) / len(realised))
