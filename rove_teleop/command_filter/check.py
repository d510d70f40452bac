"""The independent checker: looks only at what is about to be sent and what was sent, never at how it was computed."""

from __future__ import annotations

import numpy as np

from ..types import Array
from .limits import Limits

RELATIVE_TOLERANCE = 1e-9


class CommandCheck:
    """Finite differences of the last commands against the limits."""

    def __init__(self, limits: Limits, joint_names: tuple[str, ...]) -> None:
        self.limits = limits
        self.joint_names = joint_names
        self._sent = np.zeros((3, limits.joint_count))
        self._tighter: tuple[Limits, int] | None = None

    def start(self, q_rad: Array) -> None:
        """The robot rests at ``q_rad`` (n,)."""
        self._sent = np.tile(q_rad, (3, 1))

    def tighten(self, limits: Limits) -> None:
        """Tighter limits: the positions from now on, the rest once every stop under the old ones has had its time."""
        old = self.limits
        self.limits = Limits(limits.q_min_rad, limits.q_max_rad, *old.dynamic, old.dt_s)
        before = old if self._tighter is None else self._tighter[0]
        self._tighter = limits, max(old.longest_stop_ticks, before.longest_stop_ticks)

    def relimit(self, limits: Limits) -> None:
        """New limits for a robot at rest."""
        self.limits, self._tighter = limits, None

    def violation(self, q_rad: Array) -> str | None:
        """None when ``q_rad`` (n,) may be sent (it then counts as sent); else a sentence naming joint and limit."""
        if not np.all(np.isfinite(q_rad)):
            return f"{self._name(~np.isfinite(q_rad))} would be commanded to a value that is not finite"
        dt = self.limits.dt_s
        history = np.vstack([self._sent, q_rad])
        d1 = np.diff(history[-2:], axis=0)[0] / dt
        d2 = np.diff(history[-3:], n=2, axis=0)[0] / dt**2
        d3 = np.diff(history, n=3, axis=0)[0] / dt**3
        lim = self.limits
        centre, half = (lim.q_min_rad + lim.q_max_rad) / 2, (lim.q_max_rad - lim.q_min_rad) / 2
        checks = (
            ("position", q_rad - centre, half),
            ("velocity", d1, lim.v_max_rad_s),
            ("acceleration", d2, lim.a_max_rad_s2),
            ("jerk", d3, lim.j_max_rad_s3),
        )
        for (name, value, limit), rounding in zip(checks, self._rounding(q_rad), strict=True):
            inside = np.abs(value) <= limit * (1.0 + RELATIVE_TOLERANCE) + rounding
            if not np.all(inside):
                k = int(np.flatnonzero(~inside)[0])
                return f"{self.joint_names[k]} would break its {name} limit: {abs(value[k]):.6g} of {limit[k]:.6g}"
        self._sent = history[1:]
        self._settle()
        return None

    def _settle(self) -> None:
        if self._tighter is None:
            return
        limits, ticks = self._tighter
        self._tighter = (limits, ticks - 1) if ticks > 0 else None
        if self._tighter is None:
            self.limits = limits

    def _rounding(self, q_rad: Array) -> tuple[float, float, float, float]:
        """What rounding of the commands themselves may add to each difference (eps of the largest command)."""
        eps = float(np.finfo(np.float64).eps) * max(1.0, float(np.max(np.abs(q_rad))))
        dt = self.limits.dt_s
        return eps, 2 * eps / dt, 4 * eps / dt**2, 8 * eps / dt**3

    @property
    def motion(self) -> Array:
        """State of motion (3, n) of what was really sent, for a stop after a refused command."""
        dt = self.limits.dt_s
        q = self._sent[-1]
        v = (self._sent[-1] - self._sent[-2]) / dt
        a = (self._sent[-1] - 2 * self._sent[-2] + self._sent[-3]) / dt**2
        return np.stack([q, v, a])

    def _name(self, bad: np.ndarray) -> str:
        return self.joint_names[int(np.flatnonzero(bad)[0])]
