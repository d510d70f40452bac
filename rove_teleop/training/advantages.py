"""Advantages: how much better the next H steps went than the critic expected, and which of them are good enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import DatasetInvalid
from ..types import Array
from .segments import HORIZON, spans
from .steps import EpisodeSteps

PERCENTILE = 70.0
"""Of the pooled advantages; what lies above is positive (the paper's, about 30 % of the steps)."""


def advantages(episode: EpisodeSteps, value: Array, horizon: int = HORIZON, gamma: float = 1.0) -> Array:
    """(k,) ``r_t + ... + gamma^(n-1) r_(t+n-1) + gamma^n V(s_(t+n)) - V(s_t)``, truncated as critic targets are.

    NaN at the last step before a cut, where nothing is known. ``value`` (k,) is in reward units.

    Raises:
        DatasetInvalid: a value for another number of steps.
    """
    if value.shape != (len(episode),):
        raise DatasetInvalid(f"episode {episode.name} has {len(episode)} steps, but values of shape {value.shape}")
    span = spans(episode, horizon, gamma)
    found: Array = span.reward_sum + span.discount * value[span.end] - value
    return np.where(span.usable, found, np.nan)


def threshold(found: Sequence[Array], percentile: float = PERCENTILE) -> float:
    """The ``percentile`` of all advantages that are known, pooled. A step is positive strictly above it.

    Raises:
        DatasetInvalid: there is no advantage to take a percentile of.
    """
    pooled = np.concatenate([np.asarray(one, np.float64) for one in found]) if len(found) else np.empty(0)
    known = pooled[np.isfinite(pooled)]
    if not len(known):
        raise DatasetInvalid(f"there is no advantage to take the {percentile:g}th percentile of")
    return float(np.percentile(known, percentile))
