"""The operator's process on real Fast DDS, beside a real simulated robot: frames, deadman and targets by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, String, UInt8MultiArray
from std_srvs.srv import Trigger

from rove_teleop.episodes.layout import unpack_operator_frame

from .ros_watch import Watcher, node_process

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]

DOMAIN = 28
RECORDING = Path(__file__).parents[3] / "shared" / "data" / "motion" / "cmu_01_01.bvh.gz"
TOPICS = {
    "operator/poses": PoseArray,
    "operator/targets": JointState,
    "operator/engaged": Bool,
    "operator/frame": UInt8MultiArray,
}


class Scene:
    """A watcher that hears the operator and says, as control would, who drives."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.heard: list[tuple[float, str, Any]] = []
        for topic, message_type in TOPICS.items():
            watcher.listen(message_type, topic, 50, self._note(topic))
        watcher.listen(JointState, "joint_states", 1)
        watcher.listen(DiagnosticArray, "diagnostics")
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._state = watcher.node.create_publisher(String, "rove/state", latched)

    def _note(self, topic: str) -> Callable[[Any], None]:
        return lambda message: self.heard.append((time.monotonic(), topic, message))

    def say(self, state: str) -> None:
        self._state.publish(String(data=state))

    def of(self, topic: str) -> list[Any]:
        return [message for _, name, message in self.heard if name == topic]

    def measured(self, names: list[str]) -> np.ndarray:
        state = self.watcher.latest["joint_states"]
        where = {name: position for name, position in zip(state.name, state.position, strict=True)}
        return np.array([where[name] for name in names])


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    watcher = Watcher(DOMAIN)
    with node_process("sim_robot", "--autostart", domain=DOMAIN, log=tmp_path / "robot.log"):
        yield Scene(watcher)
    watcher.close()


def wait_for_targets(scene: Scene, log: Path) -> None:
    def everything() -> bool:
        return bool(scene.of("operator/targets")) and "joint_states" in scene.watcher.latest

    assert scene.watcher.spin_until(everything, 30.0), log.read_text()


def test_a_simulated_person_is_where_the_robot_is_until_they_drive(scene: Scene, tmp_path: Path) -> None:
    log = tmp_path / "operator.log"
    with node_process("operator", "--operator", "simulated", domain=DOMAIN, log=log):
        scene.say("autonomous")
        wait_for_targets(scene, log)
        scene.watcher.spin_for(1.0)
        targets = scene.of("operator/targets")[-1]
        assert any(name.startswith("right_") for name in targets.name)
        assert not any(name.startswith(("left_", "waist_")) for name in targets.name)
        assert np.abs(np.array(targets.position) - scene.measured(list(targets.name))).max() < 0.01
        assert scene.of("operator/engaged")[-1].data
        frames = [unpack_operator_frame(bytes(message.data)) for message in scene.of("operator/frame")]
        rate_hz = (len(frames) - 1) / (frames[-1].stamp_s - frames[0].stamp_s)
        print(f"{rate_hz:.1f} frames per second")
        assert 36 < rate_hz < 75
        assert (np.diff([frame.sequence for frame in frames]) > 0).all()
        head, left, right = scene.of("operator/poses")[-1].poses
        assert np.isnan(left.position.x)
        assert np.isfinite([head.position.x, right.position.x]).all()
        before = np.array(targets.position)
        scene.say("adaptation")
        scene.watcher.spin_for(4.0)
        moved = np.array(scene.of("operator/targets")[-1].position) - before
        assert np.abs(moved).max() > 0.02


@pytest.mark.skipif(not RECORDING.is_file(), reason="the recordings of people are not beside this checkout")
def test_a_recorded_person_moves_the_targets_only_while_driving(scene: Scene, tmp_path: Path) -> None:
    log = tmp_path / "operator.log"
    with node_process("operator", "--operator", f"replay:{RECORDING}", domain=DOMAIN, log=log):
        wait_for_targets(scene, log)
        scene.watcher.spin_for(1.0)
        still = scene.of("operator/targets")[-1]
        assert np.abs(np.array(still.position) - scene.measured(list(still.name))).max() < 0.01
        scene.heard.clear()
        scene.say("adaptation")
        scene.watcher.spin_for(2.0)
        moving = [m for m in scene.of("operator/targets") if list(m.name) == list(still.name)]
        travel = np.ptp(np.array([m.position for m in moving]), axis=0)
        assert travel.max() > 0.05
        stamps = [unpack_operator_frame(bytes(m.data)).stamp_s for m in scene.of("operator/frame")]
        assert np.max(np.diff(stamps)) < 0.1


def test_anchoring_needs_a_robot_and_then_works(tmp_path: Path) -> None:
    watcher = Watcher(DOMAIN)
    try:
        with node_process("operator", "--operator", "none", domain=DOMAIN, log=tmp_path / "operator.log"):
            refused = watcher.call(Trigger, "operator/anchor", Trigger.Request(), 20.0)
            assert not refused.success
            assert "joints" in refused.message
            with node_process("sim_robot", "--autostart", domain=DOMAIN, log=tmp_path / "robot.log"):
                # The operator hears of the robot when the two have found each other, whenever that is.
                for _ in range(40):
                    answer = watcher.call(Trigger, "operator/anchor", Trigger.Request())
                    if answer.success:
                        break
                    watcher.spin_for(0.25)
                assert answer.success, answer.message
    finally:
        watcher.close()


def test_an_operator_nobody_knows_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "operator.log"
    with node_process("operator", "--operator", "telepathy", domain=DOMAIN, log=log) as process:
        assert process.wait(timeout=20) == 2
    assert "telepathy" in log.read_text()
    assert "Traceback" not in log.read_text()
