"""The way back: where the robot was commanded to be, and targets that walk along it in reverse."""

from __future__ import annotations

import math

import numpy as np

from ..types import Array

REMEMBERED_S = 60.0
# The pace rises to its full value, and falls before the end, by this much per second: a gentle start and stop.
PACE_PER_S = 2.5
# After the last target the low-pass and the filter still have a little to do.
ARRIVAL_S = 0.3
# Where a broken-off rewind left the path: the robot lags its target by less than this.
_LAG_S = 0.3


class Rewind:
    """Remembers the sent commands of the last minute of motion, and gives them back in reverse, slower.

    Standing still is not remembered: two seconds back are two seconds of motion, however long the robot waited since.
    What was walked back is forgotten, so that the next rewind goes on from there.
    """

    def __init__(self, joint_count: int, dt_s: float) -> None:
        self._dt_s = dt_s
        self._capacity = round(REMEMBERED_S / dt_s)
        self._path_rad = np.zeros((self._capacity, joint_count))
        self._count = 0
        self._place = self._goal = 0.0
        self._pace = self._full_pace = 0.0
        self._ticks, self._arrived_ticks = 0, 0

    def forget(self) -> None:
        """The robot begins anew somewhere else."""
        self._count = 0

    def note(self, q_sent_rad: Array) -> None:
        """A command (n,) was sent."""
        if self._count == 0 or (q_sent_rad != self._path_rad[(self._count - 1) % self._capacity]).any():
            self._path_rad[self._count % self._capacity] = q_sent_rad
            self._count += 1

    @property
    def remembered_s(self) -> float:
        """Seconds of motion that could be walked back."""
        return max(min(self._count, self._capacity) - 1, 0) * self._dt_s

    def begin(self, seconds: float, pace: float) -> None:
        """Walk back ``seconds`` of motion, or all there is, at ``pace`` times the original speed (at most 1)."""
        self._place = float(self._count - 1)
        self._goal = self._place - min(seconds, self.remembered_s) / self._dt_s
        self._pace, self._full_pace = 0.0, min(pace, 1.0)
        self._ticks = self._arrived_ticks = 0

    def step(self) -> Array:
        """The next target (n,); none (NaN) in the first tick, in which the path forgets what it followed before."""
        self._ticks += 1
        if self._ticks == 1:
            return np.full(self._path_rad.shape[1], np.nan)
        left, change = self._place - self._goal, PACE_PER_S * self._dt_s
        self._pace = min(self._pace + change, self._full_pace, math.sqrt(2.0 * change * max(left, 0.0)))
        self._place = max(self._place - self._pace, self._goal)
        self._arrived_ticks += int(self._place <= self._goal)
        return self.here

    @property
    def here(self) -> Array:
        """The last target again."""
        if self._ticks == 0:
            return np.full(self._path_rad.shape[1], np.nan)
        low = math.floor(self._place)
        share = self._place - low
        here = self._at(low)
        return here if share == 0.0 else here + share * (self._at(low + 1) - here)

    @property
    def arrived(self) -> bool:
        """Whether the robot has had time to reach the last target."""
        return self._arrived_ticks * self._dt_s >= ARRIVAL_S

    def end(self, q_sent_rad: Array) -> None:
        """The robot stopped walking back, at the command (n,): what lies behind it is forgotten."""
        first = math.floor(self._place)
        last = min(first + math.ceil(_LAG_S / self._dt_s), self._count)
        away = [float(np.max(np.abs(self._at(k) - q_sent_rad))) for k in range(first, last)]
        self._count = first + 1 + int(np.argmin(away))

    def _at(self, number: int) -> Array:
        q_rad: Array = self._path_rad[number % self._capacity].copy()
        return q_rad
