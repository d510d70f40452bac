"""The guided calibration as a ROS 2 node: a device's frames through the guide, what to do next to terminal and page.

Every message is published for the pages and written as a JSON line to stdout for the command line; the last one says
``"ended": true`` and holds either the profile and the file it was saved to, or why nothing was saved.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rclpy.node import Node
from std_msgs.msg import String

from ..clock import monotonic_s
from ..errors import CalibrationFailed
from ..operators.profile_store import save_profile
from ..operators.profiles import checked_name, content_of, make_profile
from ..retargeting.calibration import Calibration
from ..retargeting.calibration_check import hand_residuals
from ..retargeting.calibration_guide import Guidance, Guide
from ..robot_io import topics
from ..robots.description import RobotDescription, load_robot
from ..tracking.gate import FrameGate
from .support import Every, Spinner, Stop, run_node
from .trackers import Tracker, View, make_tracker

TELL_PERIOD_S = 0.1
LONGEST_WAIT_S = 0.02


class CalibrationNode(Node):
    """Feeds the guide with what the gate trusts of each frame. No robot needs to be there."""

    def __init__(self, robot: RobotDescription, tracker: Tracker, guide: Guide) -> None:
        super().__init__("rove_calibration")
        self._tracker, self._guide, self._gate = tracker, guide, FrameGate(tracker.limits)
        # A replayed person plays on by themselves; nobody is driven by it.
        self._view = View(robot.home_rad, None, (), True)
        self._says = self.create_publisher(String, topics.OPERATOR_CALIBRATION, topics.LATCHED)
        self._due = Every(TELL_PERIOD_S)
        self._shown: tuple[int, str] | None = None

    def step(self, now_s: float) -> Guidance:
        """One frame, if there is one; what changed is told at once, the rest ten times a second."""
        frame = self._tracker.frame(now_s, self._view)
        trusted = None if frame is None else self._gate.check(frame, now_s)
        guidance = self._guide.step(trusted, now_s)
        if not guidance.ended and (self._due.due(now_s) or self._shown != (guidance.step, guidance.hint)):
            self._shown = guidance.step, guidance.hint
            problem = self._tracker.problem() if guidance.step == 1 and guidance.progress == 0.0 else None
            self.tell({**asdict(guidance), "hint": problem or guidance.hint})
        return guidance

    def tell(self, message: Mapping[str, Any]) -> None:
        """To the pages and to whoever started this process."""
        text = json.dumps(message, allow_nan=False)
        self._says.publish(String(data=text))
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def run(options: argparse.Namespace, stop: Stop) -> None:
    """Guide until the end or a signal; a calibration that failed ends with exit code 1."""
    name, robot = checked_name(options.name), load_robot(options.robot)
    guide = Guide(fingers=options.only != "arms", arms=options.only != "hands")
    tracker = make_tracker(options.operator, robot, task="")
    node = CalibrationNode(robot, tracker, guide)
    spinner = Spinner(node)
    try:
        while not stop.requested:
            tracker.wait(LONGEST_WAIT_S)
            guidance = node.step(monotonic_s())
            spinner.spin()
            if guidance.ended:
                _conclude(node, guide, name, options.device or options.operator, robot)
                break
    finally:
        tracker.close()
        spinner.close()
        node.destroy_node()


def _conclude(node: CalibrationNode, guide: Guide, name: str, device: str, robot: RobotDescription) -> None:
    if guide.result is None:
        words = {"title": "Not calibrated", "text": f"{guide.failure}.", "progress": 0.0}
        node.tell({**words, "ended": True, "failed": guide.failure})
        raise CalibrationFailed(guide.failure)
    node.tell({"title": "Working out", "text": "What the robot's fingers make of it.", "progress": 0.5})
    profile = make_profile(name, device, robot.name, guide.result, _residuals(guide.result, robot))
    path = save_profile(profile)
    content = content_of(profile)
    ending = {"title": "Calibrated", "text": f"{name} is remembered.", "progress": 1.0, "ended": True}
    node.tell({**ending, "profile": content, "path": str(path)})


def _residuals(calibration: Calibration, robot: RobotDescription) -> dict[Any, Any]:
    return {side: hand_residuals(robot, side, hand) for side, hand in calibration.hands.items()}


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="rove_calibration", description=__doc__)
    result.add_argument("name", help="of the operator")
    result.add_argument("--operator", required=True, help="device, as for rove collect")
    result.add_argument("--device", default="", help="what to remember the device as (default: --operator)")
    result.add_argument("--robot", default="iron_r01", help="whose hands the residuals are for (default %(default)s)")
    result.add_argument("--only", choices=("hands", "arms"), help="leave the rest out")
    return result


if __name__ == "__main__":
    sys.exit(run_node(parser(), run))
