"""A message that cannot be used is counted and skipped; what came with it on other topics still counts."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String

from rove_teleop.nodes.observer import Observer
from rove_teleop.nodes.session import SessionNode
from rove_teleop.robot_io import topics
from rove_teleop.robot_io.features import FeaturePacker
from rove_teleop.sessions.ros_environment import ros_defaults

pytestmark = pytest.mark.integration  # real ROS


@pytest.fixture
def session(monkeypatch):
    for name, value in ros_defaults({}).items():
        monkeypatch.setenv(name, value)
    node = SessionNode()
    yield node
    node.close()


def test_a_session_outlives_what_others_publish(session):
    session._on_task(String(data='{"progress": 0.5}'))
    for text in ("", "[1]", "[" * 100_000, "7"):
        session._on_task(String(data=text))
        session._on_status(String(data=text))
        session._on_event(String(data=text))
    assert session.task == {"progress": 0.5} and session.status == {} and session.take_events() == []


def test_bad_commands_do_not_hide_the_joints_and_the_task(session):
    names = ("a", "b")
    observer = Observer(session.node, names, (), "")
    joints = session.node.create_publisher(JointState, topics.JOINT_STATES, topics.LATEST)
    commands = session.node.create_publisher(JointState, topics.JOINT_COMMANDS, topics.LATEST)
    task = session.node.create_publisher(Float64MultiArray, topics.TASK_STATE, topics.LATEST)
    deadline_s = time.monotonic() + 10.0
    while time.monotonic() < deadline_s and not (observer.refused and observer.observation(1.0, 1.0)):
        commands.publish(JointState(name=["someone's else"], position=[0.0]))
        joints.publish(JointState(name=list(names), position=[0.1, 0.2]))
        task.publish(FeaturePacker(["x"]).pack(np.array([3.0])))
        time.sleep(0.05)
        observer.poll(1.0)
    seen = observer.observation(1.0, 1.0)
    assert seen is not None and seen.features.tolist() == [3.0] and observer.refused["unknown_joint"] > 0
