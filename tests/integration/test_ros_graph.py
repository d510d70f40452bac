"""The simulated robot and its camera as real processes on real Fast DDS, seen by a program with standard messages."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParametersAtomically
from sensor_msgs.msg import CompressedImage, JointState
from std_msgs.msg import Float64MultiArray, String
from std_srvs.srv import Trigger

from .ros_watch import Commander, Watcher, node_process

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]

DOMAIN = 26
JOINT = "left_shoulder_pitch"


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    made = Watcher(DOMAIN)
    yield made
    made.close()


@pytest.fixture
def commander(watcher: Watcher, tmp_path: Path) -> Iterator[Commander]:
    """A running simulated robot and somebody who may command it."""
    with node_process("sim_robot", "--autostart", domain=DOMAIN, log=tmp_path / "sim_robot.log"):
        watcher.listen(DiagnosticArray, "diagnostics")
        made = Commander(watcher, "test")
        assert watcher.spin_until(made.ready, 20.0), (tmp_path / "sim_robot.log").read_text()
        yield made


def report(watcher: Watcher) -> dict[str, str]:
    """The robot's next diagnostics."""
    watcher.latest.pop("diagnostics", None)
    assert watcher.spin_until(lambda: "diagnostics" in watcher.latest, 5.0)
    return {pair.key: pair.value for pair in watcher.latest["diagnostics"].status[0].values}


def set_parameter(watcher: Watcher, name: str, value: float | int) -> tuple[bool, str]:
    if isinstance(value, int):
        typed = ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=value)
    else:
        typed = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value)
    request = SetParametersAtomically.Request(parameters=[Parameter(name=name, value=typed)])
    result = watcher.call(SetParametersAtomically, "rove_sim_robot/set_parameters_atomically", request).result
    return result.successful, result.reason


def position_of(message: JointState, joint: str = JOINT) -> float:
    return float(message.position[message.name.index(joint)])


def ramp(commander: Commander, speed_rad_s: float, joint: str = JOINT):
    """Positions that begin where the robot stands and move one joint."""
    start = list(commander.measured.position)
    index = commander.measured.name.index(joint)

    def at(elapsed_s: float) -> list[float]:
        position = list(start)
        position[index] += speed_rad_s * elapsed_s
        return position

    return at


def test_a_stranger_sees_everything_in_standard_messages(
    watcher: Watcher, commander: Commander, tmp_path: Path
) -> None:
    topics = {
        "task/state": Float64MultiArray,
        "task/status": String,
        "sim/snapshot": Float64MultiArray,
        "camera/ego/image_raw/compressed": CompressedImage,
    }
    for topic, message_type in topics.items():
        watcher.listen(message_type, topic)
    with node_process("sim_camera", domain=DOMAIN, log=tmp_path / "camera.log"):
        assert watcher.spin_until(lambda: topics.keys() <= watcher.latest.keys(), 30.0), (
            set(topics) - watcher.latest.keys(),
            (tmp_path / "camera.log").read_text(),
        )
        before, start_s = dict(watcher.count), time.monotonic()
        watcher.spin_for(2.0)
        elapsed_s = time.monotonic() - start_s
    rate_hz = {topic: (watcher.count[topic] - before.get(topic, 0)) / elapsed_s for topic in watcher.count}
    state = commander.measured
    assert len(state.name) == len(set(state.name)) == len(state.position) == len(state.velocity) == 50
    assert np.isfinite(state.position).all()
    assert abs(state.header.stamp.sec - time.time()) < 60
    features = watcher.latest["task/state"]
    assert all(dimension.label for dimension in features.layout.dim)
    assert len(features.layout.dim) == len(features.data)
    status = json.loads(watcher.latest["task/status"].data)
    assert {"progress", "success", "failure", "seed", "robot"} <= status.keys()
    picture = watcher.latest["camera/ego/image_raw/compressed"]
    assert picture.format == "jpeg"
    assert bytes(picture.data[:2]) == b"\xff\xd8"
    print({topic: round(rate) for topic, rate in rate_hz.items()})
    # Half of the nominal rates: this shares two cores with the rest of the tests.
    for topic, least_hz in {"joint_states": 125, "task/state": 25, "task/status": 10, "sim/snapshot": 15}.items():
        assert rate_hz[topic] > least_hz
    assert rate_hz["camera/ego/image_raw/compressed"] > 8


