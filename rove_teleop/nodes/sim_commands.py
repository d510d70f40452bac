"""The command side of the simulated robot: messages to a guarded target, and the report about it."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import JointState

from ..errors import MessageRefused
from ..robot_io import topics
from ..robot_io.command_guard import CommandGuard, Mode
from ..robot_io.envelope import parse_envelope
from ..robot_io.joints import JointOrder, read_positions
from ..robots.description import RobotDescription
from ..types import Array, RobotState
from .support import Every, diagnostic

LOG_PERIOD_S = 2.0
REPORT_PERIOD_S = 1.0


class SimCommands:
    """Takes joint commands while ``active``; the guard decides what becomes of them."""

    def __init__(self, node: Node, robot: RobotDescription, timeout_s: float) -> None:
        self.active = False
        self.ignored = 0
        self.guard = CommandGuard(robot, timeout_s)
        self._node = node
        self._robot = robot
        self._order = JointOrder(robot.joint_names)
        self._commands = topics.PolledSubscription(node, JointState, topics.JOINT_COMMANDS, topics.REPORTS)
        self._diagnostics = node.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, topics.REPORTS)
        self._report_due = Every(REPORT_PERIOD_S)
        self._reported_mode = self.guard.mode

    def target(self, state: RobotState) -> Array:
        """Position target (n,) in rad of this period.

        Every command that waits is offered, so that a second sender cannot push the first one out of the queue.
        """
        for message in self._commands.take_all():
            if self.active:
                self._offer(message, state)
            else:
                self.ignored += 1
        return self.guard.target(state, self._robot.dt_s)

    def _offer(self, message: JointState, state: RobotState) -> None:
        try:
            envelope = parse_envelope(message.header.frame_id)
            self.guard.offer(envelope, read_positions(message, self._order), state)
        except MessageRefused as refusal:
            self.guard.refuse(refusal)
            self._node.get_logger().warning(f"command refused: {refusal}", throttle_duration_sec=LOG_PERIOD_S)

    def report(self, now_s: float, missed_ticks: int) -> None:
        """Diagnostics once a second, and at once when the robot starts or stops to follow."""
        guard = self.guard
        if not self._report_due.due(now_s) and guard.mode is self._reported_mode:
            return
        self._reported_mode = guard.mode
        values: dict[str, object] = {
            "mode": guard.mode.value,
            "active": self.active,
            "accepted": guard.accepted,
            "refused": dict(guard.refused),
            "last_refusal": guard.last_refusal,
            "timeouts": guard.timeouts,
            "ignored_while_inactive": self.ignored,
            "missed_ticks": missed_ticks,
        }
        self._diagnostics.publish(diagnostic("rove_sim_robot", self._problem(), values))

    def _problem(self) -> str | None:
        senders = self._node.count_publishers(topics.JOINT_COMMANDS)
        if senders > 1:
            return f"{senders} publishers of {topics.JOINT_COMMANDS}"
        if self.active and self.guard.mode is not Mode.FOLLOWING and self.guard.timeouts:
            return "commands stopped: the robot holds its pose"
        return None
