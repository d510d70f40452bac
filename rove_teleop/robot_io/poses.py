"""The operator's head and wrists as geometry_msgs/PoseArray; an untracked part is all NaN, never a stale pose."""

from __future__ import annotations

import math

import numpy as np
from geometry_msgs.msg import Point, Pose, PoseArray, Quaternion

from ..errors import MessageRefused
from ..geometry import matrix_to_quat, quat_to_matrix, transform
from ..types import Array, OperatorFrame
from .joints import stamp_now

FRAME_ID = "operator_world"
PARTS = ("head", "left wrist", "right wrist")
_ORIGIN_LIMIT_M = 100.0


def pack_poses(frame: OperatorFrame) -> PoseArray:
    """Head, left wrist, right wrist in the operator's world."""
    message = PoseArray()
    message.header.frame_id = FRAME_ID
    stamp_now(message.header.stamp)
    parts = (frame.T_world_head, frame.left.T_world_wrist, frame.right.T_world_wrist)
    message.poses = [_pose(part) for part in parts]
    return message


def read_poses(message: PoseArray) -> tuple[Array | None, Array | None, Array | None]:
    """Transforms (4, 4) of head, left wrist and right wrist; None where the part is not tracked.

    Raises:
        MessageRefused: not three poses, a pose that is only partly NaN or infinite, or no orientation.
    """
    if len(message.poses) != len(PARTS):
        raise MessageRefused("wrong_length", f"{len(message.poses)} poses instead of {len(PARTS)}")
    head, left, right = (_transform(pose, part) for pose, part in zip(message.poses, PARTS, strict=True))
    return head, left, right


def _pose(T_world_part: Array | None) -> Pose:
    if T_world_part is None:
        nan = math.nan
        return Pose(position=Point(x=nan, y=nan, z=nan), orientation=Quaternion(x=nan, y=nan, z=nan, w=nan))
    w, x, y, z = (float(value) for value in matrix_to_quat(T_world_part[:3, :3]))
    px, py, pz = (float(value) for value in T_world_part[:3, 3])
    return Pose(position=Point(x=px, y=py, z=pz), orientation=Quaternion(x=x, y=y, z=z, w=w))


def _transform(pose: Pose, part: str) -> Array | None:
    p, q = pose.position, pose.orientation
    values = np.array([p.x, p.y, p.z, q.w, q.x, q.y, q.z])
    if np.isnan(values).all():
        return None
    if not np.isfinite(values).all() or not (np.abs(values[:3]) <= _ORIGIN_LIMIT_M).all():
        raise MessageRefused("not_finite", f"the pose of the {part} is not finite or further than 100 m away")
    try:
        return transform(quat_to_matrix(values[3:]), values[:3])
    except ValueError as error:
        raise MessageRefused("orientation", f"the {part}: {error}") from error
