"""The console as a ROS 2 node: topics become the page, buttons become calls of control's services."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import threading
from collections.abc import Callable, Sequence

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String
from std_srvs.srv import Trigger

from ..clock import monotonic_s
from ..console import COMMANDS, ConsoleServer, LiveSession, create_app, host_names, loopback_socket
from ..console.server import address_of
from ..errors import RoveError, StageLost, UsageError

COMMAND_DEADLINE_S = 1.0
WARNING_PERIOD_S = 5.0

LATEST = QoSProfile(depth=1)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
EVENTS = QoSProfile(depth=50)
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

        listen("rove/status", LATEST, lambda text: self.take_status(text, monotonic_s()))
        listen("rove/session", LATCHED, self.take_session)
        listen("rove/event", EVENTS, self.take_event)
        listen("task/status", LATEST, self.take_task)
        for camera in cameras:
            self._watch(node, camera)

    def _watch(self, node: Node, camera: str) -> None:
        topic = f"camera/{camera}/image_raw/compressed"

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


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Command line of the console, without the ROS part of it."""
    parser = argparse.ArgumentParser(prog="python -m rove_teleop.nodes.console", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="loopback address (default %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free port (default %(default)s)")
    parser.add_argument("--cameras", default="ego", help="names with commas between (default %(default)s)")
    options = parser.parse_args(arguments)
    options.cameras = options.cameras.split(",")
    if not all(name.isidentifier() for name in options.cameras):
        raise UsageError(f"--cameras {','.join(options.cameras)}: a camera name has letters, digits and _ only")
    return options


def serve(options: argparse.Namespace) -> None:
    """Serve until a signal, or until the ROS thread ends."""
    listener = loopback_socket(options.host, options.port)
    node = rclpy.create_node("rove_console")
    app = create_app(RosSession(node, options.cameras), host_names(listener))
    server = ConsoleServer(app, lambda: _say_ready(address_of(listener)))
    spinning = threading.Thread(target=_spin, args=(node, server), name="ros")
    # uvicorn raises a signal again once it has stopped; by then this handler makes it a clean exit.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    spinning.start()
    try:
        asyncio.run(server.serve(sockets=[listener]))
    finally:
        server.should_exit = True
        spinning.join()
        node.destroy_node()


def _spin(node: Node, server: ConsoleServer) -> None:
    """Deliver messages until the server ends; a failure here ends the server, so that nobody trusts a frozen page."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while not server.should_exit:
            executor.spin_once(timeout_sec=0.1)
    except ExternalShutdownException:
        return
    finally:
        server.should_exit = True
        executor.shutdown()


def _say_ready(address: str) -> None:
    sys.stdout.write(json.dumps({"ready": address}) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node; returns the exit code."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = parse_arguments(rclpy.utilities.remove_ros_args(["console", *argv])[1:])
        rclpy.init(args=argv, signal_handler_options=SignalHandlerOptions.NO)
        try:
            serve(options)
        finally:
            rclpy.try_shutdown()
    except RoveError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
