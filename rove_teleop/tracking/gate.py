"""No frame is trusted because it arrived: in order, young, of one world, and every part where a person can have it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from ..geometry import is_rigid
from ..types import SIDES, Array, HandFrame, OperatorFrame, Side
from .gate_continuity import Continuity
from .gate_hand import NOISELESS, GateLimits, elbow_plausible, hand_fault
from .gate_words import SENTENCES

__all__ = ["NOISELESS", "FrameGate", "GateLimits"]

SHOWN_S = 4.0
"""How long a reason stays to be read after the operator counts as released without having let go."""
_NOTHING = HandFrame()


class FrameGate:
    """Lets through what can be trusted of each frame and counts every rejection by reason in ``rejected``.

    What is wrong with one hand drops that hand, not the other. After anything that was tracked is lost, jumps, freezes
    or changes into something else, and after frames that cannot be compared (a gap, a restart, a new origin), frames
    are not ``engaged`` until the operator has let go of the deadman and pressed it again (or ``reset`` or ``release``
    tells that they must engage deliberately in another way). ``trouble`` says why, for the operator.
    """

    def __init__(self, limits: GateLimits | None = None) -> None:
        self.limits = limits or GateLimits()
        self.rejected: Counter[str] = Counter()
        self._before = Continuity(self.limits)
        self._last: OperatorFrame | None = None
        self._now_s = -np.inf
        self._must_release = False
        self._lost: tuple[float, str] | None = None

    @property
    def engaged(self) -> bool:
        """Whether the newest good frame was engaged and nothing has happened since."""
        return self._last is not None and self._last.engaged and not self._must_release

    @property
    def trouble(self) -> str | None:
        """One sentence: what ended the operator's engagement and what to do; None when there is nothing to say."""
        if self._lost is None or not (self._must_release or self._now_s - self._lost[0] <= SHOWN_S):
            return None
        return SENTENCES[self._lost[1]]

    def reset(self) -> None:
        """Forget what came before: the operator has deliberately engaged anew."""
        self._last, self._lost = None, None
        self._before.forget()
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
            if reason == "stale" and self._last is not None:
                self._disengage("stale")
            return None
        left, right = self._hands(frame)
        head = self._head(frame)
        self._notice_losses(frame, left, right, head)
        if not frame.engaged:
            self._must_release, self._lost = False, None
        engaged = frame.engaged and not self._must_release
        self._last = replace(frame, left=left, right=right, T_world_head=head, engaged=engaged)
        return self._last

    def _refusal(self, frame: OperatorFrame, now_s: float) -> str:
        if not np.isfinite(frame.stamp_s):
            return "stamp_not_finite"
        if now_s < self._now_s:
            self._start_anew("clock_went_back")
        self._now_s = now_s if np.isfinite(now_s) else self._now_s
        if not -self.limits.max_ahead_s <= now_s - frame.stamp_s <= self.limits.max_age_s:
            return "stale"
        return "" if self._last is None else self._follows(frame, self._last)

    def _follows(self, frame: OperatorFrame, last: OperatorFrame) -> str:
        """Empty when ``frame`` comes after ``last``; notices when it does so only after a break."""
        if not frame.stamp_s >= last.stamp_s:
            return "out_of_order"
        gap = not frame.stamp_s - last.stamp_s <= self.limits.max_gap_s
        if not frame.sequence > last.sequence:
            # Late and repeated frames go back, too; a device that counts anew has a new space or was away for a while.
            if not (gap or frame.space > last.space):
                return "out_of_order"
            self._start_anew("restarted")
        elif frame.space != last.space:
            self._start_anew("recentered")
        elif gap:
            self._lose("gap")
        return ""

    def _start_anew(self, reason: str) -> None:
        """What comes cannot be compared with what was."""
        self._last = None
        self._before.forget()
        self._lose(reason)

    def _lose(self, reason: str) -> None:
        self.rejected[reason] += 1
        self._disengage(reason)

    def _disengage(self, reason: str) -> None:
        if not self._must_release or self._lost is None:  # the first reason is the cause of what follows
            self._lost = self._now_s, reason
        self._must_release = True

    def _hands(self, frame: OperatorFrame) -> tuple[HandFrame, HandFrame]:
        left, right = (self._sane(frame, side) for side in SIDES)
        T_left, T_right = left.T_world_wrist, right.T_world_wrist
        if T_left is not None and T_right is not None and self._before.swapped(frame.stamp_s, T_left, T_right):
            self._before.place("left", frame.stamp_s, T_left)
            self._before.place("right", frame.stamp_s, T_right)
            self._lose("hands_swapped")
            return _NOTHING, _NOTHING
        return self._steady(frame.stamp_s, "left", left), self._steady(frame.stamp_s, "right", right)

    def _sane(self, frame: OperatorFrame, side: Side) -> HandFrame:
        """The hand when its own numbers are possible; an impossible elbow is dropped alone, for it is only a hint."""
        hand = frame.hand(side)
        fault = hand_fault(hand, side, self.limits)
        if fault:
            self._drop(f"{side}_{fault}", side)
            return _NOTHING
        if hand.elbow_m is not None and not elbow_plausible(hand):
            self.rejected[f"{side}_elbow_not_plausible"] += 1
            return replace(hand, elbow_m=None)
        return hand

    def _steady(self, stamp_s: float, side: Side, hand: HandFrame) -> HandFrame:
        """The hand when it continues what was seen of it before."""
        before = self._before
        frozen = before.frozen(side, stamp_s, hand)
        jumped = hand.T_world_wrist is not None and before.jumped(side, stamp_s, hand.T_world_wrist)
        resized = hand.points_m is not None and before.resized(side, hand.points_m)
        for wrong, reason in ((jumped, "wrist_jump"), (resized, "changed_size"), (frozen, "frozen")):
            if wrong:
                self._drop(f"{side}_{reason}", side, always=reason != "frozen")
                return _NOTHING
        return hand

    def _drop(self, reason: str, side: Side, always: bool = False) -> None:
        """Count; it disengages when the hand has been driving, and ``always`` when it may be somewhere else now."""
        self.rejected[reason] += 1
        if always or (self._last is not None and _tracked(self._last.hand(side))):
            self._disengage(reason)

    def _head(self, frame: OperatorFrame) -> Array | None:
        head = frame.T_world_head
        if head is None:
            return None
        if not is_rigid(head):
            self.rejected["head_not_rigid"] += 1
            if self._last is not None and self._last.T_world_head is not None:
                self._disengage("head_not_rigid")
            return None
        if self._before.jumped("head", frame.stamp_s, head):
            self._lose("head_jump")
            return None
        return head

    def _notice_losses(self, frame: OperatorFrame, left: HandFrame, right: HandFrame, head: Array | None) -> None:
        """What the device sees no longer ends the engagement, too; a hand that was dropped here has been counted."""
        last = self._last
        if last is None:
            return
        for side, hand in zip(SIDES, (left, right), strict=True):
            dropped = not _tracked(hand) and _tracked(frame.hand(side))
            if _vanished(last.hand(side), hand) and not dropped:
                self._lose(f"{side}_hand_lost")
        if last.T_world_head is not None and frame.T_world_head is None:
            self._lose("head_lost")


def _tracked(hand: HandFrame) -> bool:
    return hand.T_world_wrist is not None or hand.points_m is not None


def _vanished(before: HandFrame, now: HandFrame) -> bool:
    """True when something of the hand was tracked and no longer is."""
    wrist_gone = before.T_world_wrist is not None and now.T_world_wrist is None
    return wrist_gone or (before.points_m is not None and now.points_m is None)
