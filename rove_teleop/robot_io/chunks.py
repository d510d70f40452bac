"""A policy's plan as trajectory_msgs/JointTrajectory: times count from publication and may be negative."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ..errors import MessageRefused
from ..types import ActionChunk, Array
from .joints import JointOrder, double_array, finite_values, stamp_now

MAX_POINTS = 512
MAX_OFFSET_S = 60.0
_NANO = 1_000_000_000


def pack_chunk(offset_s: Array, joint_names: Sequence[str], q_rad: Array) -> JointTrajectory:
    """Message of positions (h, m) in rad for ``joint_names`` (m,) at ``offset_s`` (h,) from publication."""
    message = JointTrajectory(joint_names=list(joint_names))
    stamp_now(message.header.stamp)
    message.points = [
        JointTrajectoryPoint(positions=double_array(row), time_from_start=_duration(float(offset)))
        for offset, row in zip(offset_s, q_rad, strict=True)
    ]
    return message


def read_chunk(message: JointTrajectory, order: JointOrder, received_s: float) -> ActionChunk:
    """The plan, placed in time by its arrival.

    Raises:
        MessageRefused: no points or too many, unknown or repeated joints, a value that is not finite, times that
            do not rise or lie more than a minute away.
    """
    names = message.joint_names
    index = order.index_of(names)
    points = message.points
    if not names or not (1 <= len(points) <= MAX_POINTS):
        raise MessageRefused("wrong_length", f"a chunk of {len(points)} points for {len(names)} joints is no plan")
    offset_s = np.array([_seconds(point.time_from_start) for point in points])
    if not (np.abs(offset_s) <= MAX_OFFSET_S).all() or not (np.diff(offset_s) > 0.0).all():
        raise MessageRefused("times", f"the times of a chunk must rise and lie within {MAX_OFFSET_S:g} s")
    q_rad = np.stack([finite_values(p.positions, names, f"point {i}") for i, p in enumerate(points)])
    return ActionChunk(received_s, offset_s, index.copy(), q_rad)


def _duration(seconds: float) -> Duration:
    sec, nanosec = divmod(round(seconds * _NANO), _NANO)
    return Duration(sec=sec, nanosec=nanosec)


def _seconds(duration: Duration) -> float:
    return float(duration.sec) + float(duration.nanosec) / _NANO
