"""How late and how exactly what was sent follows what was asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..control.motion_path import NOBODY, OPERATOR, POLICY, PathLog
from ..types import Array
from .replay import Recorded

LONGEST_LAG_S = 0.4
SETTLED_S = 0.5
"""A driver counts from this long after it took a joint: the same ticks for every candidate, whatever its blend."""
STILL_RAD = 2e-3
"""Targets that move less than this (standard deviation) do not show a lag."""


@dataclass(frozen=True, slots=True)
class Following:
    """Lag [s] (NaN where nothing moved enough to tell), rms error [rad] as sent, and with the lag taken out.

    ``samples`` counts joint-ticks; sums of several are weighted by it.
    """

    lag_s: float
    error_rad: float
    aligned_error_rad: float
    samples: int


def asked(inputs: Recorded, log: PathLog, q_min_rad: Array, q_max_rad: Array) -> Array:
    """(t, n) the newest finite target of whoever drives each joint, inside the position limits; NaN before any."""
    targets = {POLICY: inputs.q_policy_rad, OPERATOR: inputs.q_operator_rad}
    result = np.full(log.driver.shape, np.nan)
    for who, q_rad in targets.items():
        held = np.clip(_held(q_rad), q_min_rad, q_max_rad)
        drives = log.driver == who
        result[drives] = held[drives]
    return result


def _held(q_rad: Array) -> Array:
    """Each joint's last finite value, NaN before the first."""
    finite = np.isfinite(q_rad)
    if finite.all():
        return q_rad
    newest = np.maximum.accumulate(np.where(finite, np.arange(len(q_rad))[:, None], -1), axis=0)
    held: Array = np.take_along_axis(q_rad, np.maximum(newest, 0), axis=0)
    held[newest < 0] = np.nan
    return held


def driven(driver: NDArray[np.int64], who: int, dt_s: float) -> NDArray[np.bool_]:
    """(t, n) whether ``who`` has driven each joint for ``SETTLED_S``."""
    rows = np.arange(len(driver))[:, None]
    last_other = np.maximum.accumulate(np.where(driver == who, -1, rows), axis=0)
    settled: NDArray[np.bool_] = rows - last_other > round(SETTLED_S / dt_s)
    return settled & (who != NOBODY)


def following(target_rad: Array, sent_rad: Array, counts: NDArray[np.bool_], dt_s: float) -> Following:
    """One lag for all joints: the shift of the target at which the squared error over ``counts`` (t, n) is smallest.

    Found on a coarse grid of lags, then tick by tick, then between ticks by a parabola.
    """
    counts = counts & np.isfinite(target_rad)
    reach = round(LONGEST_LAG_S / dt_s)
    counts[:reach] = False
    samples = int(np.count_nonzero(counts))
    if samples == 0:
        return Following(np.nan, np.nan, np.nan, 0)
    joints = np.flatnonzero(counts.any(axis=0))
    target, sent, weight = target_rad[:, joints], sent_rad[:, joints], counts[:, joints]
    rows = np.flatnonzero(weight.any(axis=1))
    weight = weight[rows]
    sent = sent[rows]

    def cost(lag: int) -> float:
        error = np.where(weight, sent - target[rows - lag], 0.0)
        return float(np.nansum(error * error)) / samples

    error = cost(0)
    moving = np.nanstd(np.where(weight, target[rows], np.nan), axis=0)
    if not np.max(moving) > STILL_RAD:
        return Following(np.nan, error**0.5, error**0.5, samples)
    costs = {lag: cost(lag) for lag in range(0, reach + 1, 10)}
    step = 10
    while step > 1:
        best = min(costs, key=lambda lag: costs[lag])
        step = max(step // 3, 1)
        for lag in (best - step, best + step):
            if 0 <= lag <= reach and lag not in costs:
                costs[lag] = cost(lag)
    while True:  # the grid may have stopped beside the valley's floor
        best = min(costs, key=lambda lag: costs[lag])
        missing = [lag for lag in (best - 1, best + 1) if 0 <= lag <= reach and lag not in costs]
        if not missing:
            break
        costs.update({lag: cost(lag) for lag in missing})
    place, lowest = _between(best, costs)
    return Following(place * dt_s, error**0.5, max(lowest, 0.0) ** 0.5, samples)


def _between(best: int, costs: dict[int, float]) -> tuple[float, float]:
    """Place and height of the lowest point of the parabola through the best lag and its neighbours."""
    if best - 1 not in costs or best + 1 not in costs:
        return float(best), costs[best]
    before, here, after = costs[best - 1], costs[best], costs[best + 1]
    bend = before - 2.0 * here + after
    if not bend > 0.0:
        return float(best), here
    aside = 0.5 * (before - after) / bend
    return best + aside, here - 0.125 * (before - after) ** 2 / bend


def together(parts: list[Following]) -> Following:
    """Several as one: errors by their squares, lags by their mean, both weighted by samples."""
    samples = sum(part.samples for part in parts)
    if samples == 0:
        return Following(np.nan, np.nan, np.nan, 0)
    weights = np.array([part.samples for part in parts], dtype=np.float64)
    lags = np.array([part.lag_s for part in parts])
    tells = np.isfinite(lags)
    lag_s = float(np.average(lags[tells], weights=weights[tells])) if tells.any() else np.nan
    return Following(
        lag_s,
        _rms(np.array([part.error_rad for part in parts]), weights),
        _rms(np.array([part.aligned_error_rad for part in parts]), weights),
        samples,
    )


def _rms(values: Array, weights: Array) -> float:
    there = weights > 0.0
    return float(np.sqrt(np.average(values[there] ** 2, weights=weights[there])))
