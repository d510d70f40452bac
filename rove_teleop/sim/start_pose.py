"""Joint angles that put a wrist at a start pose, found once when a world is built."""

from __future__ import annotations

import numpy as np

from ..errors import ConfigInvalid
from ..geometry import pose_error
from ..robots import Kinematics, RobotDescription
from ..types import Array

_TOLERANCE_M = 5e-4


def reach(robot: RobotDescription, site: str, T_base_site: Array, group: str) -> Array:
    """Joint angles (n,): home, except that ``group`` brings ``site`` to the goal pose.

    Damped least squares with a pull towards home in what freedom is left.

    Raises:
        ConfigInvalid: this robot cannot reach the pose.
    """
    kinematics, joints = Kinematics(robot), robot.groups[group]
    q_rad = robot.home_rad.copy()
    for _ in range(500):
        kinematics.update(q_rad)
        error = pose_error(kinematics.frame(site), T_base_site)
        jacobian = kinematics.jacobian(site)[:, joints]
        inverse = jacobian.T @ np.linalg.inv(jacobian @ jacobian.T + 1e-4 * np.eye(6))
        rest = (np.eye(len(joints)) - inverse @ jacobian) @ (0.05 * (robot.home_rad - q_rad)[joints])
        step = np.clip(inverse @ error + rest, -0.1, 0.1)
        q_rad[joints] = np.clip(q_rad[joints] + step, robot.q_min_rad[joints], robot.q_max_rad[joints])
    kinematics.update(q_rad)
    miss = pose_error(kinematics.frame(site), T_base_site)
    if not (np.max(np.abs(miss)) <= _TOLERANCE_M):
        raise ConfigInvalid(f"{robot.model_path}:1: {site} cannot reach the start pose of the task (misses by {miss})")
    return q_rad