def test_the_robot_follows_and_stops_by_itself_when_commands_stop(watcher: Watcher, commander: Commander) -> None:
    start = position_of(commander.measured)
    last_s = commander.stream(0.4, ramp(commander, 1.0))
    watcher.spin_for(0.6)
    # Arrival in this process is late at times; the robot's own times are 4 ms apart.
    after = [(at_s - last_s, m) for at_s, m in commander.states if at_s > last_s]
    speed = {round(at_s, 3): max(abs(v) for v in m.velocity) for at_s, m in after}
    assert position_of(after[0][1]) - start > 0.25
    standing_s = max((at_s for at_s, v in speed.items() if v > 0.1), default=0.0)
    print(f"slower than 0.1 rad/s for good {standing_s * 1e3:.0f} ms after the last command")
    assert standing_s <= 0.1
    travel = max(position_of(m) for _, m in after) - position_of(after[0][1])
    assert travel < 0.08
    rest = [position_of(m) for at_s, m in after if at_s > 0.35]
    assert max(rest) - min(rest) < 0.005
    values = report(watcher)
    assert values["mode"] == "holding"
    assert int(values["timeouts"]) == 1
    assert "holds its pose" in watcher.latest["diagnostics"].status[0].message


def test_the_robot_resumes_only_from_where_it_stands(watcher: Watcher, commander: Commander) -> None:
    commander.stream(0.2, ramp(commander, 0.5))
    watcher.spin_for(0.4)
    held = position_of(commander.measured)
    away = ramp(commander, 1.0)(0.2)
    commander.stream(0.2, lambda _: away)
    values = report(watcher)
    assert abs(position_of(commander.measured) - held) < 0.01
    assert "not_here" in values["refused"]
    commander.stream(0.3, ramp(commander, 0.5))
    assert position_of(commander.measured) - held > 0.05


@pytest.mark.parametrize(
    "fault", ["not_finite", "unknown_joint", "missing_joint", "old_sequence", "other_session", "jump", "envelope"]
)
def test_nonsense_is_refused_counted_and_never_moves_the_robot(
    watcher: Watcher, commander: Commander, fault: str
) -> None:
    hold = ramp(commander, 0.0)
    commander.stream(0.2, hold)
    before = np.array(commander.measured.position)
    names, position = list(commander.measured.name), hold(0.0)
    good = f"test/1/{commander.sequence + 1000}"
    broken = {
        "not_finite": (names, [math.nan, *position[1:]], good),
        "unknown_joint": (["tail", *names[1:]], position, good),
        "missing_joint": (names[1:], position[1:], good),
        "old_sequence": (names, position, "test/1/1"),
        "other_session": (names, position, "stranger/1/999999"),
        "jump": (names, [value + 0.5 for value in position], good),
        "envelope": (names, position, "hello"),
    }[fault]
    for _ in range(5):
        commander.send(*broken)
        commander.stream(0.02, hold)
    assert np.abs(np.array(commander.measured.position) - before).max() < 0.005
    commander.stream(0.1, hold)
    assert f"'{fault}'" in report(watcher)["refused"]


def test_joint_names_may_come_in_any_order(watcher: Watcher, commander: Commander) -> None:
    names, start = list(commander.measured.name)[::-1], list(commander.measured.position)[::-1]
    index = names.index(JOINT)
    for step in range(60):
        position = list(start)
        position[index] += 0.002 * step
        commander.send(names, position)
        commander.watcher.spin_for(0.004)
    watcher.spin_for(0.2)
    moved = np.array(commander.measured.position) - np.array(start[::-1])
    assert int(np.argmax(np.abs(moved))) == commander.measured.name.index(JOINT)
    assert moved[commander.measured.name.index(JOINT)] > 0.08
    assert int(report(watcher)["accepted"]) > 30


