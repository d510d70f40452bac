"""The control process: a plain paced loop around ``ControlLoop`` that does nothing else."""

from __future__ import annotations

import argparse
import gc
import math
import secrets
import sys
from collections.abc import Callable

from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from .. import clock
from ..control.path_config import live_path_config
from ..control_loop import ControlLoop, Tick
from ..failure.alarms import Advice
from ..failure.no_progress import NoProgress
from ..handover.states import REQUESTS, Signal
from ..robot_io import topics
from ..robot_io.chunks import read_chunk
from ..robot_io.joints import JointOrder, read_targets
from ..robot_io.json_text import read_number
from ..robot_io.ros2 import Ros2Robot
from ..robot_io.thoughts import read_advice
from ..robots.description import RobotDescription, load_robot
from ..sessions.scheduling import ask_for_short_slices
from .control_parameters import HandoverParameters
from .control_reports import Reports
from .support import Bounds, Ear, Every, Parameters, Spinner, Stop, go_real_time, run_node

SERVICE_PERIOD_S = 0.02
PRIORITY = 50
"""Real-time priority: above the operator's process, for a late target is better than a late stop."""
# A stop on SIGTERM may take this long before the robot's own timeout has to do it.
LAST_STOP_S = 1.0


class ControlNode:
    """Inputs are polled, services are answered between ticks, outputs are published; the loop decides everything."""

    def __init__(self, robot: RobotDescription, options: argparse.Namespace) -> None:
        self.robot = robot
        self.node = Node("rove_control")
        parameters = Parameters(self.node)
        patience = parameters.number(
            "no_progress_patience_s", 3.0, Bounds(0.5, 60.0, "s"), "seconds without progress before the alarm"
        )
        self.parameters = parameters
        self.loop = ControlLoop(
            robot,
            options.takeover,
            options.protocol,
            no_progress=NoProgress(patience),
            path=live_path_config(robot.folder),
        )
        self.handover_parameters = HandoverParameters(
            self.node, parameters, self.loop, options.takeover_groups, options.auto_pause
        )
        self.robot_io = Ros2Robot(robot, self.node, options.session)
        self._order = JointOrder(robot.joint_names)
        self._chunks = topics.PolledSubscription(self.node, JointTrajectory, topics.POLICY_CHUNK)
        self._targets = topics.PolledSubscription(self.node, JointState, topics.OPERATOR_TARGETS)
        self._engaged = topics.PolledSubscription(self.node, Bool, topics.OPERATOR_ENGAGED)
        self._advice = topics.PolledSubscription(self.node, String, topics.FAILURE_ALARM)
        self._task = topics.PolledSubscription(self.node, String, topics.TASK_STATUS)
        self._ear = Ear()
        self.reports = Reports(self.node, self.loop, self._ear.refused, options.recorder)
        self._spinner = Spinner(self.node)
        for signal in REQUESTS:
            self.node.create_service(Trigger, f"rove/{signal}", self._service(signal))
        self._sequence = 0
        self.handover_parameters.apply()

    def run(self, stop: Stop) -> None:
        """Tick at the control rate until asked to stop, then brake."""
        services = Every(SERVICE_PERIOD_S)
        gc.collect()
        gc.freeze()
        # Last: the collection above takes as long as ten ticks.
        pacer = clock.Pacer(self.robot.dt_s)
        leave_s = math.inf
        while True:
            late_s = pacer.wait()
            # Before "now": a state that is stamped while it is read must not come out younger than the tick.
            self.read_robot()
            now_s = clock.monotonic_s()
            if stop.requested and leave_s == math.inf:
                self.loop.request(Signal.STOP, now_s)
                leave_s = now_s + LAST_STOP_S
            self.read_inputs(now_s)
            tick = self.loop.tick(now_s)
            self.send(tick)
            self.reports.after_tick(tick, late_s, pacer.missed)
            if services.due(now_s):
                self._spinner.spin()
                self.handover_parameters.apply()
            if now_s > leave_s or (leave_s < math.inf and self.loop.filter.at_rest):
                return

    def read_robot(self) -> None:
        """The newest state of the robot, if it ever said one."""
        state = self.robot_io.read()
        if state is not None:
            self.loop.on_robot_state(state)

    def read_inputs(self, now_s: float) -> None:
        """Newest of everything else, stamped now; what cannot be used is counted and never reaches the loop."""
        self._ear.hear("chunk", self._chunks, lambda m: self.loop.on_chunk(read_chunk(m, self._order, now_s)))
        engaged = self._engaged.take()
        if engaged is not None:
            self.loop.on_deadman(bool(engaged.data), now_s)
        self._ear.hear("targets", self._targets, lambda m: self.loop.on_operator(read_targets(m, self._order, now_s)))
        self._ear.hear("advice", self._advice, lambda m: self.loop.on_advice(now_s, Advice(*read_advice(m))))
        self._ear.hear("task", self._task, lambda m: self.loop.on_progress(now_s, read_number(m.data, "progress")))

    def send(self, tick: Tick) -> None:
        """Send the command, if there is one, under the present lease."""
        if tick.q_sent_rad is None:
            return
        self._sequence += 1
        self.robot_io.epoch = self.loop.handover.epoch
        self.robot_io.send(tick.q_sent_rad, self._sequence)

    def close(self) -> None:
        self._spinner.close()
        self.reports.close()
        self.robot_io.close()
        self.node.destroy_node()

    def _service(self, signal: Signal) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
        def answer(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            refusal = self.loop.request(signal, clock.monotonic_s())
            response.success = refusal is None
            response.message = refusal or f"{self.loop.handover.state.name.lower()}: {self.loop.handover.reason}"
            if response.success and signal is Signal.START:
                self.reports.begin_episode()
                self.loop.no_progress.patience_s = float(self.parameters.value("no_progress_patience_s"))
            return response

        return answer


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="rove_control", description=__doc__)
    result.add_argument("--robot", default="iron_r01", help="name or folder of the robot (default %(default)s)")
    # Started again by hand it is another session: the robot refuses a known one whose sequence begins anew.
    name = f"manual-{secrets.token_hex(4)}"
    result.add_argument("--session", default=name, help="id in the envelope of every command (default: a new one)")
    result.add_argument("--takeover", choices=("aligned", "anchored", "blend"), default="anchored")
    result.add_argument("--protocol", choices=("complete", "hand_back", "end"), default="complete")
    result.add_argument("--takeover-groups", default="", help="joint groups with commas between; empty: all")
    result.add_argument("--auto-pause", action="store_true", help="an alarm pauses the policy by itself")
    result.add_argument("--recorder", default="", help="Unix socket of the recorder; empty: rows go nowhere")
    return result


def run(options: argparse.Namespace, stop: Stop) -> None:
    control = ControlNode(load_robot(options.robot), options)
    refusal = go_real_time(PRIORITY)
    if refusal is not None:
        control.node.get_logger().warning(refusal)
        ask_for_short_slices()
    try:
        control.run(stop)
    finally:
        control.close()


if __name__ == "__main__":
    sys.exit(run_node(parser(), run))
