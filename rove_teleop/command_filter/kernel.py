"""The filter's arithmetic, one joint at a time, compiled: a tick of 50 joints takes a few microseconds.

Time is discrete: a tick applies ``v += dt * a`` and then ``q += dt * v``, so the finite differences of what is sent
are exactly the quantities that are limited. docs/command_filter.md has the derivations.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..types import Array, Reason

Flags = NDArray[np.bool_]
Bits = NDArray[np.uint32]

# Rows of a joint's state.
Q, V, A, A_START, RELEASE, PEAK, UP, HOLD, DOWN, TICK = range(10)
ROWS = 10
# Rows of a joint's limits.
Q_MIN, Q_MAX, V_MAX, A_MAX, J_MAX = range(5)

# Counts are rounded up; this keeps rounding noise of an exact multiple from costing one more tick. It adds at most
# twice itself to a jerk, which is promised to 1e-9.
_ROUNDING = 1e-11
POSITION_GAIN_PER_S = 20.0
VELOCITY_GAIN_PER_S = 60.0
# Share of the limits that the tracking law itself uses; the rest is left to correct with.
USABLE_SHARE = 0.8
# Ticks of the longest stop that the tracking law leaves unused, so that rounding up never refuses its wish.
SPARE_TICKS = 2.0

_NOT_FINITE, _OUTSIDE = int(Reason.TARGET_NOT_FINITE), int(Reason.TARGET_OUTSIDE_POSITION)
_VELOCITY, _ACCELERATION, _JERK = (
    int(Reason.LIMITED_VELOCITY),
    int(Reason.LIMITED_ACCELERATION),
    int(Reason.LIMITED_JERK),
)
_BRAKING, _HOLDING = int(Reason.BRAKING_FOR_POSITION), int(Reason.HOLDING)


@njit
def plan_stop(v: float, a: float, a_max: float, j_max: float, dt: float) -> tuple[float, float, float, float, float]:
    """A stop from (v, a): ticks of release, peak acceleration, ticks up to the peak, at the peak, and back to zero.

    An acceleration that brakes already and not too much is raised to the peak. Any other is first released to zero in
    equal steps; then one symmetric pulse takes the velocity to zero. Both end at rest exactly.
    """
    n = math.ceil(abs(a) / (j_max * dt) - _ROUNDING)
    v_released = v + dt * a * max(n - 1.0, 0.0) / 2.0
    if a * v < 0.0 and v_released * v > 0.0:
        peak, up, hold, down = _brake_on(abs(v) / dt, abs(a), a_max, j_max * dt)
        if up > 0.0:
            return 0.0, math.copysign(peak, a), up, hold, down
    speed = abs(v_released)
    m_full = math.ceil(a_max / (j_max * dt) - _ROUNDING)
    m = math.ceil(math.sqrt(speed / j_max) / dt - _ROUNDING)
    p = 0.0
    if m >= m_full:
        m = m_full
        p = max(math.ceil(speed / (a_max * dt) - m - _ROUNDING), 0.0)
    peak = v_released / (dt * max(m + p, 1.0))
    return float(n), -peak, float(m), p, float(m)


@njit
def _brake_on(speed: float, b: float, a_max: float, step: float) -> tuple[float, float, float, float]:
    """A pulse that begins at deceleration ``b``: its peak and ticks up, at the peak, down; zeros when none fits.

    ``speed`` is v / dt and ``step`` the change of acceleration per tick, J dt. The pulse must remove all of ``speed``:
    b (up - 1) / 2 + peak ((up + down) / 2 + hold).
    """
    highest = min(math.sqrt(step * speed + b * b / 2.0), a_max)
    up = max(math.ceil((highest - b) / step - _ROUNDING), 1.0)
    down = max(math.ceil(highest / step - _ROUNDING), 1.0)
    left = speed - b * (up - 1.0) / 2.0
    hold = 0.0 if highest < a_max else max(math.ceil(left / a_max - (up + down) / 2.0 - _ROUNDING), 0.0)
    for more in (0.0, 1.0, -1.0):  # whole ticks can leave the peak a step too high or low: down in one more or less
        peak = left / ((up + down + more) / 2.0 + hold)
        if down + more >= 1.0 and 0.0 < peak <= min(a_max, step * (down + more)) and abs(peak - b) <= step * up:
            return peak, up, hold, down + more
    return 0.0, 0.0, 0.0, 0.0


@njit
def stop_acceleration(k: float, a: float, n: float, peak: float, up: float, hold: float, down: float) -> float:
    """Acceleration of tick ``k`` = 1, 2, ... of a planned stop; zero once it is over."""
    if k <= n:
        return a * (1.0 - k / n)
    j = k - n
    left = up + hold + down - j
    if left <= 0.0:
        return 0.0
    if j >= up:
        return peak * min(left / down, 1.0)
    base = a if n == 0.0 else 0.0
    return base + (peak - base) * j / up


@njit
def _released(k: float, v: float, a: float, n: float, dt: float) -> float:
    """Distance covered in the first k ticks of the release: dt * sum of v_i, v_i = v + dt a (i - i (i + 1) / (2 n))."""
    n = max(n, 1.0)
    return dt * (k * v + dt * a * (k * (k + 1.0) / 2.0 - k * (k + 1.0) * (k + 2.0) / (6.0 * n)))


@njit
def position_range(
    q: float, v: float, a: float, n: float, peak: float, up: float, hold: float, down: float, dt: float
) -> tuple[float, float]:
    """Lowest and highest position that a planned stop visits from ``q``, ``q`` included, without simulating it."""
    v_released = v + dt * a * max(n - 1.0, 0.0) / 2.0
    q_released = q + _released(n, v, a, n, dt)
    q_end = q_released
    if up > 0.0:
        base = a if n == 0.0 else 0.0
        rise = base * up * (up + 1.0) / 2.0 + (peak - base) * (up + 1.0) * (up + 2.0) / 6.0
        v_up = v_released + dt * (base * up + (peak - base) * (up + 1.0) / 2.0)
        v_down = v_up + dt * peak * hold
        fall = down * (down + 1.0) / 2.0 - (down + 1.0) * (down + 2.0) / 6.0
        q_end += dt * (up * v_released + hold * v_up + down * v_down)
        q_end += dt * dt * (rise + peak * hold * (hold + 1.0) / 2.0 + peak * fall)
    low, high = min(q, q_released, q_end), max(q, q_released, q_end)
    if v * v_released < 0.0:  # the velocity changes sign in the release: its extreme is next to that root
        b = 2.0 * n - 1.0
        root = (b - math.sqrt(max(b * b + 8.0 * n * v / (dt * a), 0.0))) / 2.0
        turn = min(max(root, 0.0), n)
        before = q + _released(math.floor(turn), v, a, n, dt)
        after = q + _released(min(math.ceil(turn), n), v, a, n, dt)
        low, high = min(low, before, after), max(high, before, after)
    return low, high


@njit
def longest_stop(v_max: float, a_max: float, j_max: float, dt: float) -> float:
    """Ticks within which every stop ends: V/A + A/J, rounded up, and one for the whole ticks of its parts."""
    return math.ceil((v_max / a_max + a_max / j_max) / dt) + 1.0


@njit
def root_law(error: float, gain: float, limit: float) -> float:
    """Rate that closes ``error``: linear near zero, and far away the square root that a constant ``limit`` can stop."""
    magnitude = abs(error)
    knee = limit / gain**2
    rate = gain * magnitude if magnitude <= knee else math.sqrt(2.0 * limit * (magnitude - knee / 2.0))
    return math.copysign(rate, error)


@njit
def _highest_acceleration(room: float, v: float, longest: float, a_max: float, j_max: float, dt: float) -> float:
    """Highest acceleration towards a velocity limit that is ``room`` away, ``v`` the velocity in that direction.

    Its release at full jerk must end below the limit, a^2 / 2J + a dt <= room, and the stop after it within ``longest``
    ticks, a / J + T(v + a^2 / 2J) <= V/A + A/J with T(u) = u/A + A/J for u >= A^2/J, else 2 sqrt(u / J).
    """
    jh = j_max * dt
    fits = math.sqrt(jh * jh + 2.0 * j_max * max(room, 0.0)) - jh
    if v < 0.0:
        return fits
    longest_s = (longest - SPARE_TICKS) * dt
    tau = -longest_s + math.sqrt(max(2.0 * longest_s * longest_s - 4.0 * v / j_max, 0.0))
    a = tau * j_max
    if v + a * a / (2.0 * j_max) > a_max * a_max / j_max:
        v_top = (longest_s - a_max / j_max) * a_max
        a = -a_max + math.sqrt(a_max * a_max + 2.0 * j_max * max(v_top - v, 0.0))
    return min(fits, max(a, 0.0))


@njit
def advance(state: Array, limits: Array, dt: float, reference: Array, stopping: Flags, reason: Bits) -> None:
    """One tick of every joint.

    Args:
        state: (ROWS, n), changed in place.
        limits: (5, n).
        dt: seconds per tick.
        reference: (3, n) position, velocity, acceleration to follow; may hold anything.
        stopping: (n,) joints that take the next step of their stop whatever the reference says.
        reason: (n,) bits, written.
    """
    for i in range(state.shape[1]):
        q, v, a = state[Q, i], state[V, i], state[A, i]
        q_min, q_max, v_max, a_max, j_max = limits[0, i], limits[1, i], limits[2, i], limits[3, i], limits[4, i]
        x, v_ref, a_ref = reference[0, i], reference[1, i], reference[2, i]
        bits = 0
        accepted = False
        if stopping[i]:
            bits = _HOLDING
        elif not (math.isfinite(x) and math.isfinite(v_ref) and math.isfinite(a_ref)):
            bits = _NOT_FINITE
        else:
            inside = min(max(x, q_min), q_max)
            if inside != x:
                # At the edge the target stands still, whatever the reference still wants to do beyond it.
                bits |= _OUTSIDE
                v_ref, a_ref = 0.0, 0.0
            v_goal = v_ref + root_law(inside - q, POSITION_GAIN_PER_S, USABLE_SHARE * a_max)
            v_within = min(max(v_goal, -v_max), v_max)
            wanted = a_ref + root_law(v_within - v, VELOCITY_GAIN_PER_S, USABLE_SHARE * j_max)
            a_within = min(max(wanted, -a_max), a_max)
            low, high = a - j_max * dt, a + j_max * dt
            a_jerk = min(max(a_within, low), high)
            longest = longest_stop(v_max, a_max, j_max, dt)
            # Both bounds are at least zero, so only the one that the acceleration heads for can matter.
            if a_jerk > 0.0:
                a_new = min(a_jerk, _highest_acceleration(v_max - v, v, longest, a_max, j_max, dt))
            else:
                a_new = max(a_jerk, -_highest_acceleration(v_max + v, -v, longest, a_max, j_max, dt))
            a_new = min(max(a_new, low), high)
            if v_within != v_goal:
                bits |= _VELOCITY
            if a_within != wanted:
                bits |= _ACCELERATION
            if a_jerk != a_within:
                bits |= _JERK
            v_new = v + dt * a_new
            q_new = q + dt * v_new
            n, peak, up, hold, down = plan_stop(v_new, a_new, a_max, j_max, dt)
            lowest, highest = position_range(q_new, v_new, a_new, n, peak, up, hold, down, dt)
            v_released = v_new + dt * a_new * max(n - 1.0, 0.0) / 2.0
            accepted = (
                lowest >= q_min
                and highest <= q_max
                and abs(v_new) <= v_max
                and abs(v_released) <= v_max
                and abs(a_new) <= a_max
                and n + up + hold + down <= longest
            )
            if accepted:
                state[Q, i], state[V, i], state[A, i] = q_new, v_new, a_new
                _keep_plan(state, i, a_new, n, peak, up, hold, down)
            else:
                bits |= _BRAKING
        if not accepted:
            _follow_stop(state, i, dt)
        reason[i] = bits


@njit
def remaining_range(state: Array, dt: float, low: Array, high: Array) -> None:
    """Lowest and highest position (n,) of every joint from now to the end of the stop that it holds; both written."""
    for i in range(state.shape[1]):
        q, v = state[Q, i], state[V, i]
        n, up, hold, down = state[RELEASE, i], state[UP, i], state[HOLD, i], state[DOWN, i]
        tick = state[TICK, i] + 1.0
        low[i], high[i] = q, q
        while tick < n + up + hold + down:
            v += dt * stop_acceleration(tick, state[A_START, i], n, state[PEAK, i], up, hold, down)
            q += dt * v
            low[i], high[i] = min(low[i], q), max(high[i], q)
            tick += 1.0


@njit
def plan_stops(state: Array, limits: Array, dt: float) -> None:
    """Plan the stop of every joint from its present velocity and acceleration."""
    for i in range(state.shape[1]):
        n, peak, up, hold, down = plan_stop(state[V, i], state[A, i], limits[A_MAX, i], limits[J_MAX, i], dt)
        _keep_plan(state, i, state[A, i], n, peak, up, hold, down)


@njit
def _keep_plan(state: Array, i: int, a: float, n: float, peak: float, up: float, hold: float, down: float) -> None:
    state[A_START, i], state[RELEASE, i], state[PEAK, i] = a, n, peak
    state[UP, i], state[HOLD, i], state[DOWN, i], state[TICK, i] = up, hold, down, 0.0


@njit
def _follow_stop(state: Array, i: int, dt: float) -> None:
    """The next step of the stop that was verified before; exactly at rest once it is over."""
    n, up, hold, down = state[RELEASE, i], state[UP, i], state[HOLD, i], state[DOWN, i]
    ticks = n + up + hold + down
    tick = state[TICK, i] + 1.0
    if tick >= ticks:
        # Rounding in the sums must not leave a creeping velocity behind.
        state[A, i], state[V, i] = 0.0, 0.0
        state[TICK, i] = ticks
    else:
        state[A, i] = stop_acceleration(tick, state[A_START, i], n, state[PEAK, i], up, hold, down)
        state[V, i] += dt * state[A, i]
        state[Q, i] += dt * state[V, i]
        state[TICK, i] = tick
