"""A checkpoint and a robot, joined by name before anything moves; what does not fit is refused with both sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckpointInvalid
from ..models.checkpoint import CheckpointHeader
from ..robots.description import RobotDescription

SHORTEST_USE_S = 0.05
"""A policy whose plans are used for less would be asked more often than one can answer."""


def check_rates(header: CheckpointHeader, robot: RobotDescription) -> None:
    """`CheckpointInvalid` when the steps of a plan are finer than control, or too little of it is used."""
    if header.step_s < robot.dt_s * (1.0 - 1e-6):
        raise CheckpointInvalid(
            f"the policy for '{header.task}' plans in steps of {header.step_s:g} s, "
            f"but robot '{robot.name}' is controlled in steps of {robot.dt_s:g} s"
        )
    used_s = header.step_s * header.execute
    if used_s < SHORTEST_USE_S:
        raise CheckpointInvalid(
            f"the policy for '{header.task}' uses {header.execute} steps of {header.step_s:g} s of a plan, "
            f"{used_s:g} s in all, but a plan must be good for {SHORTEST_USE_S:g} s"
        )


def bind_joints(header: CheckpointHeader, robot: RobotDescription) -> NDArray[np.int64]:
    """Indices (m,) of the checkpoint's joints in the robot's order.

    Raises:
        CheckpointInvalid: the robot lacks a joint, or a joint has other limits than it had in training.
    """
    missing = [name for name in header.joint_names if name not in robot.joint_names]
    if missing:
        raise CheckpointInvalid(
            f"the policy for '{header.task}' moves joints {missing} of robot '{header.robot}', "
            f"but robot '{robot.name}' has {list(robot.joint_names)}"
        )
    index = np.array([robot.joint_names.index(name) for name in header.joint_names], dtype=np.int64)
    for row, name, low, high in zip(index, header.joint_names, header.q_min_rad, header.q_max_rad, strict=True):
        if not (abs(robot.q_min_rad[row] - low) < 1e-6 and abs(robot.q_max_rad[row] - high) < 1e-6):
            raise CheckpointInvalid(
                f"joint '{name}' was {low:g} to {high:g} rad when the policy for '{header.task}' was trained, "
                f"but robot '{robot.name}' has {robot.q_min_rad[row]:g} to {robot.q_max_rad[row]:g} rad"
            )
    return index


def bind_features(header: CheckpointHeader, feature_names: tuple[str, ...]) -> NDArray[np.int64]:
    """Indices (k,) of the checkpoint's features among those that a task offers, or `CheckpointInvalid`."""
    missing = [name for name in header.feature_names if name not in feature_names]
    if missing:
        raise CheckpointInvalid(
            f"the policy for '{header.task}' reads features {missing}, but the task offers {list(feature_names)}"
        )
    return np.array([feature_names.index(name) for name in header.feature_names], dtype=np.int64)
