"""The policy's process beside a simulated robot, on real Fast DDS. The weights are untrained: the way counts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

import rclpy
import torch
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParametersAtomically
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from rove_teleop.models.checkpoint import Checkpoint, CheckpointHeader, save_checkpoint
from rove_teleop.models.flow import FlowActor, FlowSizes
from rove_teleop.models.observation import Normalisation
from rove_teleop.nodes.policy import PolicyNode
from rove_teleop.policy.opening import open_policy
from rove_teleop.robots.description import load_robot

from .environment import ENVIRONMENT
from .ros_watch import Watcher, node_process

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]

DOMAIN = 29
FEATURES = ("bread_x_m", "slot_yaw_rad")


def untrained(
    path: Path,
    joint_names: tuple[str, ...],
    feature_names: tuple[str, ...] = FEATURES,
    classes: int = 0,
    beta: float | None = None,
) -> Path:
    """A checkpoint with random weights whose plans stay within centiradians of the measured pose."""
    robot = load_robot("iron_r01")
    index = [robot.index(name) for name in joint_names]
    sizes = {"horizon": 16, "hidden": 32, "layers": 2}
    header = CheckpointHeader(
        task="toaster",
        robot=robot.name,
        robot_hash=robot.config_hash,
        joint_names=joint_names,
        q_min_rad=tuple(robot.q_min_rad[index].tolist()),
        q_max_rad=tuple(robot.q_max_rad[index].tolist()),
        feature_names=feature_names,
        step_s=0.05,
        execute=8,
        condition_classes=classes,
        beta=beta,
        **sizes,
    )
    torch.manual_seed(0)
    width, joints = header.observation_size, len(joint_names)
    actor = FlowActor(FlowSizes(observation=width, joints=joints, condition_classes=classes, **sizes))
    rng = np.random.default_rng(0)
    normalisation = Normalisation.fit(rng.normal(size=(50, width)), 0.01 * rng.normal(size=(50, 16, joints)))
    weights = {key: value.numpy() for key, value in actor.state_dict().items()}
    save_checkpoint(path, Checkpoint(header, normalisation, weights))
    return path


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    made = Watcher(DOMAIN)
    yield made
    made.close()


def test_plans_come_at_the_chunk_rate_by_name_and_end_with_their_observations(watcher: Watcher, tmp_path: Path) -> None:
    joints = tuple(name for name in load_robot("iron_r01").joint_names if name.startswith("right_shoulder"))
    checkpoint = untrained(tmp_path / "policy.safetensors", joints)
    arrivals: list[tuple[float, JointTrajectory]] = []
    watcher.listen(JointTrajectory, "policy/chunk", use=lambda m: arrivals.append((time.monotonic(), m)))
    watcher.listen(JointState, "joint_states", 1)
    log = tmp_path / "policy.log"
    with node_process("policy", "--checkpoint", str(checkpoint), domain=DOMAIN, log=log):
        with node_process("sim_robot", "--autostart", domain=DOMAIN, log=tmp_path / "robot.log"):
            assert watcher.spin_until(lambda: len(arrivals) >= 2, 40.0), log.read_text()
            arrivals.clear()
            watcher.spin_for(3.0)
            state = watcher.latest["joint_states"]
        # Every 0.4 s, less what planning takes on this machine now, but no more than twice as often.
        assert 5 <= len(arrivals) <= 16
        message = arrivals[-1][1]
        assert tuple(message.joint_names) == joints
        offsets = [point.time_from_start.sec + point.time_from_start.nanosec * 1e-9 for point in message.points]
        assert len(offsets) == 16
        np.testing.assert_allclose(np.diff(offsets), 0.05, atol=1e-6)
        print(f"age of the observation at publication {(0.05 - offsets[0]) * 1e3:.1f} ms")
        assert -0.15 < offsets[0] < 0.05
        measured = np.array([state.position[state.name.index(name)] for name in joints])
        assert np.abs(np.array(message.points[0].positions) - measured).max() < 0.3
        watcher.spin_for(0.6)
        arrivals.clear()
        watcher.listen(DiagnosticArray, "diagnostics")
        watcher.spin_for(2.5)
        assert not arrivals
        status = watcher.latest["diagnostics"].status[0]
        assert status.name == "rove_policy"
        assert "observation" in status.message
        assert "stale observation" in {pair.key: pair.value for pair in status.values}["refused"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--checkpoint", "nowhere.safetensors"), "nowhere.safetensors"),
        (("--task", "juggling"), "juggling"),
        (("--task", "whiteboard", "--checkpoint", "{checkpoint}"), "whiteboard"),
    ],
)
def test_a_policy_that_cannot_be_used_ends_with_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    checkpoint = untrained(tmp_path / "policy.safetensors", ("right_elbow_pitch",))
    log = tmp_path / "policy.log"
    command = [argument.format(checkpoint=checkpoint) for argument in arguments]
    with node_process("policy", *command, domain=DOMAIN, log=log) as process:
        assert process.wait(timeout=40) == 2
    assert words in log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_policy_that_reads_other_features_ends_with_both_sides(watcher: Watcher, tmp_path: Path) -> None:
    checkpoint = untrained(tmp_path / "policy.safetensors", ("right_elbow_pitch",), ("ink_left",))
    log = tmp_path / "policy.log"
    with (
        node_process("sim_robot", "--autostart", domain=DOMAIN, log=tmp_path / "robot.log"),
        node_process("policy", "--checkpoint", str(checkpoint), domain=DOMAIN, log=log) as process,
    ):
        assert process.wait(timeout=40) == 2
    assert "ink_left" in log.read_text()
    assert "bread_x_m" in log.read_text()


def set_parameter(watcher: Watcher, node: str, name: str, value: float) -> tuple[bool, str]:
    typed = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value)
    request = SetParametersAtomically.Request(parameters=[Parameter(name=name, value=typed)])
    service = f"{node}/set_parameters_atomically"
    result = watcher.call(SetParametersAtomically, service, request, patience_s=40.0).result
    return result.successful, result.reason


def test_a_shadow_plans_beside_and_its_beta_is_set_while_it_does(watcher: Watcher, tmp_path: Path) -> None:
    joints = tuple(name for name in load_robot("iron_r01").joint_names if name.startswith("right_shoulder"))
    checkpoint = untrained(tmp_path / "policy.safetensors", joints, classes=2)
    for topic in ("policy/chunk", "policy/shadow_chunk"):
        watcher.listen(JointTrajectory, topic)
    log = tmp_path / "policy.log"
    with (
        node_process("policy", "--shadow", "--checkpoint", str(checkpoint), domain=DOMAIN, log=log),
        node_process("sim_robot", "--autostart", domain=DOMAIN, log=tmp_path / "robot.log"),
    ):
        plans = watcher.count
        assert watcher.spin_until(lambda: plans.get("policy/shadow_chunk", 0) >= 2, 40.0), log.read_text()
        for wrong in (-0.1, 10.5, float("nan"), float("inf")):
            taken, reason = set_parameter(watcher, "rove_shadow_policy", "beta", wrong)
            assert not taken
            assert "beta" in reason
        assert set_parameter(watcher, "rove_shadow_policy", "beta", 2.5)[0]
        before = plans["policy/shadow_chunk"]
        assert watcher.spin_until(lambda: plans["policy/shadow_chunk"] >= before + 3, 10.0), log.read_text()
        assert "policy/chunk" not in plans


@pytest.mark.parametrize(("trained", "live"), [(2.0, 2.0), (None, 1.0)])
def test_a_session_decodes_with_the_beta_that_was_trained(
    trained: float | None, live: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**ENVIRONMENT, "ROS_DOMAIN_ID": str(DOMAIN)}.items():
        monkeypatch.setenv(name, value)
    path = untrained(tmp_path / "policy.safetensors", ("right_elbow_pitch",), classes=2, beta=trained)
    rclpy.init()
    node = PolicyNode(load_robot("iron_r01"), open_policy(str(path), load_robot("iron_r01")))
    try:
        assert node.parameters.value("beta") == live == node.policy.beta
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def test_a_policy_without_conditions_has_no_beta(watcher: Watcher, tmp_path: Path) -> None:
    checkpoint = untrained(tmp_path / "policy.safetensors", ("right_elbow_pitch",))
    with node_process("policy", "--checkpoint", str(checkpoint), domain=DOMAIN, log=tmp_path / "policy.log"):
        taken, reason = set_parameter(watcher, "rove_policy", "beta", 2.0)
    assert not taken
    assert "undeclared" in reason
