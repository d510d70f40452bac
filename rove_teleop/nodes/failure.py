"""The failure monitor as a process of its own: hears what the policy does, logs what detectors think, and advises."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectory

from ..episodes.record.records import FailureRecord
from ..episodes.record.row_sender import RowSender
from ..failure.calibration import load_calibration
from ..failure.detectors import build_detectors
from ..failure.monitor import FailureMonitor
from ..robot_io import topics
from ..robot_io.chunks import read_chunk
from ..robot_io.joints import JointOrder, read_positions
from ..robot_io.json_text import read_number
from ..robot_io.thoughts import pack_advice, read_thoughts
from ..robots.description import RobotDescription, load_robot
from ..sessions.scheduling import step_back
from .support import Ear, Every, Stop, diagnostic, run_node, step_paced

LOOP_HZ = 50.0
OPINION_S = 0.1
DRIVING = "autonomous"


class FailureNode(Node):
    """Feeds the monitor while the policy drives; what it thinks goes to the recorder, its alarm to control."""

    def __init__(self, robot: RobotDescription, monitor: FailureMonitor, calibrated: str, recorder: str = "") -> None:
        """``calibrated`` says by what, or why not; it is shown in the diagnostics."""
        super().__init__("rove_failure")
        self.monitor = monitor
        self._ear = Ear()
        self._calibrated = calibrated
        self._order = JointOrder(robot.joint_names)
        self._state = topics.PolledSubscription(self, String, topics.ROVE_STATE, topics.LATCHED)
        self._chunks = topics.PolledSubscription(self, JointTrajectory, topics.POLICY_CHUNK)
        self._thoughts = topics.PolledSubscription(self, Float64MultiArray, topics.POLICY_EMBEDDING)
        self._commands = topics.PolledSubscription(self, JointState, topics.JOINT_COMMANDS)
        self._task = topics.PolledSubscription(self, String, topics.TASK_STATUS)
        self._advice = self.create_publisher(String, topics.FAILURE_ALARM, topics.LATEST)
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, topics.REPORTS)
        self._rows = RowSender(Path(recorder)) if recorder else None
        self._opine, self._report = Every(OPINION_S), Every(1.0)

    def step(self, now_s: float) -> None:
        """Take what arrived; ten times a second say what the detectors think."""
        self._heed_state(now_s)
        monitor = self.monitor
        self._ear.hear("task", self._task, lambda m: monitor.progress(now_s, read_number(m.data, "progress")))
        self._ear.hear("commands", self._commands, lambda m: monitor.commanded(now_s, read_positions(m, self._order)))
        self._ear.hear("thoughts", self._thoughts, lambda m: self._think(now_s, m))
        self._ear.hear("chunk", self._chunks, lambda m: monitor.chunk(now_s, read_chunk(m, self._order, now_s)))
        if self._opine.due(now_s):
            self._say(now_s)
        if self._rows is not None:
            # At every step: the kernel lets about ten datagrams wait, and there are more detectors than that.
            self._rows.flush()

    def _heed_state(self, now_s: float) -> None:
        message = self._state.take()
        if message is None:
            return
        if message.data != DRIVING:
            self.monitor.end()
        elif not self.monitor.driving:
            self.monitor.begin(now_s)

    def _think(self, now_s: float, message: Float64MultiArray) -> None:
        embedding, value = read_thoughts(message)
        if embedding is not None:
            self.monitor.embedding(now_s, embedding)
        if value is not None:
            self.monitor.value(now_s, value)

    def _say(self, now_s: float) -> None:
        opinions = self.monitor.opinion(now_s)
        advice = self.monitor.advice(now_s)
        self._advice.publish(pack_advice(advice.alarm, advice.elevated_for_s, advice.calibrated))
        if self._rows is None:
            return
        for item in opinions:
            self._rows.opinion(FailureRecord(now_s, item.score, item.threshold, item.alarm, item.detector))

    def report(self, now_s: float) -> None:
        """Diagnostics once a second."""
        if self._report.due(now_s):
            values = {"calibrated": self._calibrated, "looks": self.monitor.looks, "refused": dict(self._ear.refused)}
            self._diagnostics.publish(diagnostic("rove_failure", None, values))


def run(options: argparse.Namespace, stop: Stop) -> None:
    """The paced loop. Without a calibration scores are logged and nothing is ever an alarm."""
    if options.calibration:
        calibration = load_calibration(Path(options.calibration))
        monitor, calibrated = calibration.monitor(), f"alpha {calibration.alpha:g}, {calibration.successes} successes"
    else:
        monitor, calibrated = FailureMonitor(build_detectors({})), "no: scores are logged, nothing is an alarm"
    node = FailureNode(load_robot(options.robot), monitor, calibrated, options.recorder)
    step_back()
    step_paced(node, LOOP_HZ, stop)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="rove_failure", description=__doc__)
    result.add_argument("--robot", default="iron_r01", help="name or folder of the robot (default %(default)s)")
    result.add_argument("--calibration", default="", help="file of rove failure calibrate; empty: only log")
    result.add_argument("--recorder", default="", help="Unix socket of the recorder; empty: opinions go nowhere")
    return result


if __name__ == "__main__":
    sys.exit(run_node(parser(), run))
