"""The policy as a ROS 2 node: plans all the time from the newest observation, also while a human drives (shadow)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectory

from ..clock import monotonic_s
from ..errors import CheckpointInvalid
from ..policy.inference import Answer, Inference
from ..policy.local import MOST_BETA, LocalPolicy, shipped_checkpoint
from ..policy.opening import open_policy
from ..policy.pace import Delay, asking_period_s
from ..policy.protocol import Policy, within_validity
from ..policy.remote.policy import RemotePolicy
from ..robot_io import topics
from ..robot_io.chunks import pack_chunk
from ..robot_io.thoughts import pack_thoughts
from ..robots.description import RobotDescription, load_robot
from ..sim.tasks import make_task
from .observer import Observer
from .support import Bounds, Every, Parameters, Stop, diagnostic, run_node, step_paced

LOOP_HZ = 100.0
PATIENCE_S = 0.6 / LOOP_HZ
DEFAULT_TASK = "toaster"


class PolicyNode(Node):
    """Observes joints, commands, task and cameras; the next plan arrives ``replan_s`` after the last one's observation.

    As a shadow it publishes where nobody drives by it.
    """

    def __init__(self, robot: RobotDescription, policy: Policy, instruction: str = "", shadow: bool = False) -> None:
        super().__init__("rove_shadow_policy" if shadow else "rove_policy")
        self.policy = policy
        self.planned = 0
        self.parameters = Parameters(self)
        self.parameters.number("replan_s", policy.execute_s, Bounds(0.05, 10.0, "s"), "how much of a plan is used")
        self.parameters.number("max_age_s", 0.2, Bounds(0.02, 1.0, "s"), "oldest observation that is planned from")
        usual = policy.beta if isinstance(policy, LocalPolicy) else None
        self._conditioned = policy if isinstance(policy, LocalPolicy) and usual is not None else None
        if usual is not None:
            # What its method decodes with, until somebody says otherwise.
            self.parameters.number("beta", usual, Bounds(0.0, MOST_BETA, "1"), "guidance towards good chunks; 1: none")
        self._names = robot.joint_names
        self._observer = Observer(self, robot.joint_names, policy.cameras, instruction)
        self._inference = Inference(policy)
        self._chunks = self.create_publisher(
            JointTrajectory, topics.POLICY_SHADOW_CHUNK if shadow else topics.POLICY_CHUNK, topics.LATEST
        )
        # A shadow drives nobody, so nobody watches it.
        self._thoughts = (
            None if shadow else self.create_publisher(Float64MultiArray, topics.POLICY_EMBEDDING, topics.LATEST)
        )
        if not shadow:
            self._identity = self.create_publisher(String, topics.POLICY_IDENTITY, topics.LATCHED)
            self._identity.publish(String(data=policy.fit.policy if isinstance(policy, RemotePolicy) else ""))
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, topics.REPORTS)
        self._report = Every(1.0)
        self._delay = Delay()
        self._asked_s = -1e9

    def step(self, now_s: float) -> None:
        """Take what arrived; plan when it is time. A quick policy's plan goes out in the same step."""
        self._observer.poll(now_s)
        period_s = asking_period_s(self.parameters.value("replan_s"), self._delay.expected_s)
        if now_s - self._asked_s >= period_s and not self._inference.busy:
            self._ask(now_s)
        answer = self._inference.take(PATIENCE_S)
        if answer is not None:
            self._publish(answer)

    def _ask(self, now_s: float) -> None:
        observation = self._observer.observation(now_s, self.parameters.value("max_age_s"))
        if observation is None:
            return
        if self._conditioned is not None:
            self._conditioned.beta = self.parameters.value("beta")
        self._asked_s = now_s
        self._inference.ask(replace(observation, delay_s=self._delay.expected_s))

    def _publish(self, answer: Answer) -> None:
        age_s = monotonic_s() - answer.observation.stamp_s
        self._delay.note(age_s)
        plan = None if answer.plan is None else within_validity(answer.plan)
        if plan is None:
            return
        joints = [self._names[i] for i in plan.joint_index]
        if self._thoughts is not None:
            # Before the chunk, which is what makes failure detectors look.
            self._thoughts.publish(pack_thoughts(plan.embedding, plan.value))
        self._chunks.publish(pack_chunk(plan.offset_s - age_s, joints, plan.q_rad))
        self.planned += 1

    def report(self, now_s: float) -> None:
        """Diagnostics once a second."""
        if not self._report.due(now_s):
            return
        refused = dict(self._observer.refused + self.policy.refused)
        problem = self.policy.problem
        if problem is None and now_s - self._asked_s > 2.0:
            problem = "no observation to plan from" + (
                f": waiting for {self._observer.waits_for}" if self._observer.waits_for else ""
            )
        values = {"planned": self.planned, "refused": refused, "delay_s": round(self._delay.expected_s, 4)}
        self._diagnostics.publish(diagnostic(self.get_name(), problem, values))


def run(options: argparse.Namespace, stop: Stop) -> None:
    """The paced loop; inference has a thread of its own, so that arrivals are stamped when they arrive."""
    robot = load_robot(options.robot)
    text = options.checkpoint or str(shipped_checkpoint(options.task or DEFAULT_TASK))
    policy = open_policy(text, robot, options.seed)
    task = policy.header.task if isinstance(policy, LocalPolicy) else options.task or DEFAULT_TASK
    if options.task and task != options.task:
        raise CheckpointInvalid(f"{text} is a policy for '{task}', not for '{options.task}'")
    if options.cameras is not None:
        check_cameras(policy.cameras, [name for name in options.cameras.split(",") if name], text)
    node = PolicyNode(robot, policy, make_task(task).instruction, options.shadow)
    step_paced(node, LOOP_HZ, stop)


def check_cameras(wanted: Sequence[str], there: Sequence[str], text: str) -> None:
    """`CheckpointInvalid` when the policy looks at a camera that the session has not."""
    missing = [name for name in wanted if name not in there]
    if missing:
        raise CheckpointInvalid(f"{text} looks at cameras {missing}, but the session has {list(there)}")


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="rove_policy", description=__doc__)
    result.add_argument("--robot", default="iron_r01", help="name or folder of the robot (default %(default)s)")
    result.add_argument("--task", help=f"task the policy is for (default {DEFAULT_TASK})")
    result.add_argument("--checkpoint", help="file of a policy, or address of one, instead of the shipped one")
    result.add_argument("--cameras", help="names of the session's cameras, with commas between; checked when given")
    result.add_argument("--shadow", action="store_true", help="plan beside the policy that drives, to be recorded only")
    result.add_argument("--seed", type=int, default=0, help="seed of the policy's sampling (default %(default)s)")
    return result


if __name__ == "__main__":
    sys.exit(run_node(parser(), run))
