"""A stop that is known in closed form, tick by tick, before it is needed.

Time is discrete: a tick applies ``v += dt * a`` and then ``q += dt * v``, so the finite differences of what is sent
are exactly the quantities that are limited. From (v, a) a plan *releases* the acceleration to zero in ``n`` equal
steps and then brakes with one symmetric pulse: ``m`` ticks up, ``p`` ticks at the peak, ``m`` ticks down. All counts
are whole ticks, and the peak is lowered so that the velocity is zero exactly at the end. Sums of first, second
and third powers give every position on the way without simulating it; docs/command_filter.md has the derivation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Array
from .limits import Limits

# Counts are rounded up; this keeps rounding noise of an exact multiple from costing one more tick.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class StopPlan:
    """Per joint (n,): the acceleration at tick k = 1, 2, ... of a stop from a velocity and an acceleration."""

    a_start: Array
    release_ticks: Array
    v_released: Array
    peak: Array
    ramp_ticks: Array
    hold_ticks: Array

    @property
    def ticks(self) -> Array:
        """Ticks until rest (n,)."""
        return self.release_ticks + 2 * self.ramp_ticks + self.hold_ticks

    def acceleration(self, k: Array) -> Array:
        """Acceleration [rad/s^2] of tick k (n,), counted from 1; zero once the plan is over."""
        n = self.release_ticks
        release = self.a_start * (1.0 - k / np.maximum(n, 1.0))
        j = k - n
        ramp = np.maximum(self.ramp_ticks, 1.0)
        shape = np.minimum(np.minimum(j, 2 * self.ramp_ticks + self.hold_ticks - j) / ramp, 1.0)
        result: Array = np.where(k <= n, release, -self.peak * np.maximum(shape, 0.0))
        return result


def plan_stop(v: Array, a: Array, limits: Limits) -> StopPlan:
    """Plan a stop for each joint from velocity ``v`` [rad/s] and acceleration ``a`` [rad/s^2]."""
    dt, a_max, j_max = limits.dt_s, limits.a_max_rad_s2, limits.j_max_rad_s3
    n = np.ceil(np.abs(a) / (j_max * dt) - _ROUNDING)
    v_released = v + dt * a * np.maximum(n - 1.0, 0.0) / 2.0
    speed = np.abs(v_released)
    m_full = np.ceil(a_max / (j_max * dt) - _ROUNDING)
    m = np.minimum(np.ceil(np.sqrt(speed / j_max) / dt - _ROUNDING), m_full)
    p = np.maximum(np.ceil(speed / (a_max * dt) - m - _ROUNDING), 0.0)
    p = np.where(m < m_full, 0.0, p)
    peak = v_released / (dt * np.maximum(m + p, 1.0))
    return StopPlan(a, n, v_released, peak, m, p)


def position_range(q: Array, v: Array, plan: StopPlan, dt_s: float) -> tuple[Array, Array]:
    """Lowest and highest position (n,) that the plan visits from position ``q`` and velocity ``v``, ``q`` included."""
    n = plan.release_ticks
    q_released = q + _release_distance(n, v, plan, dt_s)
    length = 2 * plan.ramp_ticks + plan.hold_ticks
    q_end = q_released + dt_s * plan.v_released * np.maximum(length / 2.0 - 1.0, 0.0)
    turn = _turning_tick(v, plan, dt_s)
    q_before = q + _release_distance(np.floor(turn), v, plan, dt_s)
    q_after = q + _release_distance(np.minimum(np.ceil(turn), n), v, plan, dt_s)
    visited = np.stack([q, q_before, q_after, q_released, q_end])
    return visited.min(axis=0), visited.max(axis=0)


def _release_distance(k: Array, v: Array, plan: StopPlan, dt_s: float) -> Array:
    """Distance covered in the first k ticks of the release: dt * sum of v_i, v_i = v + dt a (i - i(i+1)/(2n))."""
    n = np.maximum(plan.release_ticks, 1.0)
    distance: Array = dt_s * (
        k * v + dt_s * plan.a_start * (k * (k + 1.0) / 2.0 - k * (k + 1.0) * (k + 2.0) / (6.0 * n))
    )
    return distance


def _turning_tick(v: Array, plan: StopPlan, dt_s: float) -> Array:
    """The real number of ticks (n,) in [0, n] after which the velocity changes sign in the release; 0 if never."""
    n, a = plan.release_ticks, plan.a_start
    reverses = v * plan.v_released < 0.0
    safe_a = np.where(reverses, a, 1.0)
    b = 2.0 * n - 1.0
    root = (b - np.sqrt(np.maximum(b * b + 8.0 * n * v / (dt_s * safe_a), 0.0))) / 2.0
    turn: Array = np.where(reverses, np.minimum(np.maximum(root, 0.0), n), 0.0)
    return turn
