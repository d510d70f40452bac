"""Filters for raw tracking, ahead of the low-pass: One-Euro, Gaussian, Hampel; compiled, per joint, one tick at a time.

They see finite targets only (the path holds the last one), so no input can poison what they remember.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..compiled import njit
from ..types import Array

NONE, ONE_EURO, GAUSSIAN, HAMPEL = range(4)
MOST_TICKS = 255
# Rows of what is remembered of a joint: ticks since it began (0: nothing), and for One-Euro its output, speed, input.
COUNT, SMOOTH, SPEED, LAST = range(4)
# A Hampel filter compares with the median absolute deviation; this makes it the standard deviation of normal noise.
MAD_TO_SIGMA = 1.4826


def ranged(default: float, low: float, high: float) -> Any:
    """A field of a configuration that must be a number in [low, high]."""
    return field(default=default, metadata={"range": (low, high)})


@dataclass(frozen=True, slots=True)
class OneEuro:
    """Casiez 2012: a first-order low-pass whose cutoff rises with speed, by ``beta`` [Hz per rad/s]."""

    kind: ClassVar[str] = "one_euro"
    min_cutoff_hz: float = ranged(1.0, 0.01, 100.0)
    beta: float = ranged(1.0, 0.0, 1000.0)
    d_cutoff_hz: float = ranged(1.0, 0.01, 100.0)


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A weighted mean of the last ``window_s``, heaviest in its middle: lags by half the window, whatever moves."""

    kind: ClassVar[str] = "gaussian"
    window_s: float = ranged(0.06, 0.0, 0.5)


@dataclass(frozen=True, slots=True)
class Hampel:
    """Replaces a target by the median of the last ``window`` ticks when it is an outlier.

    That is when it is further from the median than ``k`` standard deviations (estimated from the median absolute
    deviation) and than ``floor_rad``.
    """

    kind: ClassVar[str] = "hampel"
    window: int = ranged(15, 3, MOST_TICKS)
    k: float = ranged(4.0, 0.5, 100.0)
    floor_rad: float = ranged(0.02, 0.0, 3.2)


Prefilter = OneEuro | Gaussian | Hampel | None
KINDS: tuple[type[OneEuro] | type[Gaussian] | type[Hampel], ...] = (OneEuro, Gaussian, Hampel)


@dataclass(frozen=True, slots=True)
class PrefilterState:
    """What the compiled tick works on: ``parameters`` (5,), ``weights`` (w,), ``history`` (w, n), ``memory`` (4, n)."""

    parameters: Array
    weights: Array
    history: Array
    memory: Array


def prefilter_state(prefilter: Prefilter, joint_count: int, dt_s: float) -> PrefilterState:
    """A prefilter that has seen nothing yet."""
    parameters, weights = np.zeros(5), np.ones(1)
    if isinstance(prefilter, OneEuro):
        parameters[:] = ONE_EURO, dt_s, prefilter.min_cutoff_hz, prefilter.beta, prefilter.d_cutoff_hz
    elif isinstance(prefilter, Gaussian):
        parameters[0] = GAUSSIAN
        weights = _bell(int(min(2 * round(prefilter.window_s / dt_s / 2) + 1, MOST_TICKS)))
    elif isinstance(prefilter, Hampel):
        parameters[:3] = HAMPEL, prefilter.k, prefilter.floor_rad
        weights = np.ones(int(prefilter.window))
    return PrefilterState(parameters, weights, np.zeros((len(weights), joint_count)), np.zeros((4, joint_count)))


def _bell(ticks: int) -> Array:
    """Weights of a Gaussian that is cut off at two standard deviations; their sum is 1."""
    x = np.linspace(-2.0, 2.0, ticks) if ticks > 1 else np.zeros(1)
    bell = np.exp(-(x**2) / 2.0)
    weights: Array = bell / bell.sum()
    return weights


@njit
def prefilter_tick(parameters: Array, weights: Array, history: Array, memory: Array, i: int, target: float) -> float:
    """One tick of joint ``i``; ``target`` must be finite. The first one after a reset passes as it is."""
    kind = int(parameters[0])
    if kind == NONE:
        return target
    first = memory[COUNT, i] == 0.0
    memory[COUNT, i] += 1.0
    if kind == ONE_EURO:
        if first:
            memory[SMOOTH, i], memory[SPEED, i], memory[LAST, i] = target, 0.0, target
            return target
        return _one_euro(parameters, memory, i, target)
    if first:
        history[:, i] = target
        return target
    ticks = len(weights)
    newest = int(memory[COUNT, i]) % ticks
    history[newest, i] = target
    if kind == HAMPEL:
        return _hampel(parameters, history, i, target)
    total = 0.0
    for k in range(ticks):
        total += weights[k] * history[(newest - k) % ticks, i]
    return total


@njit
def _one_euro(parameters: Array, memory: Array, i: int, target: float) -> float:
    dt, min_cutoff, beta, d_cutoff = parameters[1], parameters[2], parameters[3], parameters[4]
    share = _share(d_cutoff, dt)
    memory[SPEED, i] += share * ((target - memory[LAST, i]) / dt - memory[SPEED, i])
    memory[LAST, i] = target
    memory[SMOOTH, i] += _share(min_cutoff + beta * abs(memory[SPEED, i]), dt) * (target - memory[SMOOTH, i])
    return float(memory[SMOOTH, i])


@njit
def _share(cutoff_hz: float, dt: float) -> float:
    r = 2.0 * np.pi * cutoff_hz * dt
    return r / (r + 1.0)


@njit
def _hampel(parameters: Array, history: Array, i: int, target: float) -> float:
    middle = _median(history[:, i])
    off = abs(target - middle)
    if off <= parameters[2]:
        return target
    sigma = MAD_TO_SIGMA * _median(np.abs(history[:, i] - middle))
    return target if off <= parameters[1] * sigma else middle


@njit
def _median(values: Array) -> float:
    """By insertion: windows are short and nearly sorted already."""
    ordered = values.copy()
    for k in range(1, len(ordered)):
        value, j = ordered[k], k
        while j > 0 and ordered[j - 1] > value:
            ordered[j] = ordered[j - 1]
            j -= 1
        ordered[j] = value
    half = len(ordered) // 2
    return float(ordered[half]) if len(ordered) % 2 else float(ordered[half - 1] + ordered[half]) / 2.0
