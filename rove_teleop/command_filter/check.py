"""The independent checker: looks only at what is about to be sent and what was sent, never at how it was computed."""

from __future__ import annotations

import numpy as np

from ..types import Array
from .limits import Limits

RELATIVE_TOLERANCE = 1e-9
QUANTITIES = ("position", "velocity", "acceleration", "jerk")


class CommandCheck:
    """Finite differences of the last commands against the limits."""

    def __init__(self, limits: Limits, joint_names: tuple[str, ...]) -> None:
        self.joint_names = joint_names
        self._history = np.zeros((4, limits.joint_count))
        """The last three commands that were sent, and the one in question."""
        self._keep(limits)
        self._tighter: tuple[Limits, int] | None = None

    def start(self, q_rad: Array) -> None:
        """The robot rests at ``q_rad`` (n,)."""
        self._history[:] = q_rad

    def tighten(self, limits: Limits) -> None:
        """Tighter limits: the positions from now on, the rest once every stop under the old ones has had its time."""
        old = self.limits
        self._keep(Limits(limits.q_min_rad, limits.q_max_rad, *old.dynamic, old.dt_s))
        before = old if self._tighter is None else self._tighter[0]
        self._tighter = limits, max(old.longest_stop_ticks, before.longest_stop_ticks)

    def relimit(self, limits: Limits) -> None:
        """New limits for a robot at rest."""
        self._keep(limits)
        self._tighter = None

    def violation(self, q_rad: Array) -> str | None:
        """None when ``q_rad`` (n,) may be sent (it then counts as sent); else a sentence naming joint and limit."""
        largest_rad = float(np.abs(q_rad).max())
        if not (largest_rad < np.inf):
            return f"{self._name(~np.isfinite(q_rad))} would be commanded to a value that is not finite"
        history = self._history
        history[3] = q_rad
        first = history[1:] - history[:-1]
        second = first[1:] - first[:-1]
        found = np.empty_like(history)
        found[0], found[1], found[2], found[3] = q_rad - self._centre_rad, first[2], second[1], second[1] - second[0]
        np.abs(found, out=found)
        found /= self._per
        inside = found <= self._allowed + self._rounding * max(1.0, largest_rad)
        if not inside.all():
            i, k = np.argwhere(~inside)[0]
            sides = f"{found[i, k]:.6g} of {self._limit[i, k]:.6g}"
            return f"{self.joint_names[k]} would break its {QUANTITIES[i]} limit: {sides}"
        history[:3] = history[1:]
        self._settle()
        return None

    def _keep(self, limits: Limits) -> None:
        """What every command is compared with; rows as in `QUANTITIES`."""
        self.limits, dt = limits, limits.dt_s
        self._centre_rad = (limits.q_min_rad + limits.q_max_rad) / 2
        self._limit = np.stack([(limits.q_max_rad - limits.q_min_rad) / 2, *limits.dynamic])
        self._allowed = self._limit * (1.0 + RELATIVE_TOLERANCE)
        self._per = np.array([[1.0], [dt], [dt**2], [dt**3]])
        # What rounding of the commands themselves may add to each difference (eps of the largest command).
        self._rounding = np.array([[1.0], [2.0], [4.0], [8.0]]) * np.finfo(np.float64).eps / self._per

    def _settle(self) -> None:
        if self._tighter is None:
            return
        limits, ticks = self._tighter
        self._tighter = (limits, ticks - 1) if ticks > 0 else None
        if self._tighter is None:
            self._keep(limits)

    @property
    def motion(self) -> Array:
        """State of motion (3, n) of what was really sent, for a stop after a refused command."""
        dt = self.limits.dt_s
        before, last, q = self._history[:3]
        return np.stack([q, (q - last) / dt, (q - 2 * last + before) / dt**2])

    def _name(self, bad: np.ndarray) -> str:
        return self.joint_names[int(np.flatnonzero(bad)[0])]
