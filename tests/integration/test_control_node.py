"""Control's process beside a simulated robot: groups, ghost, alignment, rewind and speed, from outside."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, String
from std_srvs.srv import Trigger

from rove_teleop.control.hand_limits import HandLimits
from rove_teleop.robots.description import load_robot

from .ros_watch import Watcher, node_process

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

DOMAIN = 42
ROBOT = load_robot("iron_r01")
TAKEN = ("left_arm", "left_hand")


class Desk:
    """A supervisor's and an operator's side of control."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        node, newest = watcher.node, QoSProfile(depth=1)
        self._targets = node.create_publisher(JointState, "operator/targets", newest)
        self._engaged = node.create_publisher(Bool, "operator/engaged", newest)
        self.pose: np.ndarray | None = None
        self.pressed = True
        self.heard: list[dict] = []
        watcher.listen(String, "rove/status", 1, lambda message: self._hear(message.data))
        watcher.listen(JointState, "rove/ghost", 1)
        watcher.listen(JointState, "joint_commands", 1)
        # In a thread of its own: an operator does not fall silent while this process waits for a service.
        self._closed = threading.Event()
        self._speaker = threading.Thread(target=self._speak)
        self._speaker.start()

    def close(self) -> None:
        self._closed.set()
        self._speaker.join()

    def _hear(self, text: str) -> None:
        self.status = json.loads(text)

    def _speak(self) -> None:
        while not self._closed.wait(1.0 / 72.0):
            if self.pose is not None:
                self._engaged.publish(Bool(data=self.pressed))
                self._targets.publish(JointState(name=list(ROBOT.joint_names), position=self.pose.tolist()))

    def ask(self, name: str) -> str | None:
        answer = self.watcher.call(Trigger, f"rove/{name}", Trigger.Request())
        return None if answer.success else answer.message

    def set(self, name: str, value: float | str | list[float]) -> str | None:
        typed = ParameterValue(type=ParameterType.PARAMETER_DOUBLE_ARRAY)
        if isinstance(value, str):
            typed = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=value)
        elif isinstance(value, float):
            typed = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value)
        else:
            typed.double_array_value = value
        request = SetParametersAtomically.Request(parameters=[Parameter(name=name, value=typed)])
        result = self.watcher.call(SetParametersAtomically, "rove_control/set_parameters_atomically", request).result
        return None if result.successful else result.reason

    def recovers(self) -> bool:
        """Recovered; taken over again where this process was too slow for the operator's deadline."""
        if self.ask("recovered") is None:
            return True
        self.watcher.spin_for(0.2)
        assert "tracking is" in self.status["reason"], self.status["reason"]
        self.ask("take_over")
        return False

    def until(self, condition, patience_s: float = 15.0) -> None:
        assert self.watcher.spin_until(condition, patience_s), self.status

    @property
    def sent(self) -> np.ndarray:
        return np.array(self.watcher.latest["joint_commands"].position)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    watcher = Watcher(DOMAIN)
    robot = node_process("sim_robot", "--autostart", domain=DOMAIN, log=tmp_path / "robot.log")
    arguments = ("--takeover", "aligned", "--takeover-groups", ",".join(TAKEN))
    control = node_process("control", *arguments, domain=DOMAIN, log=tmp_path / "control.log")
    with robot, control:
        made = Desk(watcher)
        try:
            heard = watcher.spin_until(lambda: made.__dict__.get("status", {}).get("state_age_s") is not None, 60.0)
            assert heard, (tmp_path / "control.log").read_text()
            yield made
        finally:
            made.close()
    watcher.close()