def test_another_session_takes_over_after_silence(watcher: Watcher, commander: Commander) -> None:
    commander.stream(0.1, ramp(commander, 0.0))
    watcher.spin_for(0.4)
    commander.session, commander.sequence = "next", 0
    start = position_of(commander.measured)
    commander.stream(0.4, ramp(commander, 0.5))
    assert position_of(commander.measured) - start > 0.1


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("command_timeout_s", math.nan, ("command_timeout_s", "nan", "0.02", "0.2")),
        ("command_timeout_s", math.inf, ("command_timeout_s", "inf")),
        ("command_timeout_s", 5.0, ("command_timeout_s", "5")),
        ("command_timeout_s", 1, ("type",)),
        ("seed", -1, ("seed", "-1")),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused_with_the_reason(
    watcher: Watcher, commander: Commander, name: str, value: float, words: tuple[str, ...]
) -> None:
    accepted, reason = set_parameter(watcher, name, value)
    assert not accepted
    for word in words:
        assert word in reason


def test_reset_starts_a_known_episode(watcher: Watcher, commander: Commander) -> None:
    watcher.listen(Float64MultiArray, "task/state")

    def features(seed: int) -> np.ndarray:
        assert set_parameter(watcher, "seed", seed) == (True, "")
        response = watcher.call(Trigger, "sim/reset", Trigger.Request())
        assert response.success
        assert str(seed) in response.message
        watcher.spin_for(0.3)
        return np.array(watcher.latest["task/state"].data)

    first, other, again = features(7), features(8), features(7)
    still = np.abs(first - again)
    assert np.abs(first - other).max() > 1e-3
    assert still.max() < 0.2 * np.abs(first - other).max()


def test_lifecycle_takes_commands_only_when_active(watcher: Watcher, tmp_path: Path) -> None:
    def state() -> int:
        return watcher.call(GetState, "rove_sim_robot/get_state", GetState.Request()).current_state.id

    def change(transition: int) -> None:
        request = ChangeState.Request(transition=Transition(id=transition))
        assert watcher.call(ChangeState, "rove_sim_robot/change_state", request).success

    with node_process("sim_robot", domain=DOMAIN, log=tmp_path / "sim_robot.log"):
        commander = Commander(watcher, "test")
        assert state() == State.PRIMARY_STATE_UNCONFIGURED
        watcher.spin_for(0.3)
        assert not commander.states
        change(Transition.TRANSITION_CONFIGURE)
        assert state() == State.PRIMARY_STATE_INACTIVE
        assert watcher.spin_until(commander.ready, 5.0)
        start = position_of(commander.measured)
        commander.stream(0.3, ramp(commander, 0.5))
        assert abs(position_of(commander.measured) - start) < 0.005
        change(Transition.TRANSITION_ACTIVATE)
        assert state() == State.PRIMARY_STATE_ACTIVE
        commander.stream(0.3, ramp(commander, 0.5))
        moved = position_of(commander.measured)
        assert moved - start > 0.05
        change(Transition.TRANSITION_DEACTIVATE)
        watcher.spin_for(0.3)
        held = position_of(commander.measured)
        commander.stream(0.2, ramp(commander, 0.5))
        assert abs(position_of(commander.measured) - held) < 0.005


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_robot_cleanly(watcher: Watcher, tmp_path: Path, number: int) -> None:
    log = tmp_path / "sim_robot.log"
    with node_process("sim_robot", "--autostart", domain=DOMAIN, log=log) as process:
        commander = Commander(watcher, "test")
        assert watcher.spin_until(commander.ready, 20.0)
        process.send_signal(number)
        assert process.wait(timeout=5) == 0
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--task", "juggling", "--autostart"), "juggling"),
        (("--robot", "nobody"), "nobody"),
        (("--ros-args", "-p", "command_timeout_s:=.nan"), "command_timeout_s"),
    ],
)
def test_a_start_that_makes_no_sense_ends_with_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    log = tmp_path / "sim_robot.log"
    with node_process("sim_robot", *arguments, domain=DOMAIN, log=log) as process:
        assert process.wait(timeout=20) == 2
    assert words in log.read_text()
    assert "Traceback" not in log.read_text()
