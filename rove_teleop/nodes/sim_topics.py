"""What the simulated robot publishes: joints every tick, the task, its status and the world's state more seldom."""

from __future__ import annotations

import json

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String

from ..robot_io import topics
from ..robot_io.features import FeaturePacker
from ..robot_io.joints import double_array, joint_message, write_joints
from ..sim.world import World
from ..types import RobotState
from .support import Every

TASK_STATE_PERIOD_S = 0.02
TASK_STATUS_PERIOD_S = 0.05
SNAPSHOT_PERIOD_S = 1.0 / 30.0


class SimTopics:
    """Publishers of one simulated world. Not finite values are never published."""

    def __init__(self, node: Node, joint_names: tuple[str, ...], task: str) -> None:
        self._task_name = task
        self._joints = joint_message(joint_names)
        self._states = node.create_publisher(JointState, topics.JOINT_STATES, topics.LATEST)
        self._task = node.create_publisher(Float64MultiArray, topics.TASK_STATE, topics.LATEST)
        self._status = node.create_publisher(String, topics.TASK_STATUS, topics.LATEST)
        self._snapshots = node.create_publisher(Float64MultiArray, topics.SIM_SNAPSHOT, topics.LATEST)
        self._task_due = Every(TASK_STATE_PERIOD_S)
        self._status_due = Every(TASK_STATUS_PERIOD_S)
        self._snapshot_due = Every(SNAPSHOT_PERIOD_S)
        self._packer: FeaturePacker | None = None

    def publish(self, world: World, state: RobotState, seed: int, mode: str) -> None:
        """Publish what is due at ``state.stamp_s``.

        A world that became unstable falls silent: whoever commands it must see the robot as lost.
        """
        if np.isfinite(state.q_rad).all() and np.isfinite(state.dq_rad_s).all():
            write_joints(self._joints, state.q_rad, state.dq_rad_s)
            self._states.publish(self._joints)
        if self._task_due.due(state.stamp_s):
            self._publish_features(world, state.stamp_s)
        if self._status_due.due(state.stamp_s):
            self._publish_status(world, state.stamp_s, seed, mode)
        if self._snapshot_due.due(state.stamp_s):
            self._snapshots.publish(Float64MultiArray(data=double_array(world.snapshot())))

    def _publish_features(self, world: World, now_s: float) -> None:
        if self._packer is None:
            self._packer = FeaturePacker(world.feature_names)
        features = world.task_state(now_s).features
        if np.isfinite(features).all():
            self._task.publish(self._packer.pack(features))

    def _publish_status(self, world: World, now_s: float, seed: int, mode: str) -> None:
        task = world.task_state(now_s)
        status = {
            "task": self._task_name,
            "seed": seed,
            "time_s": round(world.time_s, 3),
            "progress": round(float(task.progress), 4) if np.isfinite(task.progress) else 0.0,
            "success": bool(task.success),
            "failure": task.failure,
            "robot": mode,
            "notes": world.notes,
        }
        self._status.publish(String(data=json.dumps(status)))