def test_groups_ghost_alignment_rewind_and_speed(desk: Desk) -> None:
    assert "'tail' is no joint group of this robot (it has waist" in (
        desk.set("takeover_groups", "left_arm,tail") or ""
    )
    assert desk.set("speed_scale", 0.9) is None
    assert desk.set("speed_scale", 1.0) is None, "between episodes it may rise"
    assert desk.ask("start") is None
    desk.until(lambda: "joint_commands" in desk.watcher.latest)
    assert "does not apply" in (desk.ask("rewind") or "")
    assert desk.ask("pause") is None
    desk.until(lambda: desk.status["state"] == "paused")
    assert "nothing to rewind" in (desk.ask("rewind") or "")

    # The operator stands elsewhere with an elbow, and quite elsewhere with an arm that is not taken.
    start = desk.sent
    elbow, other = ROBOT.index("left_elbow_pitch"), ROBOT.index("right_elbow_pitch")
    desk.pose = start.copy()
    desk.pose[elbow] -= 0.4
    desk.pose[other] -= 0.9
    desk.pressed = False
    desk.until(lambda: desk.status["alignment"] is not None and "rove/ghost" in desk.watcher.latest)
    ghost = desk.watcher.latest["rove/ghost"]
    assert ghost.name == list(ROBOT.joint_names)
    assert ghost.position[elbow] == pytest.approx(desk.pose[elbow], abs=1e-6)
    alignment = desk.status["alignment"]
    assert alignment["worst_joint"] == "left_elbow_pitch"
    assert alignment["groups"]["left_arm"]["error_rad"] == pytest.approx(0.4, abs=0.01)
    assert alignment["groups"]["right_arm"]["aligned"] is False
    assert "deadman is released" in (desk.ask("take_over") or "")
    desk.pressed = True
    desk.watcher.spin_for(0.5)
    assert "left_elbow_pitch is 0.40 rad away (the left_arm must come within 0.15 rad)" in (desk.ask("take_over") or "")
    desk.pose[elbow] = start[elbow]
    desk.until(lambda: (desk.status["alignment"] or {}).get("aligned"))
    assert desk.ask("take_over") is None
    desk.until(lambda: desk.status["weight"]["left_arm"] == 1.0)
    desk.watcher.spin_for(1.0)

    # A hand that is outside its box gets no further out, without a stop; a box that is none is refused.
    places_m, corner_m = HandLimits(ROBOT, 0).places_m, np.array([5.0, 5.0, 5.0])
    assert "lowest and then of its highest corner" in (desk.set("hand_box_m", [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]) or "")
    assert desk.set("hand_box_m", [5.0, 5.0, 5.0, 6.0, 6.0, 6.0]) is None
    desk.until(desk.recovers)
    before_m = places_m(np.array(desk.sent))
    outside_m = np.maximum(corner_m - before_m, 0.0)
    desk.pose[elbow] -= 0.1
    desk.watcher.spin_for(1.5)
    assert desk.status["state"] == "recovery"
    now_m = np.maximum(corner_m - places_m(np.array(desk.sent)), 0.0)
    assert np.all(np.linalg.norm(now_m, axis=1) <= np.linalg.norm(outside_m, axis=1) + 0.002)
    assert desk.set("hand_box_m", [0.0] * 6) is None
    desk.until(lambda: abs(desk.sent[elbow] - desk.pose[elbow]) < 0.01)

    # Only what was taken follows.
    desk.pose[elbow] -= 0.3
    desk.until(lambda: abs(desk.sent[elbow] - desk.pose[elbow]) < 0.01)
    assert desk.sent[other] == start[other]
    weight = desk.status["weight"]
    assert {name for name, share in weight.items() if share > 0.5} == set(TAKEN)

    # Slower is possible now, faster is not.
    assert desk.set("speed_scale", 0.5) is None
    assert "can only be lowered now (it is at 0.5)" in (desk.set("speed_scale", 0.6) or "")
    desk.until(lambda: desk.status["speed_scale"] == 0.5)

    # And back to where it came from.
    assert desk.set("rewind_s", 10.0) is None
    assert "out of range" in (desk.set("rewind_s", 11.0) or "")
    assert desk.ask("pause") is None
    desk.until(lambda: desk.status["state"] == "paused" and desk.status["authority"] == "hold")
    desk.until(lambda: desk.ask("rewind") is None)
    desk.until(lambda: desk.status["authority"] == "rewind")
    assert desk.status["phase"] == "rewind"
    desk.until(lambda: desk.status["state"] == "paused", 30.0)
    assert abs(desk.sent[elbow] - start[elbow]) < 0.005
    assert desk.ask("discard") is None


def test_an_unknown_group_on_the_command_line_ends_the_process_with_a_sentence(tmp_path: Path) -> None:
    log = tmp_path / "control.log"
    with node_process("control", "--takeover-groups", "tail", domain=DOMAIN, log=log) as process:
        assert process.wait(timeout=30) == 2
    assert "'tail' is no joint group of this robot" in log.read_text()
