"""The session as a ROS 2 node: calls control's services, hears what control and the task say, tells the console."""

from __future__ import annotations

import json

import rclpy
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String
from std_srvs.srv import Trigger

from .. import clock
from ..errors import MessageRefused, StageLost
from ..handover.states import REQUESTS, Signal
from ..robot_io import topics
from ..robot_io.json_text import read_object

DEADLINE_S = 2.0
RESET_SETTLES_S = 0.05
LOG_PERIOD_S = 2.0


class SessionNode:
    """Latest ``status`` and ``task`` as dictionaries with the time of their arrival, and every event since asked."""

    def __init__(self) -> None:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self.node = Node("rove_session")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.status: dict[str, object] = {}
        self.status_s = float("-inf")
        self.task: dict[str, object] = {}
        self.policy_identity: str | None = None
        """What a server says identifies its weights; empty for a policy that is a file; None before it was said."""
        self._events: list[dict[str, object]] = []
        self.node.create_subscription(String, topics.ROVE_STATUS, self._on_status, topics.LATEST)
        self.node.create_subscription(String, topics.TASK_STATUS, self._on_task, topics.LATEST)
        self.node.create_subscription(String, topics.ROVE_EVENT, self._on_event, topics.STREAM)
        self.node.create_subscription(String, topics.POLICY_IDENTITY, self._on_identity, topics.LATCHED)
        self._session = self.node.create_publisher(String, topics.ROVE_SESSION, topics.LATCHED)
        self._clients = {signal: self.node.create_client(Trigger, f"rove/{signal}") for signal in REQUESTS}
        self._reset = self.node.create_client(Trigger, topics.SIM_RESET)
        self._sim_parameters = self.node.create_client(SetParameters, "rove_sim_robot/set_parameters")

    def spin(self, wait_s: float) -> None:
        """Take what arrives within ``wait_s``."""
        deadline_s = clock.monotonic_s() + wait_s
        while (left_s := deadline_s - clock.monotonic_s()) > 0.0:
            self._executor.spin_once(timeout_sec=left_s)

    def request(self, signal: Signal) -> str | None:
        """Ask control for a transition; None when taken, else its reason.

        Raises:
            StageLost: control does not answer.
        """
        response = self._call(self._clients[signal], Trigger.Request(), "control")
        return None if response.success else str(response.message)

    def reset_simulation(self, seed: int) -> None:
        """Put the simulated task into the initial state of ``seed``.

        Raises:
            StageLost: the simulated robot does not answer or refuses.
        """
        value = ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=seed)
        request = SetParameters.Request(parameters=[Parameter(name="seed", value=value)])
        results = self._call(self._sim_parameters, request, "the simulated robot").results
        if not results[0].successful:
            raise StageLost(f"the simulated robot refused seed {seed}: {results[0].reason}")
        response = self._call(self._reset, Trigger.Request(), "the simulated robot")
        if not response.success:
            raise StageLost(f"the simulated robot could not be reset: {response.message}")
        self._wait_for_reset(seed)

    def _wait_for_reset(self, seed: int) -> None:
        """Until the new world has been heard of: control must not start from where the robot was in the old one."""
        deadline_s = clock.monotonic_s() + DEADLINE_S
        while self.task.get("seed") != seed:
            if clock.monotonic_s() > deadline_s:
                raise StageLost(f"the simulated robot says nothing of its reset with seed {seed}")
            self.spin(0.01)
        # Control hears of it by another topic; give that one a moment too.
        self.spin(RESET_SETTLES_S)

    def publish(self, session: dict[str, object]) -> None:
        self._session.publish(String(data=json.dumps(session)))

    def take_events(self) -> list[dict[str, object]]:
        """Control's events since the last call."""
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown()

    def _call(self, client, request, who: str):  # type: ignore[no-untyped-def]
        if not client.wait_for_service(timeout_sec=DEADLINE_S):
            raise StageLost(f"{who} does not offer {client.srv_name}")
        future = client.call_async(request)
        deadline_s = clock.monotonic_s() + DEADLINE_S
        while not future.done() and clock.monotonic_s() < deadline_s:
            self._executor.spin_once(timeout_sec=0.05)
        if not future.done():
            raise StageLost(f"{who} did not answer {client.srv_name} within {DEADLINE_S:g} s")
        return future.result()

    def _on_status(self, message: String) -> None:
        status = self._read(message)
        if status is not None:
            self.status, self.status_s = status, clock.monotonic_s()

    def _on_task(self, message: String) -> None:
        task = self._read(message)
        if task is not None:
            self.task = task

    def _on_identity(self, message: String) -> None:
        self.policy_identity = message.data

    def _on_event(self, message: String) -> None:
        event = self._read(message)
        if event is not None:
            self._events.append(event)

    def _read(self, message: String) -> dict[str, object] | None:
        """What a message says; None where it cannot be used, and then what was said before it gets older."""
        try:
            return read_object(message.data)
        except MessageRefused as refusal:
            self.node.get_logger().warning(str(refusal), throttle_duration_sec=LOG_PERIOD_S)
            return None
