"""Rows of a plan as a smooth curve: a uniform cubic B-spline that begins and ends in the end rows."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from ..types import Array


class Curve:
    """The curve of the rows (h, m) that belong to ``stamp_s`` (h,), which rises; beyond its ends these are held.

    It has no kink in position, velocity or acceleration where the rows are evenly spaced, and never leaves the range of
    the (at most four) rows around a moment. A polygon through the same rows kinks at every one of them, and each kink
    is a jerk that the robot feels. A straight line stays what it is; noise from row to row is damped to a third.
    """

    __slots__ = ("_last", "_rows", "_stamps_s", "end_s", "start_s")

    def __init__(self, stamp_s: Array, q_rad: Array) -> None:
        self._stamps_s: list[float] = stamp_s.tolist()
        self.start_s, self.end_s = self._stamps_s[0], self._stamps_s[-1]
        self._last = len(q_rad) - 1
        self._rows: Array = q_rad
        if self._last:
            # Beyond an end the line through the two rows there goes on: so the curve passes through the end itself.
            first, last = 2.0 * q_rad[0] - q_rad[1], 2.0 * q_rad[-1] - q_rad[-2]
            self._rows = np.vstack([first, q_rad, last])

    def at(self, at_s: float) -> Array:
        """The place (m,) at ``at_s``."""
        if self._last == 0:
            only: Array = self._rows[0]
            return only
        inside_s = min(max(at_s, self.start_s), self.end_s)
        left = min(bisect_right(self._stamps_s, inside_s) - 1, self._last - 1)
        begin_s = self._stamps_s[left]
        f = (inside_s - begin_s) / (self._stamps_s[left + 1] - begin_s)
        g = 1.0 - f
        here, there = 4.0 - 6.0 * f * f + 3.0 * f**3, 4.0 - 6.0 * g * g + 3.0 * g**3
        result: Array = np.array([g**3, here, there, f**3]) @ self._rows[left : left + 4] / 6.0
        return result

    def rows(self, at_s: Array) -> Array:
        """The places (k, m) at ``at_s`` (k,)."""
        return np.stack([self.at(moment_s) for moment_s in at_s.tolist()])
