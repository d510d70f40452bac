"""No frame is trusted because it arrived: finite, rigid, in order, young, and no hand that jumps across the room."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from ..geometry import is_rigid
from ..types import HAND_POINTS, SIDES, Array, HandFrame, OperatorFrame, Side


@dataclass(frozen=True, slots=True)
class GateLimits:
    """What a person and a healthy device can do.

    A wrist may move ``jump_slack_m`` plus ``max_wrist_speed_m_s`` times the time since its last frame (the slack covers
    stamps that jitter). ``max_gap_s`` without a good frame counts as a loss. Points lie within ``max_hand_m`` of the
    wrist.
    """

    max_age_s: float = 0.2
    max_wrist_speed_m_s: float = 6.0
    max_turn_speed_rad_s: float = 40.0
    jump_slack_m: float = 0.03
    jump_slack_rad: float = 0.3
    max_gap_s: float = 0.5
    max_hand_m: float = 0.4


class FrameGate:
    """Lets through what can be trusted of each frame and counts every rejection by reason in ``rejected``.

    What is wrong with one hand drops that hand, not the other. After a hand jumped, was lost, or no good frame came for
    a while, frames are not ``engaged`` until the operator has let go of the deadman and pressed it again (or ``reset``
    tells that they engaged deliberately in another way).
    """

    def __init__(self, limits: GateLimits | None = None) -> None:
        self.limits = limits or GateLimits()
        self.rejected: Counter[str] = Counter()
        self._last: OperatorFrame | None = None
        self._wrists: dict[Side, tuple[float, Array]] = {}
        self._must_release = False

    def reset(self) -> None:
        """Forget what came before: the operator has deliberately engaged anew."""
        self._last = None
        self._wrists.clear()
        self._must_release = False

    def release(self) -> None:
        """Count as let go: an operator who does not drive now needs a new, deliberate takeover to drive anyway."""
        self._must_release = False

    def check(self, frame: OperatorFrame, now_s: float) -> OperatorFrame | None:
        """The trustworthy part of a frame, or None when nothing of it counts.

        Args:
            frame: as received, ``stamp_s`` taken by the receiver on arrival.
            now_s: the receiver's monotonic clock.
        """
        reason = self._refusal(frame, now_s)
        if reason:
            self.rejected[reason] += 1
            return None
        last = self._last
        if last is not None and not frame.stamp_s - last.stamp_s <= self.limits.max_gap_s:
            self._lose("gap")
        left, right = (self._hand(frame, side) for side in SIDES)
        for side, hand in zip(SIDES, (left, right), strict=True):
            if last is not None and _vanished(last.hand(side), hand):
                self._must_release = True
                if _vanished(last.hand(side), frame.hand(side)):  # else it was dropped here, and counted for that
                    self.rejected[f"{side}_hand_lost"] += 1
        head = frame.T_world_head
        if head is not None and not is_rigid(head):
            self.rejected["head_not_rigid"] += 1
            head = None
        if not frame.engaged:
            self._must_release = False
        engaged = frame.engaged and not self._must_release
        checked = replace(frame, left=left, right=right, T_world_head=head, engaged=engaged)
        self._last = checked
        return checked

    def _refusal(self, frame: OperatorFrame, now_s: float) -> str:
        if not np.isfinite(frame.stamp_s):
            return "stamp_not_finite"
        if not 0.0 <= now_s - frame.stamp_s <= self.limits.max_age_s:
            return "stale"
        if self._last is not None and not (
            frame.sequence > self._last.sequence and frame.stamp_s >= self._last.stamp_s
        ):
            return "out_of_order"
        return ""

    def _lose(self, reason: str) -> None:
        self.rejected[reason] += 1
        self._must_release = True

    def _hand(self, frame: OperatorFrame, side: Side) -> HandFrame:
        hand = frame.hand(side)
        T_world_wrist, points_m = hand.T_world_wrist, hand.points_m
        wrong = ""
        if T_world_wrist is not None and not is_rigid(T_world_wrist):
            wrong = "wrist_not_rigid"
        elif points_m is not None and not self._plausible(points_m):
            wrong = "points_not_plausible"
        elif T_world_wrist is not None and self._jumped(frame.stamp_s, side, T_world_wrist):
            self._lose(f"{side}_wrist_jump")
            return HandFrame()
        if wrong:
            self.rejected[f"{side}_{wrong}"] += 1
            return HandFrame()
        return hand

    def _plausible(self, points_m: Array) -> bool:
        return points_m.shape == (len(HAND_POINTS), 3) and bool(np.all(np.abs(points_m) <= self.limits.max_hand_m))

    def _jumped(self, stamp_s: float, side: Side, T_world_wrist: Array) -> bool:
        """True when the wrist is where no hand can be; the new place is remembered, so that it can settle there."""
        before = self._wrists.get(side)
        self._wrists[side] = (stamp_s, T_world_wrist)
        if before is None:
            return False
        dt_s = stamp_s - before[0]
        moved_m = float(np.linalg.norm(T_world_wrist[:3, 3] - before[1][:3, 3]))
        cosine = (float(np.sum(T_world_wrist[:3, :3] * before[1][:3, :3])) - 1.0) / 2.0
        turned_rad = float(np.arccos(np.clip(cosine, -1.0, 1.0)))
        limits = self.limits
        near = moved_m <= limits.jump_slack_m + limits.max_wrist_speed_m_s * dt_s
        return not (near and turned_rad <= limits.jump_slack_rad + limits.max_turn_speed_rad_s * dt_s)


def _vanished(before: HandFrame, now: HandFrame) -> bool:
    """True when something of the hand was tracked and no longer is."""
    wrist_gone = before.T_world_wrist is not None and now.T_world_wrist is None
    return wrist_gone or (before.points_m is not None and now.points_m is None)
