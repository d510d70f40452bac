"""The operator as a ROS 2 node: a device's frames through gate and retargeting to joint targets."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray, String, UInt8MultiArray
from std_srvs.srv import Trigger

from ..clock import monotonic_s
from ..episodes.layout import pack_operator_frame
from ..errors import MessageRefused
from ..operators.chain import OperatorChain
from ..operators.profile_store import load_profile
from ..operators.profiles import OperatorProfile
from ..robot_io import topics
from ..robot_io.features import read_features
from ..robot_io.joints import JointOrder, pack_targets, read_positions
from ..robot_io.poses import pack_poses
from ..robots.description import RobotDescription, load_robot
from ..sim.skills import DEFAULT_SKILL, SKILLS
from ..types import Array, OperatorFrame, TaskState
from .support import Every, Spinner, Stop, diagnostic, go_real_time, run_node
from .trackers import SimulatedSource, Tracker, View, make_tracker

PRIORITY = 40
"""Real-time priority: a person's hand comes before everything but control."""
LONGEST_WAIT_S = 0.02
"""Without frames the loop still takes states and answers services this often."""
MAX_STATE_AGE_S = 0.25
DRIVING = ("adaptation", "recovery")
LOG_PERIOD_S = 2.0


class OperatorNode(Node):
    """Publishes the frame as received, the poses, the deadman and the targets of every frame that passes the gate."""

    def __init__(
        self,
        robot: RobotDescription,
        tracker: Tracker,
        takeover: str,
        profile: OperatorProfile | None = None,
        motion_scale: float = 1.0,
    ) -> None:
        super().__init__("rove_operator")
        self.robot, self.tracker = robot, tracker
        self.chain = OperatorChain(robot, takeover, tracker.limits, profile, motion_scale)
        self.refused: Counter[str] = Counter()
        self.frames = 0
        self._order = JointOrder(robot.joint_names)
        self._joints = topics.PolledSubscription(self, JointState, topics.JOINT_STATES)
        self._task = topics.PolledSubscription(self, Float64MultiArray, topics.TASK_STATE)
        self._state = topics.PolledSubscription(self, String, topics.ROVE_STATE, topics.LATCHED)
        self._poses = self.create_publisher(PoseArray, topics.OPERATOR_POSES, topics.LATEST)
        self._targets = self.create_publisher(JointState, topics.OPERATOR_TARGETS, topics.LATEST)
        self._engaged = self.create_publisher(Bool, topics.OPERATOR_ENGAGED, topics.LATEST)
        self._frames = self.create_publisher(UInt8MultiArray, topics.OPERATOR_FRAME, topics.STREAM)
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, topics.REPORTS)
        self.create_service(Trigger, topics.OPERATOR_ANCHOR, self._on_anchor)
        self._status = self.create_publisher(String, topics.OPERATOR_STATUS, topics.LATCHED)
        self._report = Every(1.0)
        self._measured: tuple[float, Array] | None = None
        self._seen: tuple[tuple[str, ...], TaskState] | None = None
        self._driving = False
        self._passed_s: float | None = None
        self._told: str | None = None
        self._truth = [
            self.create_publisher(String, name, topics.STREAM)
            for name in (topics.SIM_OPERATOR, topics.SIM_OPERATOR_IMPERFECTION)
        ]
        self._told_truth = ["", ""]

    def step(self, now_s: float) -> None:
        """Take what arrived; publish the tracker's frame, if there is a new one."""
        self._observe(now_s)
        if self._measured is None:
            return
        names, task = self._seen if self._seen is not None else ((), None)
        frame = self.tracker.frame(now_s, View(self._measured[1], task, names, self._driving))
        if frame is not None:
            self.frames += 1
            self._frames.publish(UInt8MultiArray(data=pack_operator_frame(frame)))
            self._publish(frame, now_s)
            self._publish_truth()

    def _publish_truth(self) -> None:
        """What a simulated person truly does, and does wrong, when it changes: for the log, nothing acts on it."""
        if not isinstance(self.tracker, SimulatedSource):
            return
        for i, true in enumerate((self.tracker.true_state, self.tracker.true_imperfection)):
            if true != self._told_truth[i]:
                self._told_truth[i] = true
                self._truth[i].publish(String(data=true))

    def _observe(self, now_s: float) -> None:
        """Each value is kept with its time of arrival; one that is refused leaves the old one to age."""
        state = self._state.take()
        if state is not None:
            self._driving = state.data in DRIVING
        self._hear(self._task, lambda message: self._see(now_s, message))
        self._hear(self._joints, lambda message: self._feel(now_s, message))

    def _hear(self, subscription: topics.PolledSubscription, use: Callable[[Any], None]) -> None:
        message = subscription.take()
        try:
            if message is not None:
                use(message)
        except MessageRefused as refusal:
            self.refused[refusal.reason] += 1
            self.get_logger().warning(str(refusal), throttle_duration_sec=LOG_PERIOD_S)

    def _see(self, now_s: float, message: Float64MultiArray) -> None:
        names, features = read_features(message)
        self._seen = names, TaskState(now_s, features, progress=0.0, success=False)

    def _feel(self, now_s: float, message: JointState) -> None:
        self._measured = now_s, read_positions(message, self._order)

    def _publish(self, frame: OperatorFrame, now_s: float) -> None:
        """The deadman goes first: whoever reads the targets has it by then."""
        if self._measured is None:
            return
        passed = self.chain.step(frame, now_s, self._measured[1], self._driving)
        if passed is None:
            # A frame that came late or twice is dropped and the ones before it count; without more, they grow old.
            self._engaged.publish(Bool(data=self.chain.gate.engaged))
            return
        trusted, targets = passed
        self._passed_s = now_s
        self._poses.publish(pack_poses(trusted))
        self._engaged.publish(Bool(data=trusted.engaged))
        self._targets.publish(pack_targets(targets, self.robot.joint_names))

    def _on_anchor(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        now_s = monotonic_s()
        if self._measured is None or not (now_s - self._measured[0] <= MAX_STATE_AGE_S):
            response.success, response.message = False, "the robot has not reported its joints lately"
            return response
        self.chain.retargeter.anchor(self._measured[1])
        response.success, response.message = True, "anchored at the robot's pose"
        return response

    def report(self, now_s: float) -> None:
        """Diagnostics and the operator's status once a second, and at once when there is something new to tell."""
        trouble = self.chain.trouble
        if not self._report.due(now_s) and trouble == self._told:
            return
        self._told = trouble
        late = self._passed_s is None or now_s - self._passed_s > MAX_STATE_AGE_S
        values = {
            "frames": self.frames,
            "device": dict(self.tracker.counts()),
            "refused_frames": self.chain.refused,
            "refused_messages": dict(self.refused),
            "residual_m": self.chain.retargeter.residual_m,
        }
        problem = (self.tracker.problem() or trouble) if late else trouble
        status = {"trouble": problem, "refused": values["refused_frames"], "device": values["device"]}
        self._status.publish(String(data=json.dumps(status)))
        problem = problem or ("no trusted frame lately" if late else None)
        self._diagnostics.publish(diagnostic("rove_operator", problem, values))


def run(options: argparse.Namespace, stop: Stop) -> None:
    """The loop wakes with each frame of the device: no frame waits for a beat."""
    robot = load_robot(options.robot)
    tracker = make_tracker(options.operator, robot, options.task, options.seed, options.operator_skill)
    profile = load_profile(options.operator_name) if options.operator_name else None
    node = OperatorNode(robot, tracker, options.takeover, profile, options.motion_scale)
    spinner = Spinner(node)
    refusal = go_real_time(PRIORITY)
    if refusal is not None:
        node.get_logger().info(refusal)
    gc.collect()
    gc.freeze()
    try:
        while not stop.requested:
            tracker.wait(LONGEST_WAIT_S)
            now_s = monotonic_s()
            node.step(now_s)
            node.report(now_s)
            spinner.spin()
    finally:
        tracker.close()
    spinner.close()
    node.destroy_node()


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="rove_operator", description=__doc__)
    result.add_argument("--robot", default="iron_r01", help="name or folder of the robot (default %(default)s)")
    result.add_argument("--task", default="toaster", help="task a simulated operator does (default %(default)s)")
    result.add_argument("--operator", default="simulated", help="device, as for rove collect (default %(default)s)")
    result.add_argument("--takeover", choices=("aligned", "anchored", "blend"), default="anchored")
    result.add_argument(
        "--operator-skill", choices=tuple(SKILLS), default=DEFAULT_SKILL, help="of a simulated operator"
    )
    result.add_argument("--operator-name", default="", help="whose calibration to use (see rove calibrate)")
    result.add_argument("--motion-scale", type=float, default=1.0, help="metres of robot per metre of hand")
    result.add_argument("--seed", type=int, default=0, help="seed of a simulated operator (default %(default)s)")
    return result


if __name__ == "__main__":
    sys.exit(run_node(parser(), run))
