"""The simulated robot as a ROS 2 lifecycle node: states out, commands in by name, and its own stop when they end."""

from __future__ import annotations

import argparse
import gc
import sys

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from ..clock import Pacer, monotonic_s
from ..errors import MessageRefused, RobotUnavailable, RoveError
from ..robot_io import topics
from ..robot_io.command_guard import CommandGuard, Mode
from ..robot_io.envelope import parse_envelope
from ..robot_io.joints import JointOrder, read_positions
from ..robots.description import load_robot
from ..sim.world import World
from ..types import RobotState
from .sim_topics import SimTopics
from .support import Bounds, Every, Parameters, Spinner, Stop, diagnostic, run_node

SERVICE_PERIOD_S = 0.02
LOG_PERIOD_S = 2.0


class SimRobot(LifecycleNode):
    """Configured: the world runs and reports, the robot holds. Active: it takes commands."""

    def __init__(self, robot: str, task: str) -> None:
        super().__init__("rove_sim_robot")
        self.robot = load_robot(robot)
        self.task = task
        self.parameters = Parameters(self)
        self.parameters.number(
            "command_timeout_s", 0.1, Bounds(0.02, 0.2, "s"), "silence of the commands after which the robot stops"
        )
        self.parameters.integer("seed", 0, Bounds(0, 2**31 - 1), "start state of the next sim/reset")
        self.world: World | None = None
        self.problem: RoveError | None = None
        self.active = False
        self.ignored = 0
        self.seed = 0
        self.guard = CommandGuard(self.robot, self.parameters.value("command_timeout_s"))
        self._order = JointOrder(self.robot.joint_names)
        self._commands = topics.PolledSubscription(self, JointState, topics.JOINT_COMMANDS, topics.REPORTS)
        self._topics = SimTopics(self, self.robot.joint_names, task)
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, topics.REPORTS)
        self.create_service(Trigger, topics.SIM_RESET, self._on_reset)
        self._report = Every(1.0)
        self._reported_mode = self.guard.mode

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the world; the robot stands at the task's start pose."""
        try:
            self.world = World(self.robot, self.task, self.parameters.value("seed"))
        except RoveError as error:
            self.problem = error
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        self.reset(self.parameters.value("seed"))
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take commands, from the first session that starts where the robot stands."""
        self.guard.activate(self._measured(monotonic_s()).q_rad)
        self.active = True
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Brake, hold, and take no more commands."""
        self.guard.brake(self._measured(monotonic_s()))
        self.active = False
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.world = None
        return TransitionCallbackReturn.SUCCESS

    def step(self) -> None:
        """Commands in, 4 ms of physics, states out. Without a world nothing happens."""
        if self.world is None:
            return
        dt_s = self.robot.dt_s
        state = self._measured(monotonic_s())
        self._take_commands(state)
        target_rad = self.guard.target(state, dt_s)
        self.world.command(target_rad)
        self.world.advance(dt_s)
        self._topics.publish(self.world, self._measured(monotonic_s()), self.seed, self.guard.mode.value)

    def _take_commands(self, state: RobotState) -> None:
        """Every command that waits is offered, so that a second sender cannot push the first one out."""
        self.guard.timeout_s = self.parameters.value("command_timeout_s")
        for message in self._commands.take_all():
            if not self.active:
                self.ignored += 1
                continue
            try:
                envelope = parse_envelope(message.header.frame_id)
                self.guard.offer(envelope, read_positions(message, self._order), state)
            except MessageRefused as refusal:
                self.guard.refuse(refusal)
                self.get_logger().warning(f"command refused: {refusal}", throttle_duration_sec=LOG_PERIOD_S)

    def _measured(self, now_s: float) -> RobotState:
        if self.world is None:
            raise RobotUnavailable("the simulated robot is not configured")
        return self.world.robot_state(now_s)

    def reset(self, seed: int) -> None:
        """A new episode; the robot holds its start pose until a command starts from there."""
        if self.world is None:
            raise RobotUnavailable("the simulated robot is not configured")
        self.world.reset(seed)
        self.seed = seed
        self.guard.hold(self._measured(monotonic_s()).q_rad)

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        seed = self.parameters.value("seed")
        try:
            self.reset(seed)
            response.success, response.message = True, f"{self.task} reset with seed {seed}"
        except RoveError as error:
            response.success, response.message = False, str(error)
        return response

    def report(self, now_s: float, missed_ticks: int) -> None:
        """Diagnostics once a second, and at once when the robot starts or stops to follow."""
        changed = self.guard.mode is not self._reported_mode
        if not self._report.due(now_s) and not changed:
            return
        self._reported_mode = self.guard.mode
        senders = self.count_publishers(topics.JOINT_COMMANDS)
        problem = None
        if senders > 1:
            problem = f"{senders} publishers of {topics.JOINT_COMMANDS}"
        elif self.active and self.guard.mode is not Mode.FOLLOWING and self.guard.timeouts:
            problem = "commands stopped: the robot holds its pose"
        values: dict[str, object] = {
            "mode": self.guard.mode.value,
            "active": self.active,
            "accepted": self.guard.accepted,
            "refused": dict(self.guard.refused),
            "last_refusal": self.guard.last_refusal,
            "timeouts": self.guard.timeouts,
            "ignored_while_inactive": self.ignored,
            "missed_ticks": missed_ticks,
        }
        self._diagnostics.publish(diagnostic("rove_sim_robot", problem, values))


def run(options: argparse.Namespace, stop: Stop) -> None:
    """The paced loop: 250 periods a second, services in between."""
    node = SimRobot(options.robot, options.task)
    spinner = Spinner(node)
    if options.autostart:
        node.trigger_configure()
        if node.problem is not None:
            raise node.problem
        node.trigger_activate()
    gc.collect()
    gc.freeze()
    services, pacer = Every(SERVICE_PERIOD_S), Pacer(node.robot.dt_s)
    while not stop.requested:
        pacer.wait()
        node.step()
        now_s = monotonic_s()
        node.report(now_s, pacer.missed)
        if services.due(now_s):
            spinner.spin()
    spinner.close()
    node.destroy_node()


def main() -> int:
    parser = argparse.ArgumentParser(prog="rove_sim_robot", description=__doc__)
    parser.add_argument("--robot", default="iron_r01", help="name or folder of the robot (default %(default)s)")
    parser.add_argument("--task", default="toaster", help="task in the world (default %(default)s)")
    parser.add_argument("--autostart", action="store_true", help="configure and activate at once")
    return run_node(parser, run)


if __name__ == "__main__":
    sys.exit(main())
