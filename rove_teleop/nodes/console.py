"""The console as a ROS 2 node: topics become the page, buttons become calls of control's services."""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String
from std_srvs.srv import Trigger

from ..clock import monotonic_s
from ..console import (
    COMMANDS,
    ConsoleServer,
    HeadsetServer,
    LiveSession,
    address_of,
    create_app,
    host_names,
    loopback_socket,
    serve_together,
)
from ..errors import StageLost, UsageError
from ..robot_io import topics
from ..sessions.scheduling import step_back
from .support import Spinner, Stop, run_node

COMMAND_DEADLINE_S = 1.0
WARNING_PERIOD_S = 5.0

# A page may miss a picture: a camera never waits for it.
PICTURES = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


class RosSession(LiveSession):
    """A SessionBridge over ROS 2. Names are relative, so a namespace moves them all."""

    def __init__(self, node: Node, cameras: Sequence[str]) -> None:
        super().__init__(cameras)
        self._log = node.get_logger()
        self._commands = {name: node.create_client(Trigger, f"rove/{name}") for name in COMMANDS}

        def listen(topic: str, qos: QoSProfile, take: Callable[[str], None]) -> None:
            node.create_subscription(String, topic, lambda message: self._checked(topic, take, message.data), qos)

        listen(topics.ROVE_STATUS, topics.LATEST, lambda text: self.take_status(text, monotonic_s()))
        listen(topics.ROVE_SESSION, topics.LATCHED, self.take_session)
        listen(topics.ROVE_EVENT, topics.STREAM, self.take_event)
        listen(topics.TASK_STATUS, topics.LATEST, self.take_task)
        listen(topics.OPERATOR_CALIBRATION, topics.LATCHED, self.take_calibration)
        listen(topics.OPERATOR_STATUS, topics.LATCHED, self.take_operator)
        for camera in cameras:
            self._watch(node, camera)

    def _watch(self, node: Node, camera: str) -> None:
        topic = topics.camera_topic(camera)

        def take(message: CompressedImage) -> None:
            self._checked(topic, lambda jpeg: self.take_frame(camera, jpeg, monotonic_s()), bytes(message.data))

        node.create_subscription(CompressedImage, topic, take, PICTURES)

    def _checked(self, topic: str, take: Callable, value: str | bytes) -> None:
        try:
            take(value)
        except ValueError as error:
            self._log.warning(f"{topic}: {error}", throttle_duration_sec=WARNING_PERIOD_S)

    def command(self, name: str) -> tuple[bool, str]:
        client = self._commands[name]
        if not client.service_is_ready():
            raise StageLost(f"nobody offers {client.srv_name}: control is not running")
        try:
            response = client.call(Trigger.Request(), timeout_sec=COMMAND_DEADLINE_S)
        except TimeoutError as error:
            raise StageLost(f"control did not answer '{name}' within {COMMAND_DEADLINE_S:g} s") from error
        return bool(response.success), str(response.message)


def run(options: argparse.Namespace, stop: Stop) -> None:
    """Serve until a signal, or until the ROS thread ends."""
    cameras = camera_names(options.cameras)
    listener = loopback_socket(options.host, options.port)
    node = rclpy.create_node("rove_console")
    bridge = RosSession(node, cameras)
    ready = {"ready": address_of(listener)}
    servers: list[tuple[ConsoleServer, socket.socket]] = []

    def listens() -> None:
        if all(server.started for server, _ in servers):
            _say(ready)

    server = ConsoleServer(create_app(bridge, host_names(listener)), listens)
    servers.append((server, listener))
    if options.headset_socket is not None:
        headset = HeadsetServer(bridge, options.headset_host, options.headset_port, options.headset_socket, listens)
        servers.append((headset, headset.listener))
        ready["headset"] = headset.url
    spinning = threading.Thread(target=_spin, args=(node, server, stop), name="ros")
    spinning.start()
    step_back()
    try:
        # uvicorn takes the signals over while it serves, and hands them on to ``stop`` when it has ended.
        asyncio.run(serve_together(*servers))
    finally:
        server.should_exit = True
        spinning.join()
        node.destroy_node()


def camera_names(text: str) -> list[str]:
    """Names with commas between; none is allowed, nonsense is a UsageError."""
    names = [name for name in text.split(",") if name]
    if not all(name.isidentifier() for name in names) or len(set(names)) != len(names):
        raise UsageError(f"--cameras {text}: names of letters, digits and _, each once, with commas between")
    return names


def _spin(node: Node, server: ConsoleServer, stop: Stop) -> None:
    """Deliver messages until the server ends; a failure here ends the server, so that nobody trusts a frozen page."""
    spinner = Spinner(node)
    try:
        while not (server.should_exit or stop.requested):
            spinner.spin(0.1)
    finally:
        server.should_exit = True
        spinner.close()


def _say(message: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="rove_console", description=__doc__)
    result.add_argument("--host", default="127.0.0.1", help="loopback address (default %(default)s)")
    result.add_argument("--port", type=int, default=8080, help="0 takes a free port (default %(default)s)")
    result.add_argument("--cameras", default="ego", help="names with commas between (default %(default)s)")
    add = result.add_argument
    add("--headset-socket", type=Path, help="serve the headset's page too; its frames go to this Unix socket")
    add("--headset-host", default="", help="address that the headset reaches (default: the one on the local network)")
    add("--headset-port", type=int, default=8443, help="0 takes a free port (default %(default)s)")
    return result


if __name__ == "__main__":
    sys.exit(run_node(parser(), run))
