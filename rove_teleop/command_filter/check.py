"""The independent checker: looks only at what is about to be sent and what was sent, never at how it was computed."""

from __future__ import annotations

import numpy as np

from ..compiled import njit
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
        self._found = np.zeros((4, limits.joint_count))
        # Compiled now, for a loop must not wait for a compiler.
        self._keep(limits)
        first_broken(self._history, self._centre_rad, self._per, self._allowed, self._rounding, self._found)
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
        history, found = self._history, self._found
        history[3] = q_rad
        broken = first_broken(history, self._centre_rad, self._per, self._allowed, self._rounding, found)
        if broken >= 0:
            finite = np.isfinite(q_rad)
            if not finite.all():
                return f"{self._name(~finite)} would be commanded to a value that is not finite"
            i, k = divmod(broken, len(q_rad))
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


@njit
def first_broken(history: Array, centre_rad: Array, per: Array, allowed: Array, rounding: Array, found: Array) -> int:
    """Which of `QUANTITIES` of which joint the last row of ``history`` (4, n) breaks first, row by row; -1 for none.

    ``found`` (4, n) gets the magnitudes. Where a command is not finite the answer is 0, and nothing is written. ``per``
    and ``rounding`` are (4, 1), ``allowed`` is (4, n).
    """
    joints = history.shape[1]
    largest = 1.0
    for k in range(joints):
        if not (abs(history[3, k]) < np.inf):
            return 0
        largest = max(largest, abs(history[3, k]))
    for k in range(joints):
        oldest, before, last, now = history[0, k], history[1, k], history[2, k], history[3, k]
        bend_before, bend = (last - before) - (before - oldest), (now - last) - (last - before)
        found[0, k] = abs(now - centre_rad[k]) / per[0, 0]
        found[1, k] = abs(now - last) / per[1, 0]
        found[2, k] = abs(bend) / per[2, 0]
        found[3, k] = abs(bend - bend_before) / per[3, 0]
    for i in range(4):
        for k in range(joints):
            if not (found[i, k] <= allowed[i, k] + rounding[i, 0] * largest):
                return int(i * joints + k)
    return -1
