"""Another ROS 2 program: publishes what a recorder listens to, then prints the recorder's own diagnostics."""

from __future__ import annotations

import json
import sys
import time

import rclpy
from builtin_interfaces.msg import Duration, Time
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Float64MultiArray, Header, MultiArrayDimension, UInt8MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from rove_teleop.episodes.layout import pack_operator_frame
from tests.episodes.recording_tools import jpeg, operator_frame


def main() -> None:
    rclpy.init()
    node = Node("a_stranger")
    image = node.create_publisher(CompressedImage, "/camera/ego/image_raw/compressed", 10)
    grip = node.create_publisher(CompressedImage, "/camera/grip/image_raw/compressed", qos_profile_sensor_data)
    raw = node.create_publisher(Image, "/camera/wrist/image_raw", qos_profile_sensor_data)
    frame = node.create_publisher(UInt8MultiArray, "/operator/frame", 10)
    task = node.create_publisher(Float64MultiArray, "/task/state", 10)
    chunk = node.create_publisher(JointTrajectory, "/policy/chunk", 10)
    reports: list[dict[str, str]] = []
    node.create_subscription(DiagnosticArray, "/diagnostics", lambda message: reports.append(_values(message)), 10)
    while min(p.get_subscription_count() for p in (image, grip, raw, frame, task, chunk)) == 0:
        rclpy.spin_once(node, timeout_sec=0.05)
    labels = [MultiArrayDimension(label=name, size=1, stride=1) for name in ("bread_x", "bread_y")]
    for k in range(10):
        header = Header(stamp=Time(sec=1000 + k, nanosec=250_000_000))
        image.publish(CompressedImage(header=header, format="jpeg", data=jpeg(k, 50_000)))
        grip.publish(CompressedImage(header=header, format="jpeg", data=jpeg(k)))
        raw.publish(Image(header=header, height=2, width=2, encoding="rgb8" if k else "yuv", step=6, data=bytes(12)))
        frame.publish(UInt8MultiArray(data=pack_operator_frame(operator_frame(k))))
        message = Float64MultiArray(data=[float(k), -float(k)])
        message.layout.dim = labels
        task.publish(message)
        time.sleep(0.05)
    chunk.publish(_chunk(["right", "left"], 0.3))
    time.sleep(0.1)
    chunk.publish(_chunk(["right", "left"], float("nan")))
    reports.clear()
    while len(reports) < 2:
        rclpy.spin_once(node, timeout_sec=0.5)
    sys.stdout.write(json.dumps({"counts": reports[-1]}))
    node.destroy_node()
    rclpy.shutdown()


def _chunk(names: list[str], target_rad: float) -> JointTrajectory:
    times = (Duration(sec=-1, nanosec=950_000_000), Duration(), Duration(nanosec=50_000_000))
    points = [JointTrajectoryPoint(positions=[target_rad] * len(names), time_from_start=t) for t in times]
    return JointTrajectory(joint_names=names, points=points)


def _values(message: DiagnosticArray) -> dict[str, str]:
    return {pair.key: pair.value for status in message.status for pair in status.values}


if __name__ == "__main__":
    main()
