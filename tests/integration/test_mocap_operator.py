"""From a mocap sender's datagrams to joint targets on real Fast DDS: the whole operator process, for every protocol."""

from __future__ import annotations

import itertools
import math
import socket
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import String, UInt8MultiArray

from rove_teleop.episodes.layout import unpack_operator_frame
from rove_teleop.robots.description import load_robot
from tests.tracking import mocap_packets as packets
from tests.tracking import mocap_person as person
from tests.tracking.mocap_server import NatNetServer

from .ros_watch import Watcher, node_process

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

DOMAIN = 35
STREAMS = {
    "xsens": lambda joints, k: packets.xsens(joints, k),
    "rokoko": lambda joints, k: [packets.rokoko([packets.rokoko_actor(joints)], k / 60.0)],
    "vmc": lambda joints, k: packets.vmc(joints, k / 60.0),
    "bvh": lambda joints, k: [packets.noitom_binary(joints, k)],
    "natnet": None,
}


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def positions(watcher: Watcher) -> dict[str, float]:
    targets = watcher.latest["operator/targets"]
    return dict(zip(targets.name, targets.position, strict=True))


@pytest.mark.parametrize("kind", STREAMS)
def test_a_mocap_stream_moves_the_arms(kind, tmp_path):
    robot, problems, frames = load_robot("iron_r01"), [], []
    watcher = Watcher(DOMAIN)
    server = NatNetServer() if kind == "natnet" else None
    port = server.port if server else free_port()
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    watcher.listen(JointState, "operator/targets", 50)
    watcher.listen(DiagnosticArray, "diagnostics", 10, lambda m: problems.extend(s.message for s in m.status))
    watcher.listen(UInt8MultiArray, "operator/frame", 50, lambda m: frames.append(unpack_operator_frame(bytes(m.data))))
    states = watcher.node.create_publisher(JointState, "joint_states", 1)
    state = watcher.node.create_publisher(
        String, "rove/state", QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    )
    home = JointState(name=list(robot.joint_names), position=robot.home_rad.tolist())
    home.velocity = [0.0] * robot.joint_count
    spec = f"natnet:127.0.0.1:{port}" if server else f"{kind}:{port}"
    numbers = itertools.count(1)

    def live(duration_s: float, lift: float) -> None:
        """The person raises the arms by ``lift`` and trembles a little, at 60 Hz."""
        begin_s = time.monotonic()
        while (elapsed_s := time.monotonic() - begin_s) < duration_s:
            angle = lift * elapsed_s / duration_s + 0.002 * math.sin(40.0 * elapsed_s)
            joints, k = person.pose(arm=(0.0, 0.0, -angle), wrist=(0.0, 0.3 * angle, 0.0)), next(numbers)
            if server:
                server.answer()
                server.send(joints, k)
            else:
                for datagram in STREAMS[kind](joints, k):
                    sender.sendto(datagram, ("127.0.0.1", port))
            states.publish(home)
            watcher.spin_for(0.012)

    try:
        with node_process("operator", "--operator", spec, domain=DOMAIN, log=tmp_path / "operator.log"):
            begin_s = time.monotonic()
            while "operator/targets" not in watcher.count and time.monotonic() < begin_s + 90.0:
                live(0.3, 0.0)
            assert "operator/targets" in watcher.count, (problems[-1:], (tmp_path / "operator.log").read_text()[-2000:])
            state.publish(String(data="recovery"))
            live(0.3, 0.0)
            before = positions(watcher)
            live(1.5, 0.6)
            after = positions(watcher)
    finally:
        sender.close()
        if server:
            server.close()
        watcher.close()
    assert all(np.isfinite(list(after.values())))
    moved = max(abs(after[name] - before[name]) for name in before)
    assert moved > 0.05, moved
    assert frames[-1].left.elbow_m is not None and frames[-1].right.points_m is not None
