"""The policy as a ROS 2 node: plans all the time from the newest observation, also while a human drives (shadow)."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from ..clock import monotonic_s
from ..errors import CheckpointInvalid, MessageRefused, UsageError
from ..policy.local import LocalPolicy, load_policy, shipped_checkpoint
from ..robot_io import topics
from ..robot_io.chunks import pack_chunk
from ..robot_io.features import read_features
from ..robot_io.joints import JointOrder, read_positions
from ..robots.description import RobotDescription, load_robot
from ..types import Array
from .support import Bounds, Every, Parameters, Stop, diagnostic, run_node, step_paced

LOOP_HZ = 100.0
LOG_PERIOD_S = 2.0
DEFAULT_TASK = "toaster"


class PolicyNode(Node):
    """Observes joints, commands and task; publishes a plan every ``replan_s``."""

    def __init__(self, robot: RobotDescription, policy: LocalPolicy) -> None:
        super().__init__("rove_policy")
        self.policy = policy
        self.refused: Counter[str] = Counter()
        self.planned = 0
        self.parameters = Parameters(self)
        self.parameters.number("replan_s", policy.execute_s, Bounds(0.05, 2.0, "s"), "time between two plans")
        self.parameters.number("max_age_s", 0.2, Bounds(0.02, 1.0, "s"), "oldest observation that is planned from")
        self._names = robot.joint_names
        self._order = JointOrder(robot.joint_names)
        self._joints = topics.PolledSubscription(self, JointState, topics.JOINT_STATES)
        self._commands = topics.PolledSubscription(self, JointState, topics.JOINT_COMMANDS)
        self._task = topics.PolledSubscription(self, Float64MultiArray, topics.TASK_STATE)
        self._chunks = self.create_publisher(JointTrajectory, topics.POLICY_CHUNK, topics.LATEST)
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, topics.REPORTS)
        self._report = Every(1.0)
        self._measured: tuple[float, Array] | None = None
        self._commanded: tuple[float, Array] | None = None
        self._features: tuple[float, tuple[tuple[str, ...], Array]] | None = None
        self._planned_s = -1e9

    def step(self, now_s: float) -> None:
        """Take what arrived; plan when it is time."""
        self._observe(now_s)
        if now_s - self._planned_s < self.parameters.value("replan_s"):
            return
        observed_s = self._observed_s(now_s)
        if observed_s is not None:
            self._planned_s = now_s
            self._plan(observed_s)

    def _observe(self, now_s: float) -> None:
        """Each value is kept with its time of arrival; one that is refused leaves the old one to age."""
        joints, commands, task = self._joints.take(), self._commands.take(), self._task.take()
        try:
            if commands is not None:
                self._commanded = now_s, read_positions(commands, self._order)
            if joints is not None:
                self._measured = now_s, read_positions(joints, self._order)
            if task is not None:
                self._features = now_s, read_features(task)
        except MessageRefused as refusal:
            self.refused[refusal.reason] += 1
            self.get_logger().warning(str(refusal), throttle_duration_sec=LOG_PERIOD_S)

    def _observed_s(self, now_s: float) -> float | None:
        """Time of the oldest part of the observation, or None (counted) when it is missing or too old."""
        if self._measured is None or self._features is None:
            return None
        observed_s = min(self._measured[0], self._features[0])
        if not (now_s - observed_s <= self.parameters.value("max_age_s")):
            self.refused["stale observation"] += 1
            return None
        return observed_s

    def _plan(self, observed_s: float) -> None:
        if self._measured is None or self._features is None:
            return
        q_measured_rad, (names, features) = self._measured[1], self._features[1]
        # Nobody commands between episodes: then the robot stands where it was told to.
        fresh = self._commanded is not None and observed_s - self._commanded[0] <= self.parameters.value("max_age_s")
        q_commanded_rad = self._commanded[1] if fresh and self._commanded is not None else q_measured_rad
        plan = self.policy.act(q_measured_rad, q_commanded_rad, features, names)
        if plan is None:
            return
        age_s = monotonic_s() - observed_s
        joints = [self._names[i] for i in plan.joint_index]
        self._chunks.publish(pack_chunk(plan.offset_s - age_s, joints, plan.q_rad))
        self.planned += 1

    def report(self, now_s: float) -> None:
        """Diagnostics once a second."""
        if not self._report.due(now_s):
            return
        refused = dict(self.refused + self.policy.refused)
        problem = None if now_s - self._planned_s <= 2.0 else "no observation to plan from"
        self._diagnostics.publish(diagnostic("rove_policy", problem, {"planned": self.planned, "refused": refused}))


def run(options: argparse.Namespace, stop: Stop) -> None:
    """The paced loop; inference takes some milliseconds of a period and delays only this process."""
    robot = load_robot(options.robot)
    path = Path(options.checkpoint) if options.checkpoint else shipped_checkpoint(options.task or DEFAULT_TASK)
    if not path.is_file():
        raise UsageError(f"--checkpoint {path}: there is no such file")
    policy = load_policy(path, robot, options.seed)
    if options.task and policy.header.task != options.task:
        raise CheckpointInvalid(f"{path} is a policy for '{policy.header.task}', not for '{options.task}'")
    node = PolicyNode(robot, policy)
    step_paced(node, LOOP_HZ, stop)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="rove_policy", description=__doc__)
    result.add_argument("--robot", default="iron_r01", help="name or folder of the robot (default %(default)s)")
    result.add_argument("--task", help=f"task the policy is for (default {DEFAULT_TASK})")
    result.add_argument("--checkpoint", help="file of a policy instead of the shipped one")
    result.add_argument("--seed", type=int, default=0, help="seed of the policy's sampling (default %(default)s)")
    return result


if __name__ == "__main__":
    sys.exit(run_node(parser(), run))
