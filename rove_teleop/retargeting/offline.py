"""A whole recording to joint angles, for ``rove retarget``: what a live session would ask for, before the filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..geometry import transform
from ..robots.description import RobotDescription
from ..robots.kinematics import Kinematics
from ..types import SIDES, Array, OperatorFrame, Side
from .reach import arm_reach_m, shoulder_m
from .retargeter import Retargeter

Progress = Callable[[int, int], None]
"""Called with the frames done and the frames in all."""
PROGRESS_FRAMES = 100
PLAUSIBLE_SCALE = (0.5, 2.0)
REACH_USED = 0.97
"""Share of the robot's reach that a stretched arm of the operator asks for: a straight arm is a singular one."""
START_STEPS = 200
MIDDLE_FROM_SHOULDER = np.array([0.62, 0.0, -0.40])
"""Where the middle of a recording without shoulders goes, in arm lengths from the robot's shoulder."""


class RecordedMotion(Protocol):
    """What a recording must have; ``load_motion`` of the tracking stage returns one."""

    @property
    def frames(self) -> Sequence[OperatorFrame]: ...
    @property
    def arm_length_m(self) -> float | None: ...
    @property
    def shoulder_m(self) -> Mapping[Side, Array]: ...


def retarget_motion(
    motion: RecordedMotion, robot: RobotDescription, progress: Progress | None = None
) -> dict[str, NDArray[np.generic]]:
    """Joint angles of every frame, at the file's own stamps.

    A recording does not know the robot, so calibration is automatic. Where the file tells the operator's shoulders,
    wrists are taken as seen from them, positions scaled by the robot's reach over the operator's (the longer of arm
    length and how far the hand goes; never above 1 where the file does not tell the arm's length). Elsewhere the middle
    of each hand's motion is put in front of the robot's shoulder with the home pose's orientation, unscaled. Fingers
    are copied as they are. The first frame is where the robot starts.

    Returns:
        joint_names (n,); stamp_s (frames,); q_rad (frames, n), inside position and velocity limits; residual_m
        (frames,), the worst wrist's distance from where it should be (0 where no wrist is tracked);
        fingertip_residual_m (frames,), the worst fingertip's, in the robot's size (0 where none is); clamped (frames,
        n), joints that met a limit; valid (frames, n), joints whose part of the operator is tracked; scale ().
    """
    frames = motion.frames
    scale, latches = calibrate(motion, robot)
    retargeter = Retargeter(robot, scale=scale, follow_head=True, absolute_fingers=True)
    retargeter.start(robot.home_rad)
    retargeter.anchor_to(frames[0], latches)
    for _ in range(START_STEPS):
        retargeter.step(frames[0], 0.05)
    shape = (len(frames), robot.joint_count)
    q_rad, residual_m, fingertip_residual_m = np.zeros(shape), np.zeros(len(frames)), np.zeros(len(frames))
    clamped, valid = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    stamp_s = np.array([frame.stamp_s for frame in frames])
    for k, frame in enumerate(frames):
        targets = retargeter.step(frame, float(stamp_s[k] - stamp_s[max(k - 1, 0)]))
        q_rad[k], valid[k] = targets.q_rad, targets.valid
        residual_m[k], clamped[k] = retargeter.residual_m, retargeter.clamped
        fingertip_residual_m[k] = retargeter.fingertip_residual_m
        if progress is not None and ((k + 1) % PROGRESS_FRAMES == 0 or k + 1 == len(frames)):
            progress(k + 1, len(frames))
    return {
        "joint_names": np.array(robot.joint_names),
        "stamp_s": stamp_s,
        "q_rad": q_rad,
        "residual_m": residual_m,
        "fingertip_residual_m": fingertip_residual_m,
        "clamped": clamped,
        "valid": valid,
        "scale": np.array(scale),
    }


def calibrate(motion: RecordedMotion, robot: RobotDescription) -> tuple[float, dict[Side, tuple[Array, Array]]]:
    """Scale of positions, and per tracked side a pose (4, 4) of the operator's world and its pose in the base frame."""
    kinematics = Kinematics(robot)
    scale = 1.0 if motion.arm_length_m is None else PLAUSIBLE_SCALE[1]
    latches: dict[Side, tuple[Array, Array]] = {}
    for side in SIDES:
        wrists = [T for frame in motion.frames if (T := frame.hand(side).T_world_wrist) is not None]
        if not wrists or f"{side}_wrist" not in robot.operator.frames:
            continue
        robot_shoulder_m = shoulder_m(robot, kinematics, side)
        if side in motion.shoulder_m:
            level, operator_shoulder_m = np.eye(3), motion.shoulder_m[side]
            latches[side] = transform(level, operator_shoulder_m), transform(level, robot_shoulder_m)
            far_m = np.linalg.norm(np.array(wrists)[:, :3, 3] - operator_shoulder_m, axis=1)
            stretched_m = max(float(np.percentile(far_m, 98)), motion.arm_length_m or 0.0, 0.1)
            reach_m = arm_reach_m(robot, kinematics, side)
            scale = max(min(scale, REACH_USED * reach_m / stretched_m), PLAUSIBLE_SCALE[0])
        else:
            kinematics.update(robot.home_rad)
            home = kinematics.frame(robot.operator.frames[f"{side}_wrist"])
            middle_m = robot_shoulder_m + MIDDLE_FROM_SHOULDER * arm_reach_m(robot, kinematics, side)
            latches[side] = _middle(np.array(wrists)), transform(home[:3, :3], middle_m)
    return scale, latches


def _middle(T_world_wrist: Array) -> Array:
    """A pose (4, 4) at the median position, with the orientation of the frame that is closest to the mean one."""
    closeness = np.sum(T_world_wrist[:, :3, :3] * T_world_wrist[:, :3, :3].mean(axis=0), axis=(1, 2))
    rotation = T_world_wrist[int(np.argmax(closeness)), :3, :3]
    return transform(rotation, np.median(T_world_wrist[:, :3, 3], axis=0))
