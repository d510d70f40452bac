"""The control loop's robot over real Fast DDS: polled without an executor, by name, deaf to nonsense."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState

from rove_teleop.errors import MessageRefused, RobotUnavailable
from rove_teleop.robot_io.envelope import Envelope, parse_envelope
from rove_teleop.robot_io.ros2 import Ros2Robot
from rove_teleop.robots.description import RobotDescription, load_robot

from .ros_watch import Watcher

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

DOMAIN = 27


@pytest.fixture(scope="module")
def description() -> RobotDescription:
    return load_robot("iron_r01")


class Bench:
    """A driver made of plain rclpy on one side, the product's robot on the other, in separate nodes."""

    def __init__(self, description: RobotDescription) -> None:
        self.watcher = Watcher(DOMAIN, "driver")
        self.commands: list[JointState] = []
        self.watcher.listen(JointState, "joint_commands", use=self.commands.append)
        self.publisher = self.watcher.node.create_publisher(JointState, "joint_states", QoSProfile(depth=1))
        self.control = Node("control", context=self.watcher.context)
        self.robot = Ros2Robot(description, self.control, "session-1", epoch=3)
        self.names = list(description.joint_names)
        matched = self.watcher.spin_until(lambda: self.publisher.get_subscription_count() == 1, 10.0)
        assert matched

    def measured(self, names: list[str], position: list[float], velocity: list[float]) -> JointState:
        message = JointState(name=names, position=position, velocity=velocity)
        self.publisher.publish(message)
        time.sleep(0.05)
        return message

    def close(self) -> None:
        self.robot.close()
        self.control.destroy_node()
        self.watcher.close()


@pytest.fixture
def bench(description: RobotDescription) -> Iterator[Bench]:
    made = Bench(description)
    yield made
    made.close()


def test_nothing_is_read_before_the_first_state(bench: Bench) -> None:
    assert bench.robot.read() is None


def test_a_state_in_any_order_is_read_by_name_and_stamped_on_arrival(bench: Bench) -> None:
    q_rad = np.linspace(-1.0, 1.0, 50)
    before_s = time.monotonic()
    bench.measured(bench.names[::-1], list(q_rad[::-1]), list(-q_rad[::-1]))
    state = bench.robot.read()
    assert state is not None
    np.testing.assert_array_equal(state.q_rad, q_rad)
    np.testing.assert_array_equal(state.dq_rad_s, -q_rad)
    assert before_s <= state.stamp_s <= time.monotonic()
    assert bench.robot.read() is state


def test_only_the_newest_state_counts(bench: Bench) -> None:
    for value in (0.1, 0.2, 0.3):
        bench.measured(bench.names, [value] * 50, [0.0] * 50)
    state = bench.robot.read()
    assert state is not None
    assert state.q_rad[0] == 0.3


@pytest.mark.parametrize("fault", ["not_finite", "missing_joint", "unknown_joint", "duplicate_joint", "wrong_length"])
def test_a_state_that_cannot_be_used_is_counted_and_the_last_good_one_ages(bench: Bench, fault: str) -> None:
    bench.measured(bench.names, [0.25] * 50, [0.0] * 50)
    good = bench.robot.read()
    names, position, velocity = list(bench.names), [0.5] * 50, [0.0] * 50
    if fault == "not_finite":
        velocity[7] = math.nan
    elif fault == "missing_joint":
        names, position, velocity = names[1:], position[1:], velocity[1:]
    elif fault == "unknown_joint":
        names[3] = "tail"
    elif fault == "duplicate_joint":
        names[3] = names[4]
    else:
        velocity = []
    bench.measured(names, position, velocity)
    assert bench.robot.read() is good
    assert bench.robot.rejected == {fault: 1}


def test_commands_carry_the_envelope_and_every_name(bench: Bench) -> None:
    q_rad = np.linspace(-0.5, 0.5, 50)
    bench.robot.send(q_rad, 41)
    bench.robot.epoch = 4
    assert bench.watcher.spin_until(lambda: bench.commands, 5.0)
    bench.robot.send(q_rad + 0.001, 42)
    assert bench.watcher.spin_until(lambda: len(bench.commands) == 2, 5.0)
    first, second = bench.commands
    assert parse_envelope(first.header.frame_id) == Envelope("session-1", 3, 41)
    assert parse_envelope(second.header.frame_id) == Envelope("session-1", 4, 42)
    assert list(first.name) == bench.names
    np.testing.assert_array_equal(np.array(first.position), q_rad)


def test_a_command_that_is_not_finite_is_never_sent(bench: Bench) -> None:
    with pytest.raises(RobotUnavailable, match="command 5"):
        bench.robot.send(np.full(50, math.nan), 5)
    with pytest.raises(RobotUnavailable):
        bench.robot.send(np.zeros(49), 6)
    bench.watcher.spin_for(0.2)
    assert not bench.commands


def test_a_session_id_must_fit_the_envelope(bench: Bench, description: RobotDescription) -> None:
    with pytest.raises(MessageRefused):
        Ros2Robot(description, bench.control, "a/b")


def test_reading_and_sending_fit_into_a_tick(bench: Bench) -> None:
    """Measured here: about 0.1 ms of the 4 ms of a tick; the bound only catches a change of kind."""
    q_rad = np.zeros(50)
    spent_s = []
    for sequence in range(200):
        bench.publisher.publish(JointState(name=bench.names, position=[0.1] * 50, velocity=[0.0] * 50))
        time.sleep(0.002)
        start_s = time.perf_counter()
        bench.robot.read()
        bench.robot.send(q_rad, sequence)
        spent_s.append(time.perf_counter() - start_s)
    median_s = float(np.median(spent_s))
    print(f"read and send: median {median_s * 1e6:.0f} us, 99 % {np.percentile(spent_s, 99) * 1e6:.0f} us")
    assert median_s < 0.001
