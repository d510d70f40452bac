"""The simulated robot as a ROS 2 lifecycle node: states out, commands in by name, and its own stop when they end."""

from __future__ import annotations

import argparse
import gc
import os
import sys

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from std_srvs.srv import Trigger

from ..clock import Pacer, monotonic_s
from ..errors import RobotUnavailable, RoveError
from ..robot_io import topics
from ..robots.description import load_robot
from ..sessions.scheduling import ask_for_short_slices, set_niceness
from ..sim.world import World
from ..types import RobotState
from .sim_commands import SimCommands
from .sim_topics import SimTopics
from .support import Bounds, Every, Parameters, Spinner, Stop, run_node

SERVICE_PERIOD_S = 0.02


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
        self.seed = 0
        self.commands = SimCommands(self, self.robot, self.parameters.value("command_timeout_s"))
        self._topics = SimTopics(self, self.robot.joint_names, task)
        self.create_service(Trigger, topics.SIM_RESET, self._on_reset)

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
        self.commands.guard.activate(self._measured(monotonic_s()).q_rad)
        self.commands.active = True
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Brake, hold, and take no more commands."""
        self.commands.guard.brake(self._measured(monotonic_s()))
        self.commands.active = False
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.world = None
        return TransitionCallbackReturn.SUCCESS

    def step(self) -> None:
        """Commands in, 4 ms of physics, states out. Without a world nothing happens."""
        if self.world is None:
            return
        self.commands.guard.timeout_s = self.parameters.value("command_timeout_s")
        self.world.command(self.commands.target(self._measured(monotonic_s())))
        self.world.advance(self.robot.dt_s)
        mode = self.commands.guard.mode.value
        self._topics.publish(self.world, self._measured(monotonic_s()), self.seed, mode)

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
        self.commands.guard.hold(self._measured(monotonic_s()).q_rad)

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        seed = self.parameters.value("seed")
        try:
            self.reset(seed)
            response.success, response.message = True, f"{self.task} reset with seed {seed}"
        except RoveError as error:
            response.success, response.message = False, str(error)
        return response


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
    # A real robot does not share its processor with whatever starts on this machine.
    set_niceness(os.getpid(), -10)
    ask_for_short_slices()
    services, pacer = Every(SERVICE_PERIOD_S), Pacer(node.robot.dt_s)
    while not stop.requested:
        pacer.wait()
        node.step()
        now_s = monotonic_s()
        node.commands.report(now_s, pacer.missed)
        if services.due(now_s):
            spinner.spin()
    spinner.close()
    node.destroy_node()


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="rove_sim_robot", description=__doc__)
    result.add_argument("--robot", default="iron_r01", help="name or folder of the robot (default %(default)s)")
    result.add_argument("--task", default="toaster", help="task in the world (default %(default)s)")
    result.add_argument("--autostart", action="store_true", help="configure and activate at once")
    return result


if __name__ == "__main__":
    sys.exit(run_node(parser(), run))
