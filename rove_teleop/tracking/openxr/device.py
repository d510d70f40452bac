"""A headset on this machine's OpenXR runtime as a device: its frames, and its coming back after every loss."""

from __future__ import annotations

import math
from collections import Counter

from ...clock import monotonic_s, sleep_until
from ...errors import TrackingUnavailable
from ...types import SIDES, Array, HandFrame, OperatorFrame, Side
from ..xr_hand import grip_frame, hand_frame, world_pose
from .session import Session, Sight

RATE_HZ = 90.0
"""Frames per second: that of most headsets. A session without graphics has no frame loop that would tell."""
RETRY_S = 1.0
PRESSED, RELEASED = 0.5, 0.35
"""A squeeze counts as pressed above the first and as let go below the second."""
NOT_WORN = "openxr: the headset is not worn, or shows something else"
_NOTHING = HandFrame()


class OpenXrDevice:
    """Frames of the headset, sampled ``rate_hz`` times a second. Nothing that happens to the runtime is raised.

    ``engaged``: the headset is worn and in focus, and every controller that is held is squeezed; bare hands have
    nothing to let go of. When the headset is taken off or the runtime goes away, one last frame says that nothing is
    tracked or engaged, then none comes.

    ``space`` rises with every recentering and with every new session.
    """

    def __init__(self, rate_hz: float = RATE_HZ, retry_s: float = RETRY_S) -> None:
        self.counts: Counter[str] = Counter()
        self._period_s, self._retry_s = 1.0 / rate_hz, retry_s
        self._session: Session | None = None
        self._problem: str | None = None
        self._next_s = -math.inf
        self._sequence = self._space = self._recentered = 0
        self._shown = False
        self._pressed: dict[Side, bool] = dict.fromkeys(SIDES, False)
        self._by_joints: dict[Side, bool] = dict.fromkeys(SIDES, True)

    @property
    def problem(self) -> str | None:
        return self._problem

    def poll(self, timeout_s: float) -> OperatorFrame | None:
        until_s = monotonic_s() + timeout_s
        if self._next_s > until_s:
            sleep_until(until_s)
            return None
        sleep_until(self._next_s)
        now_s = monotonic_s()
        try:
            if self._session is None:
                self._open()
                return None
            self._next_s = max(self._next_s, now_s - self._period_s) + self._period_s
            return self._frame(self._session, now_s)
        except TrackingUnavailable as error:
            self._lose(str(error), now_s)
            return self._release(now_s)

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _open(self) -> None:
        self.counts["attempts"] += 1
        self._session = Session()
        self.counts["sessions"] += 1
        self._space += self.counts["sessions"] > 1
        self._recentered = 0

    def _lose(self, reason: str, now_s: float) -> None:
        if self._session is not None:
            self.counts["sessions_lost"] += 1
        self.close()
        self._problem = f"openxr: {reason}"
        self._next_s = now_s + self._retry_s

    def _frame(self, session: Session, now_s: float) -> OperatorFrame | None:
        sight = session.look(now_s)
        moves, self._recentered = session.recentered - self._recentered, session.recentered
        self.counts["recentered"] += moves
        self._space += moves
        if sight is None:
            self._problem = NOT_WORN
            return self._release(now_s)
        self._problem, self._shown = None, True
        left, right = (self._hand(side, sight) for side in SIDES)
        engaged = all(self._pressed[side] for side in SIDES if sight.grips[side] is not None)
        head = None if sight.head is None else world_pose(sight.head)
        return self._numbered(now_s, left, right, head, engaged)

    def _hand(self, side: Side, sight: Sight) -> HandFrame:
        """Joints where there are any. A held controller that is squeezed keeps to what it was followed by at first: the
        two differ by centimetres and by what the fingers do."""
        joints, grip = sight.joints[side], sight.grips[side]
        self._pressed[side] = grip is not None and grip.squeeze > (RELEASED if self._pressed[side] else PRESSED)
        if not self._pressed[side]:
            self._by_joints[side] = grip is None or joints is not None
        if self._by_joints[side]:
            return hand_frame(joints.poses, joints.valid) if joints is not None else _NOTHING
        return grip_frame(side, grip.pose, grip.trigger) if grip is not None and grip.pose is not None else _NOTHING

    def _release(self, now_s: float) -> OperatorFrame | None:
        """The last frame of somebody who is gone; None when that was said."""
        if not self._shown:
            return None
        self._shown = False
        self._pressed = dict.fromkeys(SIDES, False)
        return self._numbered(now_s, _NOTHING, _NOTHING, None, False)

    def _numbered(
        self, now_s: float, left: HandFrame, right: HandFrame, T_world_head: Array | None, engaged: bool
    ) -> OperatorFrame:
        self._sequence += 1
        self.counts["frames"] += 1
        return OperatorFrame(now_s, self._sequence, left, right, T_world_head, engaged, self._space)
