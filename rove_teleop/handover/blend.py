"""Bumpless transfer: whatever offset exists at the switch decays to zero while both sides keep moving."""

from __future__ import annotations

import math

from ..compiled import njit
from ..types import Array

# Peak rate, acceleration and jerk of the minimum-jerk step of height 1 in time 1 (Flash and Hogan 1985).
PEAK_VELOCITY, PEAK_ACCELERATION, PEAK_JERK = 1.875, 5.7735, 60.0
MIN_BLEND_S = 0.2
# The decaying offset may use this share of the limits (unless configured); the moving source needs the rest.
BLEND_SHARE = 0.5


@njit
def blend_duration(
    d: float,
    v: float,
    a: float,
    v_max: float,
    a_max: float,
    j_max: float,
    share: float = BLEND_SHARE,
    min_s: float = MIN_BLEND_S,
) -> float:
    """Seconds in which an offset (position, velocity, acceleration) can decay within ``share`` of the limits."""
    v_max, a_max, j_max = share * v_max, share * a_max, share * j_max
    d, v, a = abs(d), abs(v), abs(a)
    of_position = max(
        PEAK_VELOCITY * d / v_max, math.sqrt(PEAK_ACCELERATION * d / a_max), math.pow(PEAK_JERK * d / j_max, 1.0 / 3.0)
    )
    # An initial speed needs a brake pulse of about twice v / a, an acceleration a ramp of a / j.
    return max(of_position, 3.0 * v / a_max + 2.0 * a / j_max, min_s)


@njit
def quintic(d: float, v: float, a: float, duration_s: float, coefficients: Array) -> None:
    """Coefficients (6,) of the polynomial in time from (d, v, a) to zero, at rest, after ``duration_s``."""
    t = duration_s
    coefficients[0], coefficients[1], coefficients[2] = d, v, a / 2.0
    coefficients[3] = -(20.0 * d + 12.0 * v * t + 3.0 * a * t**2) / (2.0 * t**3)
    coefficients[4] = (30.0 * d + 16.0 * v * t + 3.0 * a * t**2) / (2.0 * t**4)
    coefficients[5] = -(12.0 * d + 6.0 * v * t + a * t**2) / (2.0 * t**5)


@njit
def offset_at(c: Array, t: float) -> tuple[float, float, float]:
    """Position, velocity and acceleration that are left ``t`` seconds after the switch."""
    position = c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))))
    velocity = c[1] + t * (2.0 * c[2] + t * (3.0 * c[3] + t * (4.0 * c[4] + t * 5.0 * c[5])))
    acceleration = 2.0 * c[2] + t * (6.0 * c[3] + t * (12.0 * c[4] + t * 20.0 * c[5]))
    return position, velocity, acceleration


@njit
def progress(share: float) -> float:
    """How far a transfer is after a share of its time: 0 at the switch, 1 when the offset is gone (minimum jerk)."""
    s = min(max(share, 0.0), 1.0)
    return s**3 * (10.0 - 15.0 * s + 6.0 * s**2)


@njit
def crossfade(linear: bool, share: float, duration_s: float) -> tuple[float, float, float]:
    """Weight of the new source after a share of a fixed time, its rate and acceleration; what others do, to compare."""
    s = min(max(share, 0.0), 1.0)
    if linear:
        return s, 1.0 / duration_s, 0.0
    rate, bend = 30.0 * s**2 * (1.0 - s) ** 2, 60.0 * s * (1.0 - 3.0 * s + 2.0 * s**2)
    return progress(s), rate / duration_s, bend / duration_s**2
