"""Where a robot's shoulders are and how far its arms reach, found by moving them: models name wrists, not shoulders."""

from __future__ import annotations

import numpy as np

from ..geometry import skew
from ..robots.description import RobotDescription
from ..robots.kinematics import Kinematics
from ..types import Array, Side

SAMPLES = 500


def shoulder_m(robot: RobotDescription, kinematics: Kinematics, side: Side) -> Array:
    """The point (3,) in the base frame where the first three joints of an arm meet, at the home pose, in metres."""
    site = robot.operator.frames[f"{side}_wrist"]
    kinematics.update(robot.home_rad)
    jacobian = kinematics.jacobian(site)[:, robot.groups[f"{side}_arm"][:3]]
    rows = np.concatenate([skew(jacobian[3:, k]) for k in range(3)])  # each hinge says v = omega x r
    from_shoulder = np.linalg.lstsq(rows, jacobian[:3].T.reshape(-1), rcond=None)[0]
    result: Array = kinematics.frame(site)[:3, 3] - from_shoulder
    return result


def arm_reach_m(robot: RobotDescription, kinematics: Kinematics, side: Side) -> float:
    """Longest distance in metres from shoulder to wrist within the joint limits."""
    centre_m = shoulder_m(robot, kinematics, side)
    joints, site = robot.groups[f"{side}_arm"], robot.operator.frames[f"{side}_wrist"]
    random = np.random.default_rng(0)
    q_rad = robot.home_rad.copy()
    longest_m = 0.0
    for _ in range(SAMPLES):
        q_rad[joints] = random.uniform(robot.q_min_rad[joints], robot.q_max_rad[joints])
        kinematics.update(q_rad)
        longest_m = max(longest_m, float(np.linalg.norm(kinematics.frame(site)[:3, 3] - centre_m)))
    return longest_m
