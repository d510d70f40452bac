"""Frames of an operator become joint targets of one robot: clutch, arms, hands, and the memory of the last targets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..robots.description import RobotDescription
from ..robots.kinematics import Kinematics
from ..types import SIDES, Array, JointTargets, OperatorFrame, Side
from .body import BodyIK
from .calibration import HandSize
from .clutch import Clutch, Mode
from .hands import HandRetargeter

SHORTEST_STEP_S, LONGEST_STEP_S = 1e-4, 0.1
"""A longer pause between frames does not entitle to a longer step; frames with equal stamps do not move."""


class Retargeter:
    """Targets for the joints whose part of the operator is tracked; the others keep their last angle and are not valid.

    Call ``start`` with where the robot is, ``anchor`` to latch, then ``step`` with every frame. Targets are always
    finite and inside position limits, and move at most as fast as the velocity limits allow. Of the last step:
    ``residual_m`` is the worst wrist's distance from where the operator wants it, ``fingertip_residual_m`` the worst
    fingertip's from its target, ``clamped`` (n,) the joints that met a limit. With ``use_waist`` the waist bends for a
    hand that its arm alone does not reach.
    """

    def __init__(
        self,
        robot: RobotDescription,
        mode: Mode = "anchored",
        scale: float = 1.0,
        follow_head: bool = False,
        absolute_fingers: bool = False,
        sizes: Mapping[Side, HandSize] | None = None,
        use_waist: bool = False,
    ) -> None:
        self.robot = robot
        self.clutch = Clutch(mode, scale)
        self.residual_m = 0.0
        self.residual_rad = 0.0
        self.fingertip_residual_m = 0.0
        self.clamped: NDArray[np.bool_] = np.zeros(robot.joint_count, dtype=np.bool_)
        self._follow_head = follow_head and "neck" in robot.groups and "head" in robot.operator.frames
        self._kinematics = Kinematics(robot)
        self._absolute_fingers = absolute_fingers or mode == "absolute"
        known = sizes or {}
        self._hands = {side: HandRetargeter(robot, side, known.get(side)) for side in robot.operator.hands}
        self._sites: dict[Side, str] = {
            side: robot.operator.frames[f"{side}_wrist"] for side in SIDES if f"{side}_wrist" in robot.operator.frames
        }
        self._elbow_sites: dict[Side, str] = {
            side: robot.operator.frames[f"{side}_elbow"] for side in SIDES if f"{side}_elbow" in robot.operator.frames
        }
        arms = [f"{side}_arm" for side in self._sites]
        extra = ["neck"] * self._follow_head + ["waist"] * (use_waist and "waist" in robot.groups)
        self._body = BodyIK(robot, arms + extra) if arms or self._follow_head else None
        self._waist = robot.groups["waist"] if "waist" in extra else np.zeros(0, dtype=np.int64)
        self._arm_joints = {side: robot.groups[f"{side}_arm"] for side in self._sites}
        self._q_rad: Array = robot.home_rad.copy()
        self._last_frame: OperatorFrame | None = None
        self._latch_next = True

    def start(self, q_rad: Array) -> None:
        """Forget the past: the robot is at ``q_rad`` (n,), and the next frame is latched.

        Raises:
            ValueError: not one finite angle per joint.
        """
        if q_rad.shape != (self.robot.joint_count,) or not np.all(np.isfinite(q_rad)):
            raise ValueError(f"q_rad must be {self.robot.joint_count} finite angles")
        self._q_rad = np.clip(q_rad, self.robot.q_min_rad, self.robot.q_max_rad)
        if self._body is not None:  # the pull of the posture must not move a robot that has just been engaged
            self._body.posture_rad = self._q_rad
        self._last_frame = None
        self._latch_next = True

    def anchor(self, q_rad: Array) -> None:
        """Latch the robot's pose ``q_rad`` (n,) to the operator's last frame (to the next one when there is none)."""
        last = self._last_frame
        self.start(q_rad)
        if last is not None:
            self._latch(last)

    def anchor_to(self, frame: OperatorFrame, latches: Mapping[Side, tuple[Array, Array]]) -> None:
        """Latch ``frame``, but each side in ``latches`` by a calibration: (T_world_hand, T_base_wrist), both (4, 4)."""
        self._latch(frame)
        for side, (T_world_hand, T_base_wrist) in latches.items():
            self.clutch.latch(side, T_world_hand, T_base_wrist)

    def step(self, frame: OperatorFrame, dt_s: float) -> JointTargets:
        """Targets for one frame that passed the gate; ``dt_s`` is the time since the last one."""
        if self._latch_next:
            self._latch(frame)
        self._last_frame = frame
        dt_s = min(dt_s, LONGEST_STEP_S) if dt_s > SHORTEST_STEP_S else SHORTEST_STEP_S
        valid = np.zeros(self.robot.joint_count, dtype=np.bool_)
        self.clamped = np.zeros(self.robot.joint_count, dtype=np.bool_)
        self._step_body(frame, dt_s, valid)
        self._step_fingers(frame, dt_s, valid)
        return JointTargets(frame.stamp_s, self._q_rad.copy(), valid)

    def _latch(self, frame: OperatorFrame) -> None:
        self._kinematics.update(self._q_rad)
        wrists = {side: self._kinematics.frame(site) for side, site in self._sites.items()}
        head = self.robot.operator.frames.get("head")
        elbows = {side: self._kinematics.frame(site)[:3, 3] for side, site in self._elbow_sites.items()}
        self.clutch.anchor(frame, wrists, None if head is None else self._kinematics.frame(head), elbows)
        self._latch_next = False
        for hand in self._hands.values():
            hand.anchor(None if self._absolute_fingers else self._q_rad[hand.joints])

    def _step_body(self, frame: OperatorFrame, dt_s: float, valid: NDArray[np.bool_]) -> None:
        if self._body is None:
            return
        wrists = self.clutch.wrist_goals(frame)
        goals = {self._sites[side]: T for side, T in wrists.items() if side in self._sites}
        head = self.clutch.head_goal(frame) if self._follow_head else None
        if head is not None:
            goals[self.robot.operator.frames["head"]] = head
            valid[self.robot.groups["neck"]] = True
        solution = self._body.solve(goals, self._q_rad, dt_s, self.clutch.elbow_hints(frame))
        self._q_rad, self.clamped = solution.q_rad, solution.clamped
        self.residual_m, self.residual_rad = solution.residual_m, solution.residual_rad
        for side in wrists:
            valid[self._arm_joints[side]] = True
            valid[self._waist] = True

    def _step_fingers(self, frame: OperatorFrame, dt_s: float, valid: NDArray[np.bool_]) -> None:
        self.fingertip_residual_m = 0.0
        for side, hand in self._hands.items():
            points_m = frame.hand(side).points_m
            if points_m is None or not np.all(np.isfinite(points_m)):
                continue
            last = self._q_rad[hand.joints]
            reach = self.robot.v_max_rad_s[hand.joints] * dt_s
            wanted = hand.angles(points_m, last, dt_s)
            self._q_rad[hand.joints] = np.clip(wanted, last - reach, last + reach)
            self.clamped[hand.joints] = hand.clamped | (self._q_rad[hand.joints] != wanted)
            valid[hand.joints] = True
            self.fingertip_residual_m = max(self.fingertip_residual_m, hand.residual_m)
