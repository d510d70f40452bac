"""From a device's frame to joint targets: the gate and retargeting, wired the same way live and in virtual time."""

from __future__ import annotations

import numpy as np

from ..retargeting.offline import REACH_USED
from ..retargeting.reach import arm_reach_m
from ..retargeting.retargeter import Retargeter
from ..robots.description import RobotDescription
from ..robots.kinematics import Kinematics
from ..tracking.admission import Admission
from ..tracking.gate import FrameGate, GateLimits
from ..types import Array, JointTargets, OperatorFrame
from .profiles import OperatorProfile

SHORTEST_STEP_S, LONGEST_STEP_S = 0.002, 0.1
LEAST_SCALE, MOST_SCALE = 0.5, 2.0


class OperatorChain:
    """Frames of one operator in, trusted frames and targets out.

    Unless the takeover is ``aligned``, retargeting is latched anew with every frame until the operator drives: so a
    takeover begins where the robot is, and a hand that is still then leaves the robot still. ``motion_scale`` is metres
    of the robot per metre of the operator's hand, where motion is copied (not in ``aligned``, which matches poses).
    """

    def __init__(
        self,
        robot: RobotDescription,
        takeover: str,
        limits: GateLimits | None = None,
        profile: OperatorProfile | None = None,
        motion_scale: float = 1.0,
    ) -> None:
        self.gate = FrameGate(limits)
        self.admission = Admission()
        self._follows = takeover != "aligned"
        sizes = None if profile is None else profile.sizes
        if self._follows:
            self.retargeter = Retargeter(robot, "anchored", motion_scale, follow_head=True, sizes=sizes)
        else:
            scale = aligned_scale(robot, profile)
            self.retargeter = Retargeter(robot, "absolute", scale, follow_head=True, sizes=sizes)
        self._last_frame_s: float | None = None
        self._started = False

    @property
    def trouble(self) -> str | None:
        """One sentence: why the operator, or a part of them, does not drive now; None when there is nothing to say."""
        return self.gate.trouble or self.admission.trouble

    @property
    def refused(self) -> dict[str, int]:
        """What was refused of the frames, by reason."""
        return {**self.gate.rejected, **self.admission.hidden}

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
        trusted = self.admission.admit(trusted, driving)
        dt_s = LONGEST_STEP_S if self._last_frame_s is None else frame.stamp_s - self._last_frame_s
        self._last_frame_s = frame.stamp_s
        if not self._started or (self._follows and not driving):
            self.retargeter.start(q_measured_rad)
            self._started = True
        return trusted, self.retargeter.step(trusted, min(max(dt_s, SHORTEST_STEP_S), LONGEST_STEP_S))


def aligned_scale(robot: RobotDescription, profile: OperatorProfile | None) -> float:
    """Metres of the robot per metre of an operator who is matched with it pose by pose: reach over arm length.

    A stretched arm is then a stretched arm, for short operators and for tall ones. Motion that is only copied from
    where both happen to be (anchored) needs no common size and stays 1:1.
    """
    arms = {} if profile is None else profile.arms
    sides = [side for side in arms if f"{side}_arm" in robot.groups and f"{side}_wrist" in robot.operator.frames]
    if not sides:
        return 1.0
    kinematics = Kinematics(robot)
    shares = [REACH_USED * arm_reach_m(robot, kinematics, side) / arms[side].length_m for side in sides]
    return float(np.clip(np.mean(shares), LEAST_SCALE, MOST_SCALE))
