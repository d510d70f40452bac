"""How the hands of a person who took over moved, as curves: speed, jerk, how far they get, how close the robot is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from ..types import Array

GRID_S = 0.01
"""Curves are judged, and kept as evidence, on a grid of their own: ticks may be lost and devices are slower."""
FEWEST = 5
CALM_M, SMOOTHING_S_PER_M, MOST_EXTRA_S = 0.0004, 50.0, 0.07
"""Who trembles more than `CALM_M` is smoothed for longer: rests would drown in the tremble otherwise."""
MOVING = 0.3
"""A point that moves less than this share of the one that moves most is not what the person works with."""


@dataclass(frozen=True, slots=True)
class HumanMotion:
    """One intervention from takeover to end, ticks (t,).

    ``asked_m`` (t, p, 3) are points of the hands where the person wanted them, ``done_m`` where the robot was sent;
    NaN where there is none. ``value`` (t,) is a critic's value, None where there is no critic.
    """

    stamp_s: Array
    asked_m: Array
    done_m: Array
    value: Array | None = None


@dataclass(frozen=True, slots=True)
class MotionCurves:
    """Curves on a grid (g,) of `GRID_S`. ``straightness`` (0 to 1), ``travel_m`` and ``value_rise`` look ahead.

    ``value_rise`` is NaN without a critic.
    """

    stamp_s: Array
    speed_m_s: Array
    jerk_m_s3: Array
    residual_m: Array
    straightness: Array
    travel_m: Array
    value_rise: Array


def motion_curves(motion: HumanMotion, smoothing_s: float, travel_smoothing_s: float, ahead_s: float) -> MotionCurves:
    """The curves of one intervention; ``ahead_s`` is how far to look.

    ``smoothing_s`` is the least width of the smoothing of speeds, more is taken for hands that tremble;
    ``travel_smoothing_s`` that of the path whose straightness is judged.

    Raises:
        ValueError: the person said nowhere, or too shortly, where a hand should be.
    """
    rows, points = _known(motion)
    stamp_s = motion.stamp_s[rows]
    grid_s = np.arange(stamp_s[0], stamp_s[-1] + 0.5 * GRID_S, GRID_S) if len(stamp_s) else stamp_s
    if len(grid_s) < FEWEST:
        raise ValueError("nobody said for long enough where a hand should be")
    asked_m = _on_grid(grid_s, stamp_s, motion.asked_m[rows][:, points])
    done_m = _on_grid(grid_s, stamp_s, motion.done_m[rows][:, points])
    width = smoothing_s / GRID_S
    path_m = gaussian_filter1d(asked_m, width, axis=0, mode="nearest")
    tremor_m = float(np.median(_size(asked_m - path_m)))
    width += np.clip((tremor_m - CALM_M) * SMOOTHING_S_PER_M, 0.0, MOST_EXTRA_S) / GRID_S
    path_m = gaussian_filter1d(asked_m, width, axis=0, mode="nearest")
    velocity_m_s = np.gradient(path_m, GRID_S, axis=0)
    jerk_m_s3 = np.gradient(np.gradient(velocity_m_s, GRID_S, axis=0), GRID_S, axis=0)
    speed_m_s = _size(velocity_m_s)
    later = np.minimum(np.arange(len(grid_s)) + max(round(ahead_s / GRID_S), 1), len(grid_s) - 1)
    way_m = gaussian_filter1d(asked_m, travel_smoothing_s / GRID_S, axis=0, mode="nearest")
    travel_m = _size(way_m[later] - way_m)
    length_m = np.cumsum(_size(np.gradient(way_m, axis=0)))
    straightness = travel_m / np.maximum(length_m[later] - length_m, 1e-6)
    residual_m = gaussian_filter1d(_size(asked_m - done_m), width, mode="nearest")
    rise = np.full(len(grid_s), np.nan)
    if motion.value is not None:
        value = np.interp(grid_s, stamp_s, motion.value[rows])
        rise = value[later] - value
    return MotionCurves(grid_s, speed_m_s, _size(jerk_m_s3), residual_m, np.minimum(straightness, 1.0), travel_m, rise)


def _known(motion: HumanMotion) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Ticks and points to look at: points that are asked for and move; a hand that rests would halve every speed."""
    known: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(motion.asked_m + motion.done_m), axis=-1)
    share = np.sum(known, axis=0)
    points: NDArray[np.bool_] = (share > 0) & (share >= 0.5 * np.max(share, initial=0))
    rows: NDArray[np.bool_] = np.logical_and.reduce(known[:, points], axis=1) & points.any()
    if rows.any():
        moved_m = np.linalg.norm(np.std(motion.asked_m[rows], axis=0), axis=1)
        moved_m[~points] = 0.0
        points = points & (moved_m >= MOVING * np.max(moved_m))
    return rows, points


def _on_grid(grid_s: Array, stamp_s: Array, values: Array) -> Array:
    flat = values.reshape(len(values), -1)
    columns = [np.interp(grid_s, stamp_s, column) for column in flat.T]
    return np.stack(columns, axis=1).reshape(len(grid_s), *values.shape[1:])


def _size(vectors: Array) -> Array:
    """(g, p, 3) to (g,): the root mean square over the points."""
    size: Array = np.sqrt(np.mean(np.sum(vectors**2, axis=2), axis=1))
    return size
