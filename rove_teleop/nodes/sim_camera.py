"""Cameras of the simulation as ROS 2 topics: renders the newest snapshot of the world to JPEG."""

from __future__ import annotations

import argparse
import os
import sys

# Read by Mesa and MuJoCo when they load: one software-rendering thread, no display.
os.environ.setdefault("LP_NUM_THREADS", "1")
os.environ.setdefault("MUJOCO_GL", "egl")

import numpy as np
import simplejpeg
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Float64MultiArray

from ..clock import Pacer, monotonic_s
from ..errors import UsageError
from ..robot_io import topics
from ..robot_io.joints import stamp_now
from ..robots.description import load_robot
from ..sessions.scheduling import step_back
from ..sim.camera import SimCamera
from .support import Bounds, Every, Parameters, Spinner, Stop, diagnostic, run_node


class CameraNode(Node):
    """One picture of every camera per new snapshot, at most ``rate_hz`` times a second."""

    def __init__(self, robot: str, task: str, cameras: list[str]) -> None:
        super().__init__("rove_camera")
        self.parameters = Parameters(self)
        self.parameters.number("rate_hz", 30.0, Bounds(1.0, 60.0, "Hz"), "pictures per second of each camera")
        self.parameters.integer("jpeg_quality", 80, Bounds(10, 100), "quality of the JPEG pictures")
        width = self.parameters.integer("width", 640, Bounds(16, 1280, "px"), "width of a picture", read_only=True)
        height = self.parameters.integer("height", 480, Bounds(16, 960, "px"), "height of a picture", read_only=True)
        description = load_robot(robot)
        self.cameras = {name: SimCamera(description, task, name, width, height) for name in cameras}
        self.publishers_of = {
            name: self.create_publisher(CompressedImage, topics.camera_topic(name), topics.IMAGES) for name in cameras
        }
        self._snapshots = topics.PolledSubscription(self, Float64MultiArray, topics.SIM_SNAPSHOT)
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, topics.REPORTS)
        self._report = Every(1.0)
        self.published = 0
        self.refused = 0

    def step(self) -> None:
        """Render the newest snapshot, if there is one."""
        message = self._snapshots.take()
        if message is None:
            return
        snapshot = np.array(message.data, dtype=np.float64)
        try:
            for name, camera in self.cameras.items():
                self._publish(name, camera.render(snapshot))
        except ValueError as error:
            self.refused += 1
            self.get_logger().warning(f"snapshot not rendered: {error}", throttle_duration_sec=2.0)

    def _publish(self, name: str, picture: np.ndarray) -> None:
        message = CompressedImage(format="jpeg")
        message.header.frame_id = name
        stamp_now(message.header.stamp)
        # Bytes, never an ndarray: that costs 4 ms per picture.
        message.data = simplejpeg.encode_jpeg(
            np.ascontiguousarray(picture), quality=self.parameters.value("jpeg_quality"), colorspace="RGB"
        )
        self.publishers_of[name].publish(message)
        self.published += 1

    def report(self, now_s: float, missed: int) -> None:
        """Diagnostics once a second."""
        if self._report.due(now_s):
            values = {"published": self.published, "snapshots_refused": self.refused, "missed_periods": missed}
            self._diagnostics.publish(diagnostic("rove_camera", None, values))


def run(options: argparse.Namespace, stop: Stop) -> None:
    """The paced loop, at the rate of the parameter."""
    cameras = options.cameras.split(",")
    if not all(name.isidentifier() for name in cameras) or len(set(cameras)) != len(cameras):
        raise UsageError(f"--cameras {options.cameras}: names of letters, digits and _, each once, with commas between")
    node = CameraNode(options.robot, options.task, cameras)
    spinner = Spinner(node)
    pacer = Pacer(1.0 / node.parameters.value("rate_hz"))
    step_back()
    while not stop.requested:
        pacer.wait()
        node.step()
        node.report(monotonic_s(), pacer.missed)
        spinner.spin()
        pacer.period_s = 1.0 / node.parameters.value("rate_hz")
    spinner.close()
    node.destroy_node()


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="rove_camera", description=__doc__)
    result.add_argument("--robot", default="iron_r01", help="name or folder of the robot (default %(default)s)")
    result.add_argument("--task", default="toaster", help="task in the world (default %(default)s)")
    result.add_argument("--cameras", default="ego", help="names with commas between (default %(default)s)")
    return result


if __name__ == "__main__":
    sys.exit(run_node(parser(), run))
