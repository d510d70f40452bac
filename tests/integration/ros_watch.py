"""A ROS 2 program that knows nothing of this project: standard messages and plain rclpy."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import JointState

from .environment import ENVIRONMENT


def load_type_support() -> None:
    """lark, which rosidl loads for the first message, imports a deprecated module; warnings are errors here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        importlib.import_module("rosidl_generator_py")


class Watcher:
    """One node with its executor; everything runs in the caller's thread."""

    def __init__(self, domain: int, name: str = "watcher") -> None:
        os.environ.update(ENVIRONMENT)
        load_type_support()
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)
        self.node = Node(name, context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.latest: dict[str, Any] = {}
        self.count: dict[str, int] = {}
        self._sequence = 0

    def listen(self, message_type: type, topic: str, depth: int = 10, use: Callable | None = None) -> None:
        def take(message: Any) -> None:
            self.latest[topic] = message
            self.count[topic] = self.count.get(topic, 0) + 1
            if use is not None:
                use(message)

        self.node.create_subscription(message_type, topic, take, QoSProfile(depth=depth))

    def spin_until(self, condition: Callable[[], Any], patience_s: float) -> Any:
        """Spin until ``condition`` is true; returns its value, or its last value when patience ran out."""
        deadline_s = time.monotonic() + patience_s
        value = condition()
        while not value and time.monotonic() < deadline_s:
            self.executor.spin_once(timeout_sec=0.02)
            value = condition()
        return value

    def spin_for(self, duration_s: float) -> None:
        self.spin_until(lambda: False, duration_s)

    def call(self, service_type: type, name: str, request: Any, patience_s: float = 10.0) -> Any:
        client = self.node.create_client(service_type, name)
        try:
            assert self.spin_until(client.service_is_ready, patience_s), f"nobody offers {name}"
            future = client.call_async(request)
            assert self.spin_until(future.done, patience_s), f"{name} did not answer"
            return future.result()
        finally:
            self.node.destroy_client(client)

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


class Commander:
    """Publishes joint commands and notes every joint state with its time of arrival."""

    def __init__(self, watcher: Watcher, session: str, topic: str = "joint_commands") -> None:
        self.watcher = watcher
        self.session = session
        self.sequence = 0
        self.states: list[tuple[float, JointState]] = []
        self._publisher = watcher.node.create_publisher(JointState, topic, QoSProfile(depth=1))
        watcher.listen(JointState, "joint_states", 50, lambda m: self.states.append((time.monotonic(), m)))

    def ready(self) -> bool:
        return bool(self.states) and self._publisher.get_subscription_count() > 0

    @property
    def measured(self) -> JointState:
        return self.states[-1][1]

    def send(self, names: list[str], position: list[float], frame_id: str | None = None) -> None:
        self.sequence += 1
        message = JointState(name=names, position=position)
        message.header.frame_id = f"{self.session}/1/{self.sequence}" if frame_id is None else frame_id
        self._publisher.publish(message)

    def stream(self, duration_s: float, position_at: Callable[[float], list[float]]) -> float:
        """Send at 250 Hz, spinning in between; returns the time of the last command."""
        names = list(self.measured.name)
        start_s = time.monotonic()
        tick = 0
        while (elapsed_s := time.monotonic() - start_s) < duration_s:
            self.send(names, position_at(elapsed_s))
            tick += 1
            while time.monotonic() < start_s + tick * 0.004:
                self.watcher.executor.spin_once(timeout_sec=0.001)
        return time.monotonic()


@contextmanager
def node_process(
    module: str,
    *arguments: str,
    domain: int,
    log: Path,
    python: Path | None = None,
    extra: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen]:
    """A node of the project as its own process, ended with SIGTERM. ``extra`` is added to its environment."""
    command = [str(python or sys.executable), "-m", f"rove_teleop.nodes.{module}", *arguments]
    environment = {**os.environ, **ENVIRONMENT, "ROS_DOMAIN_ID": str(domain), **(extra or {})}
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
