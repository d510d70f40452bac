"""The bounded tracker: follows a reference and, for any input, keeps every limit by construction.

A wanted acceleration is used only if the stop that begins right after it stays inside the position and velocity
limits. If it does not, the tick takes the next step of the stop that was verified one tick earlier. So there is
always a verified stop to fall back on, and by induction no input can lead to a state without one.
"""

from __future__ import annotations

import numpy as np

from ..errors import RobotUnavailable
from ..types import Array, Reason
from .limits import Limits
from .smoothing import Reference
from .stop_plan import StopPlan, plan_stop, position_range

# A measured pose may lie this far outside the limits (sensor noise, a joint resting on its stop) and still be a start.
START_TOLERANCE_RAD = 0.02
POSITION_GAIN_PER_S = 20.0
VELOCITY_GAIN_PER_S = 60.0
# Share of the limits that the tracking law itself uses; the rest is left to correct with.
USABLE_SHARE = 0.8


class CommandFilter:
    """State per joint: commanded position, velocity and acceleration, and a verified stop."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        n = limits.joint_count
        self._plan = plan_stop(np.zeros(n), np.zeros(n), limits)
        self._plan_tick = np.zeros(n)
        self._q = np.zeros(n)
        self._v = np.zeros(n)
        self._a = np.zeros(n)
        self.reason = np.zeros(n, dtype=np.uint32)

    @property
    def motion(self) -> Reference:
        """The commanded state of motion (copies)."""
        return Reference(self._q.copy(), self._v.copy(), self._a.copy())

    @property
    def at_rest(self) -> bool:
        return not (np.any(self._v) or np.any(self._a))

    def start(self, q_measured_rad: Array, joint_names: tuple[str, ...] | None = None) -> None:
        """Begin at rest at the measured pose.

        Raises:
            RobotUnavailable: a joint is not finite or outside its limits; the message names it.
        """
        low, high = self.limits.q_min_rad, self.limits.q_max_rad
        q = np.asarray(q_measured_rad, dtype=np.float64)
        inside = (q >= low - START_TOLERANCE_RAD) & (q <= high + START_TOLERANCE_RAD)
        if not np.all(inside):
            worst = int(np.flatnonzero(~inside)[0])
            name = joint_names[worst] if joint_names else f"joint {worst}"
            raise RobotUnavailable(
                f"{name} is measured at {q[worst]:.4f} rad, outside its limits "
                f"{low[worst]:.4f} to {high[worst]:.4f}: move it inside before engaging"
            )
        self.restore(Reference(np.clip(q, low, high), np.zeros(len(q)), np.zeros(len(q))))

    def restore(self, motion: Reference) -> None:
        """Continue from a state of motion that is already within the limits (a stop is planned from it)."""
        self._q, self._v, self._a = motion.x.copy(), motion.v.copy(), motion.a.copy()
        self._plan = plan_stop(self._v, self._a, self.limits)
        self._plan_tick = np.zeros(len(self._q))
        self.reason = np.zeros(len(self._q), dtype=np.uint32)

    def stop(self) -> Array:
        """One tick of the verified stop, for every joint. Returns the command (n,)."""
        everywhere = np.ones(len(self._q), dtype=np.bool_)
        self._follow_plan(everywhere, self._q, self._v, self._a)
        self.reason = np.full(len(self._q), int(Reason.HOLDING), dtype=np.uint32)
        return self._q.copy()

    def step(self, reference: Reference) -> Array:
        """One tick towards ``reference``; a joint whose reference is not finite stops, the others go on.

        Returns:
            The command (n,) [rad]. Reason bits per joint are in ``reason``.
        """
        bad = ~(np.isfinite(reference.x) & np.isfinite(reference.v) & np.isfinite(reference.a))
        reason = np.where(bad, int(Reason.TARGET_NOT_FINITE), 0).astype(np.uint32)
        x, outside = self._inside(np.where(bad, self._q, reference.x))
        reason |= np.where(outside, int(Reason.TARGET_OUTSIDE_POSITION), 0).astype(np.uint32)
        # At the edge the target stands still, whatever the reference still wants to do beyond it.
        still = bad | outside
        v_ref, a_ref = np.where(still, 0.0, reference.v), np.where(still, 0.0, reference.a)
        a, limited = self._wanted_acceleration(x, v_ref, a_ref)
        reason |= limited
        v = self._v + self.limits.dt_s * a
        q = self._q + self.limits.dt_s * v
        plan = plan_stop(v, a, self.limits)
        refused = bad | ~self._admissible(q, v, plan)
        reason |= np.where(refused & ~bad, int(Reason.BRAKING_FOR_POSITION), 0).astype(np.uint32)
        self._adopt(q, v, a, plan, refused)
        self.reason = reason
        return self._q.copy()

    def _inside(self, x: Array) -> tuple[Array, np.ndarray]:
        clipped = np.clip(x, self.limits.q_min_rad, self.limits.q_max_rad)
        return clipped, clipped != x

    def _wanted_acceleration(self, x: Array, v_ref: Array, a_ref: Array) -> tuple[Array, np.ndarray]:
        """Tracking law with feed-forward, then the bounds of jerk, acceleration and velocity, in that order."""
        lim, h = self.limits, self.limits.dt_s
        usable_a, usable_j = USABLE_SHARE * lim.a_max_rad_s2, USABLE_SHARE * lim.j_max_rad_s3
        v_goal = v_ref + _root_law(x - self._q, POSITION_GAIN_PER_S, usable_a)
        v_within = np.clip(v_goal, -lim.v_max_rad_s, lim.v_max_rad_s)
        wanted = a_ref + _root_law(v_within - self._v, VELOCITY_GAIN_PER_S, usable_j)
        a = np.clip(wanted, -lim.a_max_rad_s2, lim.a_max_rad_s2)
        low, high = self._a - lim.j_max_rad_s3 * h, self._a + lim.j_max_rad_s3 * h
        jerk_bounded = np.clip(a, low, high)
        # Highest acceleration whose full-jerk release still ends below v_max: a^2/(2J) + a h <= v_max - v.
        jh = lim.j_max_rad_s3 * h
        rise = np.sqrt(jh**2 + 2 * lim.j_max_rad_s3 * np.maximum(lim.v_max_rad_s - self._v, 0.0)) - jh
        fall = np.sqrt(jh**2 + 2 * lim.j_max_rad_s3 * np.maximum(lim.v_max_rad_s + self._v, 0.0)) - jh
        bounded = np.clip(np.clip(jerk_bounded, -fall, rise), low, high)
        limited = np.where(v_within != v_goal, int(Reason.LIMITED_VELOCITY), 0)
        limited |= np.where(a != wanted, int(Reason.LIMITED_ACCELERATION), 0)
        limited |= np.where(jerk_bounded != a, int(Reason.LIMITED_JERK), 0)
        return bounded, limited.astype(np.uint32)

    def _admissible(self, q: Array, v: Array, plan: StopPlan) -> np.ndarray:
        low, high = position_range(q, v, plan, self.limits.dt_s)
        v_max = self.limits.v_max_rad_s
        inside = (low >= self.limits.q_min_rad) & (high <= self.limits.q_max_rad)
        slow = (np.abs(v) <= v_max) & (np.abs(plan.v_released) <= v_max)
        return inside & slow & (np.abs(plan.a_start) <= self.limits.a_max_rad_s2)

    def _adopt(self, q: Array, v: Array, a: Array, plan: StopPlan, refused: np.ndarray) -> None:
        """Take the wanted step and its plan where it was accepted, and the next step of the old plan elsewhere."""
        if np.any(refused):
            old = self._plan
            self._follow_plan(refused, q, v, a)
            plan = StopPlan(
                *(
                    np.where(refused, getattr(old, name), getattr(plan, name))
                    for name in ("a_start", "release_ticks", "v_released", "peak", "ramp_ticks", "hold_ticks")
                )
            )
            self._plan, self._plan_tick = plan, np.where(refused, self._plan_tick, 0.0)
        else:
            self._q, self._v, self._a = q, v, a
            self._plan, self._plan_tick = plan, np.zeros(len(q))

    def _follow_plan(self, where: np.ndarray, q: Array, v: Array, a: Array) -> None:
        """Advance the joints of ``where`` by one tick of their stop; the others take (q, v, a)."""
        tick = self._plan_tick + 1.0
        a_stop = self._plan.acceleration(tick)
        over = tick >= self._plan.ticks
        # The plan ends at rest; rounding in the sums must not leave a creeping velocity behind.
        a_stop = np.where(over, 0.0, a_stop)
        v_stop = np.where(over, 0.0, self._v + self.limits.dt_s * a_stop)
        q_stop = self._q + self.limits.dt_s * v_stop
        self._plan_tick = np.where(where, np.minimum(tick, self._plan.ticks), self._plan_tick)
        self._q, self._v, self._a = np.where(where, q_stop, q), np.where(where, v_stop, v), np.where(where, a_stop, a)


def _root_law(error: Array, gain: float, limit: Array) -> Array:
    """Rate that closes ``error``: linear near zero, and far away the square root that a constant ``limit`` can stop."""
    magnitude = np.abs(error)
    knee = limit / gain**2
    root = np.sqrt(2.0 * limit * np.maximum(magnitude - knee / 2.0, 0.0))
    rate: Array = np.sign(error) * np.where(magnitude <= knee, gain * magnitude, root)
    return rate
