"""Gloves over real ROS 2: a publisher in a context of its own, our tracker, and a mocap body with gloves."""

import os
import socket
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from rove_teleop.clock import monotonic_s
from rove_teleop.robots.description import load_robot
from rove_teleop.tracking.hand_shape import hand_points
from tests.tracking import mocap_packets as packets
from tests.tracking import mocap_person as person

from .environment import ENVIRONMENT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]
rclpy = pytest.importorskip("rclpy")
VIEW = None


@pytest.fixture
def publisher(monkeypatch):
    """A function that publishes a hand; only this machine and this test's domain hear it."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ROS_DOMAIN_ID", str(100 + os.getpid() % 100))
    from geometry_msgs.msg import Point, Pose, PoseArray
    from rclpy.context import Context
    from rclpy.node import Node

    context = Context()
    rclpy.init(context=context)
    node = Node("glove_bridge", context=context)
    topics = {side: node.create_publisher(PoseArray, f"manus/{side}", 1) for side in ("left", "right")}

    def publish(side, points):
        poses = [Pose(position=Point(x=float(x), y=float(y), z=float(z))) for x, y, z in points]
        topics[side].publish(PoseArray(poses=poses))

    yield publish
    node.destroy_node()
    context.try_shutdown()


@pytest.fixture
def tracker(publisher):
    from rove_teleop.nodes.trackers import make_tracker

    opened = []

    def make(spec):
        opened.append(make_tracker(spec, load_robot("iron_r01"), "toaster"))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def wait_for(tracker, publish, condition, limit_s=20.0):
    """Publish until a frame fulfils the condition."""
    until_s = monotonic_s() + limit_s
    while monotonic_s() < until_s:
        publish()
        tracker.wait(0.02)
        frame = tracker.frame(monotonic_s(), VIEW)
        if frame is not None and condition(frame):
            return frame
    raise AssertionError(f"no such frame: {tracker.counts()}, {tracker.problem()}")


def test_both_hands_arrive_and_a_silent_glove_is_lost(publisher, tracker):
    gloves = tracker("manus")
    assert "manus/left" in gloves.problem()

    def both():
        publisher("left", hand_points("left", 0.2))
        publisher("right", hand_points("right", 0.6))

    frame = wait_for(gloves, both, lambda f: f.left.points_m is not None and f.right.points_m is not None)
    assert np.allclose(frame.left.points_m, hand_points("left", 0.2))
    assert np.allclose(frame.right.points_m, hand_points("right", 0.6))
    assert gloves.problem() is None
    lost = wait_for(gloves, lambda: publisher("left", hand_points("left", 0.2)), lambda f: f.right.points_m is None)
    assert lost.left.points_m is not None


def test_garbage_is_counted(publisher, tracker):
    gloves = tracker("manus")
    until_s = monotonic_s() + 20.0
    while not gloves.counts().get("wrong_node_count") and monotonic_s() < until_s:
        publisher("left", np.zeros((3, 3)))
        gloves.wait(0.02)
    assert gloves.frame(monotonic_s(), VIEW) is None and "wrong_node_count" in gloves.problem()


def test_a_suit_without_fingers_gets_them_from_the_gloves(publisher, tracker):
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    dressed = tracker(f"xsens:{port}+manus")
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sample = iter(range(1, 100_000))

    def publish():
        publisher("right", hand_points("right", 0.6))
        for datagram in packets.xsens(person.pose(), next(sample), fingers=False):
            sender.sendto(datagram, ("127.0.0.1", port))

    frame = wait_for(dressed, publish, lambda f: f.right.points_m is not None)
    assert np.allclose(frame.right.points_m, hand_points("right", 0.6)) and frame.left.points_m is None
    assert frame.right.T_world_wrist is not None and frame.right.elbow_m is not None
    assert dressed.counts()["glove_hands"] >= 1
    sender.close()


def test_manus_own_message_is_read_by_its_node_numbers(monkeypatch):
    """Its package is in no wheel: this is its documented shape, not the message itself."""
    from rove_teleop.nodes import manus

    def node(number):
        place = SimpleNamespace(x=float(number), y=0.0, z=0.0)
        turn = SimpleNamespace(w=1.0, x=0.0, y=0.0, z=float(number))
        return SimpleNamespace(node_id=number, pose=SimpleNamespace(position=place, orientation=turn))

    place, quat = manus.glove_nodes(SimpleNamespace(side="Left", raw_nodes=[node(k) for k in (2, 0, 1)]))
    assert place[:, 0].tolist() == [0.0, 1.0, 2.0] and quat.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert manus.side_of("Left") == manus.side_of("L") == "left" and manus.side_of("?") is None
    message = SimpleNamespace(ManusGlove=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "manus_ros2_msgs", SimpleNamespace(msg=message))
    monkeypatch.setitem(sys.modules, "manus_ros2_msgs.msg", message)
    assert manus.glove_message() is SimpleNamespace
    monkeypatch.setitem(sys.modules, "manus_ros2_msgs.msg", None)
    assert manus.glove_message() is None


def test_the_loop_does_not_spin_while_nothing_comes(tracker):
    gloves, began_s = tracker("manus"), monotonic_s()
    gloves.wait(0.05)
    assert 0.04 < monotonic_s() - began_s < 1.0
