"""A robot behind ROS 2 topics, used inside the control loop: polled, never blocking, no executor."""

from __future__ import annotations

from collections import Counter

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import JointState

from ..clock import monotonic_s
from ..errors import MessageRefused, RobotUnavailable
from ..robots.description import RobotDescription
from ..types import Array, RobotState
from .envelope import Envelope, parse_envelope
from .joints import JointOrder, joint_message, read_positions, read_velocities, write_joints
from .topics import JOINT_COMMANDS, JOINT_STATES, LATEST, PolledSubscription


class Ros2Robot:
    """``joint_states`` in, ``joint_commands`` out, both by joint name.

    A state that cannot be used (wrong, missing or repeated names, NaN, wrong length) is counted by reason in
    ``rejected`` and never returned: the last good one ages instead. ``epoch`` is the lease under which commands go out.
    """

    def __init__(self, robot: RobotDescription, node: Node, session_id: str, epoch: int = 0) -> None:
        parse_envelope(str(Envelope(session_id, epoch, 0)))
        self.session_id = session_id
        self.epoch = epoch
        self.rejected: Counter[str] = Counter()
        self.last_rejection = ""
        self._joint_names = robot.joint_names
        self._order = JointOrder(robot.joint_names)
        self._node = node
        self._states = PolledSubscription(node, JointState, JOINT_STATES)
        self._publisher = node.create_publisher(JointState, JOINT_COMMANDS, LATEST)
        self._message = joint_message(robot.joint_names)
        self._latest: RobotState | None = None

    def read(self) -> RobotState | None:
        """See ``Robot.read``."""
        message = self._states.take()
        if message is not None:
            try:
                q_rad = read_positions(message, self._order)
                dq_rad_s = read_velocities(message, self._order)
                self._latest = RobotState(monotonic_s(), q_rad, dq_rad_s)
            except MessageRefused as refusal:
                self.rejected[refusal.reason] += 1
                self.last_rejection = str(refusal)
        return self._latest

    def send(self, q_rad: Array, sequence: int) -> None:
        """See ``Robot.send``."""
        if q_rad.shape != (len(self._joint_names),) or not np.isfinite(q_rad).all():
            raise RobotUnavailable(f"command {sequence} is not {len(self._joint_names)} finite positions: not sent")
        self._message.header.frame_id = f"{self.session_id}/{self.epoch}/{sequence}"
        write_joints(self._message, q_rad)
        self._publisher.publish(self._message)

    def close(self) -> None:
        """See ``Robot.close``."""
        self._states.close()
        self._node.destroy_publisher(self._publisher)
