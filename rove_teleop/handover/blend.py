"""Bumpless transfer: whatever offset exists at the switch decays to zero while both sides keep moving."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..types import Array

# Peak rate, acceleration and jerk of the minimum-jerk step of height 1 in time 1 (Flash and Hogan 1985).
PEAK_VELOCITY, PEAK_ACCELERATION, PEAK_JERK = 1.875, 5.7735, 60.0
MIN_BLEND_S = 0.2
# The decaying offset may use this share of the limits; the moving source needs the rest.
BLEND_SHARE = 0.5


class OffsetDecay:
    """Per joint a quintic from the offset (position, velocity, acceleration) at the switch to zero, at rest.

    The blend time follows from the offset and the limits, and is shared by the joints of a group.
    """

    def __init__(
        self,
        groups: Mapping[str, NDArray[np.int64]],
        v_max_rad_s: Array,
        a_max_rad_s2: Array,
        j_max_rad_s3: Array,
    ) -> None:
        self.groups = groups
        self._limits = tuple(BLEND_SHARE * limit for limit in (v_max_rad_s, a_max_rad_s2, j_max_rad_s3))
        n = len(v_max_rad_s)
        self._coefficients = np.zeros((6, n))
        self.duration_s = np.full(n, MIN_BLEND_S)
        self._started_s = -np.inf

    def start(self, now_s: float, offset: Array) -> None:
        """Begin at ``now_s`` with ``offset`` (3, n): position [rad], velocity [rad/s], acceleration [rad/s^2]."""
        self._started_s = now_s
        self.duration_s = self._durations(offset)
        d, v, a = offset
        t = self.duration_s
        self._coefficients = np.stack(
            [
                d,
                v,
                a / 2,
                -(20 * d + 12 * v * t + 3 * a * t**2) / (2 * t**3),
                (30 * d + 16 * v * t + 3 * a * t**2) / (2 * t**4),
                -(12 * d + 6 * v * t + a * t**2) / (2 * t**5),
            ]
        )

    def at(self, now_s: float) -> Array:
        """Offset (3, n) that is left at ``now_s``."""
        t = now_s - self._started_s
        c = self._coefficients
        position = c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))))
        velocity = c[1] + t * (2 * c[2] + t * (3 * c[3] + t * (4 * c[4] + t * 5 * c[5])))
        acceleration = 2 * c[2] + t * (6 * c[3] + t * (12 * c[4] + t * 20 * c[5]))
        left: Array = np.where(t < self.duration_s, np.stack([position, velocity, acceleration]), 0.0)
        return left

    def progress(self, now_s: float) -> Array:
        """How far the transfer is, per joint (n,), 0 at the switch and 1 when the offset is gone (minimum jerk)."""
        s = np.clip((now_s - self._started_s) / self.duration_s, 0.0, 1.0)
        result: Array = s**3 * (10.0 - 15.0 * s + 6.0 * s**2)
        return result

    def finished(self, now_s: float) -> bool:
        return bool(np.all(now_s - self._started_s >= self.duration_s))

    def _durations(self, offset: Array) -> Array:
        d, v, a = np.abs(offset)
        v_max, a_max, j_max = self._limits
        needed: Array = np.maximum.reduce(
            [
                PEAK_VELOCITY * d / v_max,
                np.sqrt(PEAK_ACCELERATION * d / a_max),
                np.cbrt(PEAK_JERK * d / j_max),
                # An initial speed needs a brake pulse of about twice v / a, an acceleration a ramp of a / j.
                3.0 * v / a_max + 2.0 * a / j_max,
                np.full(len(d), MIN_BLEND_S),
            ]
        )
        for index in self.groups.values():
            needed[index] = needed[index].max()
        return needed
