"""A recording as a tracking device: the newest frame at a time, with the file's own timing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..types import SIDES, HandFrame, OperatorFrame
from .motion import Motion

RELEASE_S = 0.3
"""How long the deadman stays released after a hand came back: a person, too, looks before they engage again."""
MAX_WRIST_SPEED_M_S = 5.0
STAMP_JITTER_S = 0.012
"""Frames of a burst have stamps that are closer than the moments they show."""


class ReplayTracker:
    """Plays a motion once (then the last frame stands still) or in a loop.

    A recording with a deadman keeps it. For the others the player is the thumb: released while a hand is lost or has
    just come back or jumped, pressed otherwise.
    """

    def __init__(self, motion: Motion, loop: bool = False) -> None:
        self.motion = motion
        self.loop = loop
        self._stamp_s = motion.stamp_s
        self._engaged = _deadman(motion)

    @property
    def period_s(self) -> float:
        """Length of one round of a loop: the motion and one more frame time."""
        count = len(self._stamp_s)
        return float(self._stamp_s[-1] * count / (count - 1)) if count > 1 else 0.0

    def finished(self, elapsed_s: float) -> bool:
        """True when the motion has no new frame after ``elapsed_s`` seconds of play."""
        return not self.loop and not elapsed_s < self.motion.duration_s

    def frame_at(self, elapsed_s: float) -> OperatorFrame | None:
        """The newest frame after ``elapsed_s`` seconds of play, stamped in seconds of play; None before the start.

        Sequence numbers go on rising from round to round.
        """
        if not elapsed_s >= 0.0:
            return None
        rounds = int(elapsed_s // self.period_s) if self.loop and self.period_s > 0.0 else 0
        start_s = rounds * self.period_s
        k = int(np.searchsorted(self._stamp_s, elapsed_s - start_s, side="right")) - 1
        frame = self.motion.frames[max(k, 0)]
        returning = rounds > 0 and frame.stamp_s < RELEASE_S  # the jump back to the beginning
        return replace(
            frame,
            stamp_s=start_s + frame.stamp_s,
            sequence=rounds * len(self.motion.frames) + max(k, 0),
            engaged=bool(self._engaged[max(k, 0)]) and not returning,
        )


def _deadman(motion: Motion) -> NDArray[np.bool_]:
    """Pressed (n,) where the file says so and every hand it tracks has been there, without a jump, for a while."""
    pressed = np.array([frame.engaged for frame in motion.frames])
    if motion.has_deadman:
        return pressed
    sides = [side for side in SIDES if motion.tracks(side)]
    wrong_until_s = -1.0
    for k, frame in enumerate(motion.frames):
        before = motion.frames[k - 1] if k > 0 else None
        hands = [(frame.hand(side), before.hand(side) if before is not None else None) for side in sides]
        dt_s = frame.stamp_s - before.stamp_s if before is not None else 0.0
        if any(_missing(now) or _jumped(now, earlier, dt_s) for now, earlier in hands):
            wrong_until_s = frame.stamp_s + RELEASE_S
        pressed[k] = pressed[k] and not frame.stamp_s < wrong_until_s
    return pressed


def _missing(hand: HandFrame) -> bool:
    return hand.T_world_wrist is None and hand.points_m is None


def _jumped(hand: HandFrame, before: HandFrame | None, dt_s: float) -> bool:
    if before is None or hand.T_world_wrist is None or before.T_world_wrist is None:
        return False
    moved_m = float(np.linalg.norm(hand.T_world_wrist[:3, 3] - before.T_world_wrist[:3, 3]))
    return not moved_m <= 0.03 + MAX_WRIST_SPEED_M_S * max(dt_s, STAMP_JITTER_S)
