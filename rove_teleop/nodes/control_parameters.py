"""The parameters of takeovers, rewinds and speed: declared, refused with a sentence, and applied between two ticks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, ParameterType, SetParametersResult
from rclpy.exceptions import InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from .. import clock
from ..control.hand_limits import HandLimits
from ..control_loop import ControlLoop
from ..errors import UsageError
from ..handover.groups import read_groups
from .support import Bounds, Parameters


class HandoverParameters:
    """All may be changed at any time; what the loop does not allow at that moment is refused with its reason."""

    def __init__(
        self, node: Node, parameters: Parameters, loop: ControlLoop, takeover_groups: str, auto_pause: bool = False
    ) -> None:
        """``takeover_groups`` and ``auto_pause``: as on the command line.

        Raises:
            UsageError: a value given at the start is refused.
        """
        self._loop, self._value = loop, parameters.value
        self._checks: dict[str, Callable[[Any], str | None]] = {
            "takeover_groups": self._check_groups,
            "hand_box_m": self._check_box,
            "speed_scale": lambda share: loop.speed.refusal(float(share), loop.between_episodes),
        }
        number = parameters.number
        number("rewind_s", 2.0, Bounds(0.1, 10.0, "s"), "seconds of motion that a rewind walks back")
        number("rewind_pace", 0.5, Bounds(0.05, 1.0), "speed of a rewind, as a share of the original")
        number("speed_scale", 1.0, Bounds(0.05, 1.0), "share of the velocity limits; in an episode only downwards")
        text = "the robot slows so that no hand is faster; 0: no cap"
        number("hand_speed_m_s", 0.0, Bounds(0.0, 10.0, "m/s"), text)
        node.add_on_set_parameters_callback(self._check)
        text = "lowest, then highest corner (x, y, z) [m] of the box that the hands may not leave; zeros: none"
        numbers = ParameterDescriptor(description=text, type=ParameterType.PARAMETER_DOUBLE_ARRAY)
        text = "what a takeover takes: joint groups with commas between; empty takes all"
        pause = ParameterDescriptor(description="an alarm pauses the policy by itself; else it only asks for a person")
        press = ParameterDescriptor(description="a fresh press of the deadman is itself the request to take over")
        try:
            node.declare_parameter("hand_box_m", [0.0] * 6, numbers)
            node.declare_parameter("takeover_groups", takeover_groups, ParameterDescriptor(description=text))
            node.declare_parameter("deadman_takes_over", False, press)
            node.declare_parameter("auto_pause", auto_pause, pause)
        except InvalidParameterValueException as error:
            raise UsageError(str(error)) from error

    def apply(self) -> None:
        """Hand the present values to the loop. Nothing here waits: between two ticks."""
        loop, value = self._loop, self._value
        loop.takeover_groups = read_groups(value("takeover_groups"), loop.robot.groups)
        loop.auto_pause = value("auto_pause")
        loop.deadman_takes_over = value("deadman_takes_over")
        loop.limit_hands(value("hand_speed_m_s"), _box(value("hand_box_m")), clock.monotonic_s())
        loop.scale_speed(value("speed_scale"), clock.monotonic_s())
        loop.rewind_s, loop.rewind_pace = value("rewind_s"), value("rewind_pace")

    def _check(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            check = self._checks.get(parameter.name)
            refusal = check(parameter.value) if check is not None else None
            if refusal is not None:
                return SetParametersResult(successful=False, reason=refusal)
        return SetParametersResult(successful=True)

    def _check_groups(self, text: str) -> str | None:
        try:
            read_groups(text, self._loop.robot.groups)
        except UsageError as error:
            return str(error)
        return None

    def _check_box(self, corners_m: Sequence[float]) -> str | None:
        try:
            HandLimits.check(0.0, _box(corners_m))
        except ValueError as error:
            return str(error)
        return None


def _box(corners_m: Sequence[float]) -> Sequence[float]:
    """A parameter has six numbers even where there is no box: zeros."""
    return corners_m if any(corners_m) else ()
