"""From a device's frame to joint targets: the gate and retargeting, wired the same way live and in virtual time."""

from __future__ import annotations

from .retargeting.retargeter import Retargeter
from .robots.description import RobotDescription
from .tracking.gate import FrameGate, GateLimits
from .types import Array, JointTargets, OperatorFrame

SHORTEST_STEP_S, LONGEST_STEP_S = 0.002, 0.1


class OperatorChain:
    """Frames of one operator in, trusted frames and targets out.

    Unless the takeover is ``aligned``, retargeting is latched anew with every frame until the operator drives: so a
    takeover begins where the robot is, and a hand that is still then leaves the robot still.
    """

    def __init__(self, robot: RobotDescription, takeover: str, limits: GateLimits | None = None) -> None:
        self.gate = FrameGate(limits)
        self._follows = takeover != "aligned"
        self.retargeter = Retargeter(robot, "anchored" if self._follows else "absolute")
        self._last_frame_s: float | None = None
        self._started = False

    def step(
        self, frame: OperatorFrame, now_s: float, q_measured_rad: Array, driving: bool
    ) -> tuple[OperatorFrame, JointTargets] | None:
        """What can be trusted of ``frame`` and the targets (n,) it asks for; None when nothing of it counts."""
        if not driving:
            # Only a person's request makes the operator drive, and that is a deliberate engage.
            self.gate.release()
        trusted = self.gate.check(frame, now_s)
        if trusted is None:
            return None
        dt_s = LONGEST_STEP_S if self._last_frame_s is None else frame.stamp_s - self._last_frame_s
        self._last_frame_s = frame.stamp_s
        if not self._started or (self._follows and not driving):
            self.retargeter.start(q_measured_rad)
            self._started = True
        return trusted, self.retargeter.step(trusted, min(max(dt_s, SHORTEST_STEP_S), LONGEST_STEP_S))
