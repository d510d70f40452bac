"""Names and quality of service of every topic, in one place, and a subscription that is polled without an executor.

Names are relative, so that a namespace puts a whole robot elsewhere.
"""

from __future__ import annotations

from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

JOINT_STATES = "joint_states"
JOINT_COMMANDS = "joint_commands"
POLICY_CHUNK = "policy/chunk"
POLICY_SHADOW_CHUNK = "policy/shadow_chunk"
POLICY_EMBEDDING = "policy/embedding"
POLICY_IDENTITY = "policy/identity"
FAILURE_ALARM = "failure/alarm"
OPERATOR_POSES = "operator/poses"
OPERATOR_TARGETS = "operator/targets"
OPERATOR_ENGAGED = "operator/engaged"
OPERATOR_FRAME = "operator/frame"
OPERATOR_ANCHOR = "operator/anchor"
OPERATOR_CALIBRATION = "operator/calibration"
OPERATOR_STATUS = "operator/status"
TASK_STATE = "task/state"
TASK_STATUS = "task/status"
SIM_SNAPSHOT = "sim/snapshot"
SIM_RESET = "sim/reset"
SIM_OPERATOR = "sim/operator"
SIM_OPERATOR_IMPERFECTION = "sim/operator_imperfection"
DIAGNOSTICS = "diagnostics"
ROVE_STATE = "rove/state"
ROVE_PHASE = "rove/phase"
ROVE_AUTHORITY = "rove/authority"
ROVE_REASON = "rove/reason"
ROVE_STATUS = "rove/status"
ROVE_EVENT = "rove/event"
ROVE_SESSION = "rove/session"
ROVE_GHOST = "rove/ghost"


def camera_topic(name: str) -> str:
    return f"camera/{name}/image_raw/compressed"


def raw_camera_topic(name: str) -> str:
    return f"camera/{name}/image_raw"


def _reliable(depth: int, durability: DurabilityPolicy = DurabilityPolicy.VOLATILE) -> QoSProfile:
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE, durability=durability)


LATEST = _reliable(1)
"""Only the newest value matters: states, commands, targets, chunks."""

LATCHED = _reliable(1, DurabilityPolicy.TRANSIENT_LOCAL)
"""A late subscriber gets the present value at once: phase, authority, session."""

STREAM = _reliable(50)
"""Every message matters: device frames, events."""

IMAGES = _reliable(2)

IMAGES_BEST_EFFORT = QoSProfile(depth=2, reliability=ReliabilityPolicy.BEST_EFFORT)
"""For cameras that offer nothing better: a reliable subscription would not hear them."""

REPORTS = _reliable(10)
"""Diagnostics."""

_DRAIN_LIMIT = 64


class _Unexecuted(CallbackGroup):
    """Keeps a polled subscription away from any executor that spins its node."""

    def can_execute(self, entity: object) -> bool:
        return False

    def beginning_execution(self, entity: object) -> bool:
        return False

    def ending_execution(self, entity: object) -> None:
        return None


class PolledSubscription:
    """A latest-value mailbox: ``take`` empties the queue and returns the newest message.

    A 250 Hz loop polls this in about 15 us when empty; an executor would cost more than the tick's own work.
    """

    def __init__(self, node: Node, message_type: type, topic: str, qos: QoSProfile = LATEST) -> None:
        self._node = node
        self._type = message_type
        self._group = _Unexecuted()
        self._subscription = node.create_subscription(message_type, topic, _never, qos, callback_group=self._group)

    def take(self) -> Any | None:
        """The newest message, or None when nothing arrived since the last call."""
        newest = None
        for message in self.take_all():
            newest = message
        return newest

    def take_all(self) -> list[Any]:
        """Everything that waits, oldest first (bounded: a flood must not hold the caller)."""
        messages: list[Any] = []
        with self._subscription.handle:
            while len(messages) < _DRAIN_LIMIT:
                taken = self._subscription.handle.take_message(self._type, False)
                if taken is None:
                    break
                messages.append(taken[0])
        return messages

    def close(self) -> None:
        self._node.destroy_subscription(self._subscription)


def _never(message: object) -> None:
    """The callback that rclpy insists on; no executor ever calls it."""
