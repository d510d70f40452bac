"""Thresholds that keep a promise: split conformal prediction on successful episodes, constant or along the time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import CalibrationFailed
from ..types import Array
from .opinion import NEVER

BAND_STEP_S = 0.5


@dataclass(frozen=True, slots=True)
class Threshold:
    """An alarm is a score above ``centre + level * width`` at two looks in a row.

    ``centre`` and ``width`` (k,) belong to seconds since the beginning ``stamp_s`` (k,), with the ends held; a constant
    threshold has one of each, 0 and 1.
    """

    level: float = NEVER
    stamp_s: tuple[float, ...] = (0.0,)
    centre: tuple[float, ...] = (0.0,)
    width: tuple[float, ...] = (1.0,)

    def exceedance(self, elapsed_s: Array | float, score: Array | float) -> Array:
        """By how many widths scores (k,) at ``elapsed_s`` (k,) are above the centre."""
        if len(self.stamp_s) == 1:
            return np.asarray((score - self.centre[0]) / self.width[0])
        centre = np.interp(elapsed_s, self.stamp_s, self.centre)
        return np.asarray((score - centre) / np.interp(elapsed_s, self.stamp_s, self.width))

    def at(self, elapsed_s: float) -> float:
        """The score that must be exceeded now."""
        if len(self.stamp_s) == 1:
            return self.centre[0] + self.level * self.width[0]
        centre = float(np.interp(elapsed_s, self.stamp_s, self.centre))
        return centre + self.level * float(np.interp(elapsed_s, self.stamp_s, self.width))


def voted(exceedance: Array) -> Array:
    """What two looks in a row agree on (k - 1,): the lower of each two (k,)."""
    return np.minimum(exceedance[1:], exceedance[:-1])


def fewest_successes(alpha: float) -> int:
    """How many successful episodes a promise of ``alpha`` false alarms needs."""
    return math.ceil(1.0 / alpha - 1.0 - 1e-9)


def conformal_level(maxima: Array, alpha: float) -> float:
    """The level that the maximum (n,) of a further successful episode exceeds with a probability of at most ``alpha``.

    The promise holds for episodes that are like those of the calibration, which must have seen nothing of the fitting,
    on average over calibrations.

    Raises:
        CalibrationFailed: fewer successes than this promise needs; the sentence says what can be promised.
    """
    count = len(maxima)
    if not 0.0 < alpha < 1.0:
        raise CalibrationFailed(f"alpha must be between 0 and 1, got {alpha:g}")
    needed = fewest_successes(alpha)
    if count < needed:
        possible = f"{count} allow alpha {1.0 / (count + 1.0):.3f} at best" if count else "there are none"
        raise CalibrationFailed(
            f"a false-alarm rate of {alpha:g} needs at least {needed} successful episodes to calibrate with: {possible}"
        )
    rank = math.ceil((count + 1) * (1.0 - alpha) - 1e-9)
    return float(np.sort(maxima)[rank - 1])


def fit_band(tracks: list[tuple[Array, Array]]) -> Threshold:
    """Centre and width of scores over the time, from (elapsed_s (k,), score (k,)) of successful episodes; no level yet.

    A moment counts with all episodes that last so long; where fewer than five do, the last such moment is held.
    """
    longest_s = sorted((float(stamps[-1]) for stamps, _ in tracks if len(stamps)), reverse=True)
    if not longest_s:
        return Threshold()
    end_s = longest_s[min(4, len(longest_s) - 1)]
    stamp_s = np.arange(0.0, end_s + 1e-9, BAND_STEP_S)
    centre, width = np.empty(len(stamp_s)), np.empty(len(stamp_s))
    for row, now_s in enumerate(stamp_s):
        scores = np.array([np.interp(now_s, *track) for track in tracks if len(track[0]) and track[0][-1] >= now_s])
        centre[row], width[row] = scores.mean(), scores.std()
    floor = 0.1 * float(width.max()) or 1e-6
    return Threshold(NEVER, tuple(stamp_s.tolist()), tuple(centre.tolist()), tuple(np.maximum(width, floor).tolist()))
