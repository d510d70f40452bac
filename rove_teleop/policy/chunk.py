"""The latest plan of a policy as a joint target for any moment: checked, joined to the plan before, and expiring."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from ..types import ActionChunk, Array

BLEND_POINTS = 5


class ChunkSchedule:
    """Turns the chunks that arrive into a target per tick.

    A new chunk is faded in over ``blend_s`` from what the schedule would have said without it, so that two plans
    that disagree meet in a ramp and not in a step. After its last point a chunk is expired and there is no target:
    the caller holds. Nothing is extrapolated.
    """

    def __init__(self, joint_count: int, blend_s: float = 0.08, max_age_s: float = 0.3) -> None:
        """``max_age_s`` is the oldest observation (the first offset says how old) that a chunk may be made from."""
        self.joint_count = joint_count
        self.blend_s = blend_s
        self.max_age_s = max_age_s
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self._chunk: ActionChunk | None = None
        self._leaving: tuple[Array, Array] | None = None

    def clear(self) -> None:
        """Forget the plan (at the start of an episode, after a human drove)."""
        self._chunk = None
        self._leaving = None

    def offer(self, chunk: ActionChunk) -> str | None:
        """Take ``chunk`` as the plan from its ``received_s`` on; return None, or the reason why it is refused."""
        reason = self._complaint(chunk)
        if reason is not None:
            self.refused[reason] += 1
            return reason
        self._leaving = self._outgoing(chunk)
        self._chunk = chunk
        self.accepted += 1
        return None

    def at(self, now_s: float) -> tuple[NDArray[np.int64], Array] | None:
        """Joint indices (m,) and their targets (m,) in radians at ``now_s``; None when no plan covers it."""
        chunk = self._chunk
        if chunk is None or not (now_s <= chunk.received_s + chunk.offset_s[-1]):
            return None
        target = _interpolate(now_s - chunk.received_s, chunk.offset_s, chunk.q_rad)
        if self._leaving is not None:
            weight = min(max((now_s - chunk.received_s) / self.blend_s, 0.0), 1.0)
            if weight < 1.0:
                target = (1.0 - weight) * _interpolate(now_s, *self._leaving) + weight * target
        return chunk.joint_index, target

    def age_s(self, now_s: float) -> float:
        """Seconds since the current chunk arrived; infinite when there is none."""
        return np.inf if self._chunk is None else now_s - self._chunk.received_s

    def _complaint(self, chunk: ActionChunk) -> str | None:
        q_rad, offset_s, index = chunk.q_rad, chunk.offset_s, chunk.joint_index
        if q_rad.ndim != 2 or index.ndim != 1 or q_rad.shape != (*offset_s.shape, *index.shape) or q_rad.size == 0:
            return "wrong shape"
        if not (np.isfinite(chunk.received_s) and np.all(np.isfinite(offset_s)) and np.all(np.isfinite(q_rad))):
            return "not finite"
        if not (np.all(index >= 0) and np.all(index < self.joint_count)) or len(set(index.tolist())) != len(index):
            return "unknown or repeated joint"
        if not np.all(np.diff(offset_s) > 0.0):
            return "offsets do not increase"
        if not (offset_s[0] >= -self.max_age_s):
            return "observation too old"
        if not (offset_s[-1] > 0.0):
            return "already past"
        if self._chunk is not None and not (chunk.received_s >= self._chunk.received_s):
            return "out of order"
        return None

    def _outgoing(self, chunk: ActionChunk) -> tuple[Array, Array] | None:
        """What the plan so far says from the arrival of ``chunk`` until the blend is over (its end is held)."""
        old = self._chunk
        if old is None or not np.array_equal(old.joint_index, chunk.joint_index):
            return None
        stamp_s = chunk.received_s + self.blend_s * np.linspace(0.0, 1.0, BLEND_POINTS)
        points = [said[1] for said in map(self.at, stamp_s.tolist()) if said is not None]
        return (stamp_s[: len(points)], np.array(points)) if points else None


def _interpolate(at_s: float, stamp_s: Array, q_rad: Array) -> Array:
    """Linear interpolation of rows (h, m) at one moment, the ends held. Never outside the two rows it lies between."""
    inside_s = min(max(at_s, float(stamp_s[0])), float(stamp_s[-1]))
    right = max(int(np.searchsorted(stamp_s, inside_s)), 1)
    if len(stamp_s) == 1:
        return np.array(q_rad[0])
    left = right - 1
    weight = (inside_s - stamp_s[left]) / (stamp_s[right] - stamp_s[left])
    result: Array = (1.0 - weight) * q_rad[left] + weight * q_rad[right]
    return result
