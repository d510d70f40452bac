"""Whether ROS 2 works on this machine: one message to itself, through the real middleware."""

from __future__ import annotations

import os

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import Bool

from ..clock import monotonic_s
from ..errors import RobotUnavailable

PATIENCE_S = 5.0


def ros_answers() -> str:
    """What carries messages here.

    Raises:
        RobotUnavailable: a message that this process sends does not come back to it.
    """
    context = Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = Node("rove_doctor", context=context)
        heard: list[Bool] = []
        node.create_subscription(Bool, f"rove_doctor_{os.getpid()}", heard.append, 1)
        publisher = node.create_publisher(Bool, f"rove_doctor_{os.getpid()}", 1)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        deadline_s = monotonic_s() + PATIENCE_S
        while not heard and monotonic_s() < deadline_s:
            publisher.publish(Bool(data=True))
            executor.spin_once(timeout_sec=0.05)
        executor.shutdown()
        node.destroy_node()
    finally:
        rclpy.try_shutdown(context=context)
    middleware = rclpy.get_rmw_implementation_identifier()
    if not heard:
        raise RobotUnavailable(f"{middleware} carries no message from this process to itself: is the network set up?")
    return f"{middleware}, domain {os.environ.get('ROS_DOMAIN_ID', '0')}"
