"""How good alarms are: rates with their intervals, ranking, and how early."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import Array


@dataclass(frozen=True, slots=True)
class Judged:
    """One detector over one episode.

    ``failed``: it failed, or a person had to step in at ``trigger_s`` (NaN: nobody did). The policy drove from second
    0 until ``end_s``. ``highest`` is the most that two looks agreed on; ``alarm_s`` is the first alarm, NaN for none.
    """

    failed: bool
    end_s: float
    trigger_s: float
    highest: float
    alarm_s: float


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` of ``total``, with its 95 % Wilson interval; NaN where there was nothing to count."""

    count: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.count / self.total if self.total else math.nan


@dataclass(frozen=True, slots=True)
class Figures:
    """One detector over many episodes.

    ``lead_s`` and ``lead_share`` are medians over true alarms: seconds, and share of the episode, from the alarm to
    its end; ``trigger_lead_s`` from the alarm to the person's trigger (negative: the person was first).
    """

    detector: str
    auroc: float
    balanced_accuracy: float
    true_alarms: Rate
    false_alarms: Rate
    lead_s: float
    lead_share: float
    trigger_lead_s: float


def figures(detector: str, episodes: Sequence[Judged]) -> Figures:
    """What ``detector`` is worth on ``episodes``."""
    failed = np.array([item.failed for item in episodes], dtype=bool)
    alarm_s = np.array([item.alarm_s for item in episodes])
    end_s = np.array([item.end_s for item in episodes])
    trigger_s = np.array([item.trigger_s for item in episodes])
    highest = np.array([item.highest for item in episodes])
    raised = np.isfinite(alarm_s)
    true, false = (
        wilson(int((raised & failed).sum()), int(failed.sum())),
        wilson(int((raised & ~failed).sum()), int((~failed).sum())),
    )
    hit = raised & failed
    return Figures(
        detector,
        auroc(highest[failed], highest[~failed]),
        0.5 * (true.value + 1.0 - false.value),
        true,
        false,
        _median(end_s[hit] - alarm_s[hit]),
        _median((end_s[hit] - alarm_s[hit]) / end_s[hit]),
        _median((trigger_s - alarm_s)[hit & np.isfinite(trigger_s)]),
    )


def auroc(positive: Array, negative: Array) -> float:
    """Probability that a positive (p,) ranks above a negative (n,), ties half; NaN without both."""
    if not len(positive) or not len(negative):
        return math.nan
    order: NDArray[np.bool_] = positive[:, None] > negative
    ties: NDArray[np.bool_] = positive[:, None] == negative
    return float(order.mean() + 0.5 * ties.mean())


def wilson(count: int, total: int, z: float = 1.959964) -> Rate:
    """A rate with its 95 % Wilson interval."""
    if not total:
        return Rate(count, total, math.nan, math.nan)
    p, spread = count / total, z * z / total
    centre = (p + spread / 2.0) / (1.0 + spread)
    half = math.sqrt(p * (1.0 - p) * spread + spread * spread / 4.0) / (1.0 + spread)
    return Rate(count, total, max(centre - half, 0.0), min(centre + half, 1.0))


def _median(values: Array) -> float:
    return float(np.median(values)) if len(values) else math.nan
