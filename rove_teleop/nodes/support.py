"""What every node shares: a clean start and end, parameters that refuse nonsense with a reason, diagnostics."""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol, cast

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterValueException, ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from ..clock import Pacer, monotonic_s
from ..errors import MessageRefused, RoveError, StageLost, UsageError
from ..robot_io.joints import stamp_now
from ..robot_io.topics import PolledSubscription
from ..sessions.ros_environment import prepare_ros

_PR_SET_PDEATHSIG = 1


class Stop:
    """Set by SIGINT or SIGTERM. Loops look at it between two steps, so that nothing is cut in the middle."""

    def __init__(self) -> None:
        self.requested = False

    def request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True


def run_node(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace, Stop], None]) -> int:
    """Parse the command line, start ROS, run until a signal; returns the exit code (0 after a signal).

    Arguments after ``--ros-args`` go to ROS. Without a choice by the user, nothing leaves this machine.
    """
    prepare_ros()
    end_with_session()
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    stop = Stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop.request)
    # Our own handlers: with rclpy's, the context dies under a loop that still publishes.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        run(options, stop)
    except RoveError as error:
        get_logger(parser.prog).fatal(str(error))
        return error.exit_code
    except ParameterException as error:
        get_logger(parser.prog).fatal(str(error))
        return UsageError.exit_code
    finally:
        rclpy.try_shutdown()
    return 0


def end_with_session() -> None:
    """Ask the kernel for SIGTERM when the session that started this process dies: no robot moves for nobody."""
    session = os.environ.get("ROVE_SESSION_PID", "")
    if not session.isdecimal():
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != int(session):
        raise SystemExit(StageLost.exit_code)


def go_real_time(priority: int) -> str | None:
    """Ask for a real-time priority for every thread of this process; a sentence when the system does not allow it.

    Also for the threads of the middleware, which exist once the node does: they hold locks that a publisher waits for,
    and on a busy machine it would wait as long as they do.
    """
    try:
        for thread in os.listdir("/proc/self/task"):
            _go_real_time(int(thread), priority)
    except (PermissionError, OSError) as error:
        return f"no real-time priority ({error.strerror}): expect late ticks on a busy machine"
    return None


def _go_real_time(thread: int, priority: int) -> None:
    try:
        os.sched_setscheduler(thread, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except ProcessLookupError:
        # It ended since it was listed.
        return


class Spinner:
    """Serves a node's services and parameters from inside its own loop, one call at a time."""

    def __init__(self, node: Node) -> None:
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)

    def spin(self, wait_s: float = 0.0) -> None:
        """Wait up to ``wait_s`` for work and do one piece of it."""
        self._executor.spin_once(timeout_sec=wait_s)

    def close(self) -> None:
        self._executor.shutdown()


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range of a numeric parameter, ends included."""

    low: float
    high: float
    unit: str = ""

    def refusal(self, name: str, value: object) -> str | None:
        """A sentence that says why ``value`` is refused, or None."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{name} must be a number, got {value!r}"
        if not (self.low <= value <= self.high):
            return f"{name} is {value:g}, outside {self.low:g} to {self.high:g} {self.unit}".rstrip()
        return None


class Parameters:
    """Numeric parameters of a node with their bounds. NaN and values out of range are refused with the reason.

    Settable ones are read with ``value`` where they are used, so that a change takes effect at the next step.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._bounds: dict[str, Bounds] = {}
        node.add_on_set_parameters_callback(self._check)

    def number(self, name: str, default: float, bounds: Bounds, text: str, read_only: bool = False) -> float:
        """Declare a floating-point parameter and return its value.

        Raises:
            UsageError: the value given at the start is refused.
        """
        span = FloatingPointRange(from_value=bounds.low, to_value=bounds.high)
        descriptor = ParameterDescriptor(description=text, read_only=read_only, floating_point_range=[span])
        return float(self._declare(name, default, bounds, descriptor))

    def integer(self, name: str, default: int, bounds: Bounds, text: str, read_only: bool = False) -> int:
        """Declare an integer parameter and return its value.

        Raises:
            UsageError: the value given at the start is refused.
        """
        span = IntegerRange(from_value=int(bounds.low), to_value=int(bounds.high), step=1)
        descriptor = ParameterDescriptor(description=text, read_only=read_only, integer_range=[span])
        return int(self._declare(name, default, bounds, descriptor))

    def value(self, name: str) -> Any:
        return self._node.get_parameter(name).value

    def _declare(self, name: str, default: float, bounds: Bounds, descriptor: ParameterDescriptor) -> float:
        self._bounds[name] = bounds
        try:
            return self._node.declare_parameter(name, default, descriptor).value
        except InvalidParameterValueException as error:
            raise UsageError(f"parameter {name}: {error}") from error

    def _check(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            bounds = self._bounds.get(parameter.name)
            refusal = bounds.refusal(parameter.name, parameter.value) if bounds is not None else None
            if refusal is not None:
                return SetParametersResult(successful=False, reason=refusal)
        return SetParametersResult(successful=True)


def diagnostic(name: str, problem: str | None, values: Mapping[str, object]) -> DiagnosticArray:
    """One component's report: OK, or WARN with a sentence; ``values`` are shown as text."""
    level = DiagnosticStatus.OK if problem is None else DiagnosticStatus.WARN
    status = DiagnosticStatus(level=level, name=name, message=problem or "ok", hardware_id="")
    status.values = [KeyValue(key=key, value=_text(value)) for key, value in values.items()]
    message = DiagnosticArray(status=[status])
    stamp_now(message.header.stamp)
    return message


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else "none"
    return str(value)


class Ear:
    """Takes the newest message of a topic; what cannot be used is counted in ``refused`` and goes no further."""

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()

    def hear(self, name: str, subscription: PolledSubscription, use: Callable[[Any], object]) -> None:
        """Give the newest message, if there is one, to ``use``, which may raise `MessageRefused`."""
        message = subscription.take()
        if message is None:
            return
        try:
            use(message)
        except MessageRefused as refusal:
            self.refused[f"{name}.{refusal.reason}"] += 1


class Every:
    """True once per period: several rates inside one paced loop."""

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self._next_s = -math.inf

    def due(self, now_s: float) -> bool:
        """Whether the period has passed; a late call is not made up for."""
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self.period_s if now_s - self._next_s > self.period_s else self._next_s + self.period_s
        return True


class Stepped(Protocol):
    """A node whose work is one ``step`` per period."""

    def step(self, now_s: float) -> None: ...
    def report(self, now_s: float) -> None: ...
    def destroy_node(self) -> None: ...


def step_paced(node: Stepped, rate_hz: float, stop: Stop) -> None:
    """The loop of a node that is stepped: work, diagnostics, one service call, at a fixed rate until a signal."""
    spinner, pacer = Spinner(cast(Node, node)), Pacer(1.0 / rate_hz)
    while not stop.requested:
        pacer.wait()
        now_s = monotonic_s()
        node.step(now_s)
        node.report(now_s)
        spinner.spin()
    spinner.close()
    node.destroy_node()
