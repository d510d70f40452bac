"""What a frame says beside the frames before it: parts that jump, exchange places, freeze or change size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Array, HandFrame, Side
from .gate_hand import GateLimits, bone_lengths_m

SWAP_MARGIN_M = 0.06
"""By how much the exchanged explanation of both wrists must be the better one, in sum over both."""


@dataclass(frozen=True, slots=True)
class _Pose:
    """Where a part was last seen, and how fast it moved then, (3,) in m/s."""

    stamp_s: float
    T_world_part: Array
    velocity_m_s: Array

    def expected_m(self, stamp_s: float) -> Array:
        place: Array = self.T_world_part[:3, 3] + self.velocity_m_s * (stamp_s - self.stamp_s)
        return place


class Continuity:
    """Remembers each part of the operator as it was last seen. A new place or size is remembered even when it is
    refused, so that a part can settle there."""

    def __init__(self, limits: GateLimits) -> None:
        self.limits = limits
        self._poses: dict[str, _Pose] = {}
        self._sizes_m: dict[Side, float] = {}
        self._still: dict[Side, tuple[float, HandFrame]] = {}

    def forget(self) -> None:
        self._poses.clear()
        self._sizes_m.clear()
        self._still.clear()

    def swapped(self, stamp_s: float, T_world_left: Array, T_world_right: Array) -> bool:
        """True when each wrist continues the other's motion better than its own. Remembers nothing."""
        left, right = self._poses.get("left"), self._poses.get("right")
        if left is None or right is None:
            return False
        if not stamp_s - min(left.stamp_s, right.stamp_s) <= self.limits.max_gap_s:
            return False
        now = (T_world_left[:3, 3], T_world_right[:3, 3])
        own = [_distance(m, pose.expected_m(stamp_s)) for m, pose in zip(now, (left, right), strict=True)]
        other = [_distance(m, pose.expected_m(stamp_s)) for m, pose in zip(now, (right, left), strict=True)]
        return other[0] < own[0] and other[1] < own[1] and sum(other) + SWAP_MARGIN_M < sum(own)

    def place(self, part: str, stamp_s: float, T_world_part: Array) -> None:
        """Remember a part that may be anywhere."""
        self._poses[part] = _Pose(stamp_s, T_world_part, np.zeros(3))

    def jumped(self, part: str, stamp_s: float, T_world_part: Array) -> bool:
        """True when a part ("left", "right", "head") is where no person can have moved it since it was last seen."""
        before = self._poses.get(part)
        self.place(part, stamp_s, T_world_part)
        if before is None:
            return False
        limits = self.limits
        dt_s = max(stamp_s - before.stamp_s, limits.stamp_jitter_s)
        moved = T_world_part[:3, 3] - before.T_world_part[:3, 3]
        cosine = (float(np.sum(T_world_part[:3, :3] * before.T_world_part[:3, :3])) - 1.0) / 2.0
        turned_rad = float(np.arccos(min(max(cosine, -1.0), 1.0)))
        near = float(np.linalg.norm(moved)) <= limits.jump_slack_m + limits.max_wrist_speed_m_s * dt_s
        if not (near and turned_rad <= limits.jump_slack_rad + limits.max_turn_speed_rad_s * dt_s):
            return True
        self._poses[part] = _Pose(stamp_s, T_world_part, moved / dt_s)
        return False

    def resized(self, side: Side, points_m: Array) -> bool:
        """True when a hand is suddenly another one's: no bones grow within a frame."""
        size_m = float(bone_lengths_m(points_m).sum())
        before_m = self._sizes_m.get(side, size_m)
        self._sizes_m[side] = size_m
        return not abs(np.log(size_m / before_m)) <= self.limits.max_resize

    def frozen(self, side: Side, stamp_s: float, hand: HandFrame) -> bool:
        """True when every bit of a tracked hand has been the same for too long."""
        since_s, before = self._still.get(side, (stamp_s, HandFrame()))
        same = _same(before.T_world_wrist, hand.T_world_wrist) and _same(before.points_m, hand.points_m)
        tracked = hand.T_world_wrist is not None or hand.points_m is not None
        since_s = since_s if same and tracked else stamp_s
        self._still[side] = (since_s, hand)
        return stamp_s - since_s > self.limits.max_still_s


def _distance(a_m: Array, b_m: Array) -> float:
    return float(np.linalg.norm(a_m - b_m))


def _same(before: Array | None, now: Array | None) -> bool:
    if before is None or now is None:
        return before is now
    return before is now or np.array_equal(before, now)
