"""The bounded tracker: follows a reference and, for any input, keeps every limit by construction.

A wanted acceleration is used only if the stop that begins right after it stays inside the position and velocity
limits and ends in time. If it does not, the tick takes the next step of the stop that was verified one tick earlier. So
there is always a verified stop to fall back on, and by induction no input can lead to a state without one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import RobotUnavailable
from ..types import Array
from . import kernel
from .limits import Limits

# A measured pose may lie this far outside the limits (sensor noise, a joint resting on its stop) and still be a start.
START_TOLERANCE_RAD = 0.02


class CommandFilter:
    """State per joint: commanded position, velocity and acceleration, and a verified stop.

    ``state`` and ``bounds`` are the kernel's arrays (rows as named there); only the filter lab looks at them.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        n = limits.joint_count
        self.bounds = np.stack([limits.q_min_rad, limits.q_max_rad, *limits.dynamic])
        self.state = np.zeros((kernel.ROWS, n))
        self._all, self._none = np.ones(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        self.reason: NDArray[np.uint32] = np.zeros(n, dtype=np.uint32)
        # Compiled now, for a loop must not wait for a compiler.
        kernel.advance(self.state, self.bounds, limits.dt_s, np.zeros((3, n)), self._all, self.reason)
        self._low, self._high = np.zeros(n), np.zeros(n)
        kernel.remaining_range(self.state, limits.dt_s, self._low, self._high)
        kernel.plan_stops(self.state, self.bounds, limits.dt_s)

    @property
    def motion(self) -> Array:
        """The commanded position [rad], velocity [rad/s] and acceleration [rad/s^2], (3, n), a copy."""
        motion: Array = self.state[: kernel.A + 1].copy()
        return motion

    @property
    def position_rad(self) -> Array:
        """The commanded position (n,), a copy."""
        return self._command()

    @property
    def at_rest(self) -> bool:
        return not self.state[kernel.V : kernel.A + 1].any()

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
        self.restore(np.stack([np.clip(q, low, high), np.zeros(len(q)), np.zeros(len(q))]))

    def restore(self, motion: Array) -> None:
        """Continue from a state of motion (3, n) that is already within the limits (a stop is planned from it)."""
        self.state[: kernel.A + 1] = motion
        self.state[kernel.TICK] = 0.0
        kernel.plan_stops(self.state, self.bounds, self.limits.dt_s)
        self.reason[:] = 0

    def tighten(self, limits: Limits) -> str | None:
        """From the next tick on keep ``limits``; returns None, or why not, and then nothing has changed.

        A joint that is beyond the new velocity, acceleration or jerk takes its verified stop, which keeps the old
        ones, until it is within the new ones: at most the longest stop of the old limits. New position limits must
        leave room for that stop.
        """
        looser = limits.looser_than(self.limits)
        if looser is not None:
            return f"limits can only be tightened while the robot may move, and this would loosen {looser}"
        low, high = self._low, self._high
        kernel.remaining_range(self.state, limits.dt_s, low, high)
        outside = ~((limits.q_min_rad <= low) & (high <= limits.q_max_rad))
        if np.any(outside):
            i = int(np.flatnonzero(outside)[0])
            return (
                f"joint {i} could not stop within {limits.q_min_rad[i]:.4f} to {limits.q_max_rad[i]:.4f} rad: "
                f"until it rests it will be between {low[i]:.4f} and {high[i]:.4f} rad"
            )
        self._keep(limits)
        return None

    def relimit(self, limits: Limits) -> str | None:
        """Any new limits, for a robot at rest within them; returns None, or why not, and then nothing has changed."""
        if not self.at_rest:
            return "limits can be loosened only while the robot rests"
        q_rad = self.state[kernel.Q]
        outside = ~((limits.q_min_rad <= q_rad) & (q_rad <= limits.q_max_rad))
        if np.any(outside):
            return f"joint {int(np.flatnonzero(outside)[0])} is outside the new position limits"
        self._keep(limits)
        return None

    def _keep(self, limits: Limits) -> None:
        self.limits = limits
        self.bounds[:] = np.stack([limits.q_min_rad, limits.q_max_rad, *limits.dynamic])

    def stop(self) -> Array:
        """One tick of the verified stop, for every joint. Returns the command (n,)."""
        kernel.advance(self.state, self.bounds, self.limits.dt_s, self.state[:3], self._all, self.reason)
        return self._command()

    def step(self, reference: Array, stopping: NDArray[np.bool_] | None = None) -> Array:
        """One tick towards ``reference``; a joint whose reference is not finite stops, the others go on.

        Args:
            reference: (3, n) position [rad], velocity [rad/s], acceleration [rad/s^2].
            stopping: (n,) joints that come to rest whatever the reference says.

        Returns:
            The command (n,) [rad]. Reason bits per joint are in ``reason``.
        """
        stops = self._none if stopping is None else stopping
        kernel.advance(self.state, self.bounds, self.limits.dt_s, reference, stops, self.reason)
        return self._command()

    def _command(self) -> Array:
        q_rad: Array = self.state[kernel.Q].copy()
        return q_rad
