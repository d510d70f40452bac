"""Poses of OpenXR and WebXR become hands in our frames: the same joints, the same axes, with or without the palm.

Both speak of a world with x right, y up, z backward. A joint's -z points to the fingertip and its +y out of the back of
the hand. A pose is (7,): position in metres, then quaternion x, y, z, w.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry import quat_to_matrix
from ..types import Array, HandFrame, Side
from .hand_shape import hand_points

OPENXR_JOINTS, WEBXR_JOINTS = 26, 25
"""OpenXR's 26 joints are palm, wrist, thumb (4), index, middle, ring and little (5 each); WebXR leaves out the palm."""
AXES_FROM_XR = np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""Turns x right, y up, z backward to x forward, y left, z up: for worlds, heads and joints alike."""
GRIP_AXES: dict[Side, Array] = {
    "left": np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "right": np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
}
"""Our wrist axes as columns in a grip: -z runs from the little finger to the thumb, x out of the right hand's back."""
GRIP_IN_WRIST_M = np.array([0.07, 0.0, -0.03])
"""Middle of the palm's surface, where a grip is, in the wrist frame of an adult."""
FINGER_METACARPALS = (5, 10, 15, 20)
"""Joints of WebXR's 25 that no glove has; what is left is ``HAND_POINTS``, in order."""
LARGEST = 1e3
"""No coordinate in a room is larger (metres)."""
_POINT_JOINTS = tuple(joint for joint in range(WEBXR_JOINTS) if joint not in FINGER_METACARPALS)


def world_pose(pose: Array) -> Array | None:
    """T_world_head of a pose (7,), or of any body with its axes; None for what is not finite or no orientation."""
    if not np.all(np.abs(pose) <= LARGEST):
        return None
    try:
        rotation = quat_to_matrix(pose[[6, 3, 4, 5]])
    except ValueError:
        return None
    result = np.eye(4)
    result[:3, :3] = AXES_FROM_XR @ rotation @ AXES_FROM_XR.T
    result[:3, 3] = AXES_FROM_XR @ pose[:3]
    return result


def hand_frame(poses: Array, valid: NDArray[np.bool_] | None = None) -> HandFrame:
    """The hand of OpenXR's joints (26, 7) or WebXR's (25, 7).

    Args:
        poses: every joint in the operator's space, in the order of the standard.
        valid: (26,) or (25,), False where the device does not know the joint; NaN says the same.

    Returns:
        Wrist and points; no points when one of the 21 is unknown, nothing when the wrist is.

    Raises:
        ValueError: neither 25 nor 26 joints.
    """
    if poses.shape not in ((OPENXR_JOINTS, 7), (WEBXR_JOINTS, 7)):
        raise ValueError(f"a hand of shape {poses.shape} is neither (26, 7) nor (25, 7)")
    poses = poses[-WEBXR_JOINTS:]
    known = np.ones(WEBXR_JOINTS, dtype=np.bool_) if valid is None else valid[-WEBXR_JOINTS:]
    T_world_wrist = world_pose(poses[0]) if known[0] else None
    if T_world_wrist is None:
        return HandFrame()
    positions_m = poses[_POINT_JOINTS, :3]
    if not (np.all(known[list(_POINT_JOINTS)]) and np.all(np.abs(positions_m) <= LARGEST)):
        return HandFrame(T_world_wrist)
    points_m = (positions_m - positions_m[0]) @ AXES_FROM_XR.T @ T_world_wrist[:3, :3]
    return HandFrame(T_world_wrist, points_m)


def grip_frame(side: Side, pose: Array, curl: float) -> HandFrame:
    """The hand that holds a controller at the grip pose (7,), its fingers closed by ``curl`` (0 to 1, the trigger)."""
    T_world_grip = world_pose(pose)
    if T_world_grip is None or not np.isfinite(curl):
        return HandFrame()
    result = T_world_grip.copy()
    result[:3, :3] = T_world_grip[:3, :3] @ AXES_FROM_XR @ GRIP_AXES[side]
    result[:3, 3] -= result[:3, :3] @ GRIP_IN_WRIST_M
    return HandFrame(result, hand_points(side, curl))
