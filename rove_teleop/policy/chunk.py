"""The latest plan of a policy as a joint target for any moment: checked, joined to the plan before, and expiring."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from ..types import ActionChunk, Array
from .spline import Curve

BLEND_POINT_S = 0.02
SHORTEST_S = 0.08
MOST_RAD = 100.0
"""No joint has a target beyond this: such a number is not in radians, or not a position."""


class ChunkSchedule:
    """Turns the chunks that arrive into a target per tick.

    A chunk is a smooth curve, and a new one is faded in over ``blend_s`` (less where the plan before ends sooner) from
    what the schedule would have said without it, so that two plans that disagree meet without a step. After its last
    point a chunk is expired and there is no target: the caller holds. Nothing is extrapolated.
    """

    def __init__(self, joint_count: int, blend_s: float = 0.3, max_age_s: float = 0.3) -> None:
        """``max_age_s`` is the oldest observation (the first offset says how old) that a chunk may be made from."""
        self.joint_count = joint_count
        self.blend_s = blend_s
        self.max_age_s = max_age_s
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self._chunk: ActionChunk | None = None
        self._curve: Curve | None = None
        self._leaving: Curve | None = None

    def clear(self) -> None:
        """Forget the plan (at the start of an episode, after a human drove)."""
        self._chunk = self._curve = self._leaving = None

    def offer(self, chunk: ActionChunk) -> str | None:
        """Take ``chunk`` as the plan from its ``received_s`` on; return None, or the reason why it is refused."""
        reason = self._complaint(chunk)
        if reason is not None:
            self.refused[reason] += 1
            return reason
        self._leaving = self._outgoing(chunk)
        self._chunk, self._curve = chunk, Curve(chunk.received_s + chunk.offset_s, chunk.q_rad)
        self.accepted += 1
        return None

    def covers(self, now_s: float) -> bool:
        """Whether there is a plan for ``now_s``."""
        return self._curve is not None and now_s <= self._curve.end_s

    def at(self, now_s: float) -> tuple[NDArray[np.int64], Array] | None:
        """Joint indices (m,) and their targets (m,) in radians at ``now_s``; None when no plan covers it."""
        chunk, curve, leaving = self._chunk, self._curve, self._leaving
        if chunk is None or curve is None or not self.covers(now_s):
            return None
        target = curve.at(now_s)
        if leaving is None or now_s >= leaving.end_s:
            return chunk.joint_index, target
        share = max((now_s - leaving.start_s) / (leaving.end_s - leaving.start_s), 0.0)
        # Minimum jerk: velocity and acceleration of the weight are zero at both ends.
        weight = share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
        return chunk.joint_index, (1.0 - weight) * leaving.at(now_s) + weight * target

    def age_s(self, now_s: float) -> float:
        """Seconds since the current chunk arrived; infinite when there is none."""
        return np.inf if self._chunk is None else now_s - self._chunk.received_s

    def _complaint(self, chunk: ActionChunk) -> str | None:
        q_rad, offset_s, index = chunk.q_rad, chunk.offset_s, chunk.joint_index
        if q_rad.ndim != 2 or index.ndim != 1 or q_rad.shape != (*offset_s.shape, *index.shape) or q_rad.size == 0:
            return "wrong shape"
        if not (np.isfinite(chunk.received_s) and np.all(np.isfinite(offset_s)) and np.all(np.isfinite(q_rad))):
            return "not finite"
        if not np.all(np.abs(q_rad) <= MOST_RAD):
            return "beyond any joint"
        if not (np.all(index >= 0) and np.all(index < self.joint_count)) or len(set(index.tolist())) != len(index):
            return "unknown or repeated joint"
        if not np.all(np.diff(chunk.received_s + offset_s) > 0.0):
            return "offsets do not increase"
        if not (offset_s[0] >= -self.max_age_s):
            return "observation too old"
        if not (offset_s[-1] > 0.0):
            return "already past"
        if self._chunk is not None and not (chunk.received_s >= self._chunk.received_s):
            return "out of order"
        return None

    def _outgoing(self, chunk: ActionChunk) -> Curve | None:
        """What the plan so far says from the arrival of ``chunk`` until the blend is over."""
        old, curve = self._chunk, self._curve
        if old is None or curve is None or not np.array_equal(old.joint_index, chunk.joint_index):
            return None
        left_s = curve.end_s - chunk.received_s
        if not (left_s >= 0.0):
            return None
        # The end of a plan that is nearly over is held, so that no join is a step.
        fade_s = max(min(self.blend_s, left_s), SHORTEST_S)
        stamp_s = chunk.received_s + np.linspace(0.0, fade_s, 1 + round(fade_s / BLEND_POINT_S))
        said = [self.at(min(moment_s, curve.end_s)) for moment_s in stamp_s.tolist()]
        return Curve(stamp_s, np.array([item[1] for item in said if item is not None]))
