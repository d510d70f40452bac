"""What goes through a ROS message comes back the same, whatever the order of the names; nonsense is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rove_teleop.errors import MessageRefused
from rove_teleop.geometry import exp_so3, transform
from rove_teleop.types import HandFrame, JointTargets, OperatorFrame

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, MultiArrayDimension
from trajectory_msgs.msg import JointTrajectory

from rove_teleop.robot_io.chunks import pack_chunk, read_chunk
from rove_teleop.robot_io.envelope import Envelope, parse_envelope
from rove_teleop.robot_io.features import FeaturePacker, read_features
from rove_teleop.robot_io.joints import (
    JointOrder,
    joint_message,
    pack_targets,
    read_positions,
    read_targets,
    read_velocities,
    write_joints,
)
from rove_teleop.robot_io.poses import pack_poses, read_poses

NAMES = tuple(f"joint_{i}" for i in range(7))
ORDER = JointOrder(NAMES)
FINITE = st.floats(-10.0, 10.0)
JOINTS = arrays(np.float64, len(NAMES), elements=FINITE)
NOT_FINITE = st.sampled_from([math.nan, math.inf, -math.inf])


def shuffled(q_rad: np.ndarray, order: list[int]) -> JointState:
    return JointState(name=[NAMES[i] for i in order], position=[float(q_rad[i]) for i in order])


@given(q_rad=JOINTS, dq_rad_s=JOINTS)
def test_joints_survive_the_wire(q_rad: np.ndarray, dq_rad_s: np.ndarray) -> None:
    message = joint_message(NAMES)
    write_joints(message, q_rad, dq_rad_s)
    received = deserialize_message(serialize_message(message), JointState)
    np.testing.assert_array_equal(read_positions(received, ORDER), q_rad)
    np.testing.assert_array_equal(read_velocities(received, ORDER), dq_rad_s)


@given(q_rad=JOINTS, order=st.permutations(range(len(NAMES))))
def test_the_order_of_names_does_not_matter(q_rad: np.ndarray, order: list[int]) -> None:
    np.testing.assert_array_equal(read_positions(shuffled(q_rad, order), ORDER), q_rad)


@given(q_rad=JOINTS, bad=NOT_FINITE, joint=st.integers(0, len(NAMES) - 1))
def test_one_bad_value_refuses_the_message_and_names_the_joint(q_rad: np.ndarray, bad: float, joint: int) -> None:
    q_rad[joint] = bad
    with pytest.raises(MessageRefused, match=f"'{NAMES[joint]}'") as refusal:
        read_positions(shuffled(q_rad, list(range(len(NAMES)))), ORDER)
    assert refusal.value.reason == "not_finite"


@pytest.mark.parametrize(
    ("names", "count", "reason"),
    [
        (NAMES[:-1], 6, "missing_joint"),
        ((*NAMES, "tail"), 8, "unknown_joint"),
        ((*NAMES[:-1], NAMES[0]), 7, "duplicate_joint"),
        ((*NAMES, NAMES[0]), 8, "duplicate_joint"),
        (NAMES, 6, "wrong_length"),
        (NAMES, 8, "wrong_length"),
        (NAMES, 0, "wrong_length"),
        ((), 7, "missing_joint"),
    ],
)
def test_wrong_names_and_lengths_are_refused(names: tuple[str, ...], count: int, reason: str) -> None:
    with pytest.raises(MessageRefused) as refusal:
        read_positions(JointState(name=list(names), position=[0.0] * count), ORDER)
    assert refusal.value.reason == reason


def test_a_remembered_order_does_not_leak_into_the_next_message() -> None:
    order, q_rad = JointOrder(NAMES), np.arange(7.0)
    for permutation in ([6, 5, 4, 3, 2, 1, 0], [0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0]):
        np.testing.assert_array_equal(read_positions(shuffled(q_rad, permutation), order), q_rad)
        with pytest.raises(MessageRefused):
            read_positions(shuffled(q_rad, permutation[:3]), order)


@given(q_rad=JOINTS, valid=arrays(np.bool_, len(NAMES)))
def test_targets_carry_only_the_joints_that_have_one(q_rad: np.ndarray, valid: np.ndarray) -> None:
    message = pack_targets(JointTargets(0.0, q_rad, valid), NAMES)
    targets = read_targets(deserialize_message(serialize_message(message), JointState), ORDER, 12.5)
    assert targets.stamp_s == 12.5
    np.testing.assert_array_equal(targets.valid, valid)
    np.testing.assert_array_equal(targets.q_rad[valid], q_rad[valid])
    assert np.isfinite(targets.q_rad).all()


@given(
    start_s=st.floats(-1.0, 1.0),
    steps_s=st.lists(st.floats(1e-3, 0.5), min_size=1, max_size=20),
    joints=st.sets(st.integers(0, len(NAMES) - 1), min_size=1),
    data=st.data(),
)
def test_chunks_survive_the_wire_with_negative_times(
    start_s: float, steps_s: list[float], joints: set[int], data: st.DataObject
) -> None:
    index = sorted(joints)
    offset_s = start_s + np.cumsum(steps_s)
    q_rad = data.draw(arrays(np.float64, (len(offset_s), len(index)), elements=FINITE))
    message = pack_chunk(offset_s, [NAMES[i] for i in index], q_rad)
    chunk = read_chunk(deserialize_message(serialize_message(message), JointTrajectory), ORDER, 3.0)
    assert chunk.received_s == 3.0
    np.testing.assert_allclose(chunk.offset_s, offset_s, atol=1e-9)
    np.testing.assert_array_equal(chunk.joint_index, index)
    np.testing.assert_array_equal(chunk.q_rad, q_rad)


def broken_chunks() -> list[tuple[str, JointTrajectory]]:
    def chunk() -> JointTrajectory:
        return pack_chunk(np.array([-0.05, 0.0, 0.05]), NAMES[:2], np.zeros((3, 2)))

    nan, short, back, far, unknown, twice, empty = (chunk() for _ in range(7))
    nan.points[1].positions[0] = math.nan
    short.points[2].positions.pop()
    back.points[2].time_from_start = back.points[1].time_from_start
    far.points[2].time_from_start.sec = 3600
    unknown.joint_names[0] = "tail"
    twice.joint_names[0] = NAMES[1]
    empty.points = []
    names = ("not_finite", "wrong_length", "times", "times", "unknown_joint", "duplicate_joint", "wrong_length")
    return list(zip(names, (nan, short, back, far, unknown, twice, empty), strict=True))


@pytest.mark.parametrize(("reason", "message"), broken_chunks())
def test_broken_chunks_are_refused(reason: str, message: JointTrajectory) -> None:
    with pytest.raises(MessageRefused) as refusal:
        read_chunk(message, ORDER, 0.0)
    assert refusal.value.reason == reason


@given(vector=arrays(np.float64, 3, elements=st.floats(-1.7, 1.7)), position_m=arrays(np.float64, 3, elements=FINITE))
def test_poses_survive_and_an_untracked_part_stays_untracked(vector: np.ndarray, position_m: np.ndarray) -> None:
    T_world_wrist = transform(exp_so3(vector), position_m)
    frame = OperatorFrame(0.0, 1, HandFrame(), HandFrame(T_world_wrist), None)
    head, left, right = read_poses(pack_poses(frame))
    assert head is None
    assert left is None
    assert right is not None
    np.testing.assert_allclose(right, T_world_wrist, atol=1e-9)


def test_half_a_pose_is_refused() -> None:
    hand = HandFrame(np.eye(4))
    message = pack_poses(OperatorFrame(0.0, 1, hand, hand, np.eye(4)))
    message.poses[1].position.y = math.nan
    with pytest.raises(MessageRefused, match="left wrist"):
        read_poses(message)
    message.poses[1].position.y = 0.0
    message.poses[2].orientation.w = 0.0
    with pytest.raises(MessageRefused, match="right wrist"):
        read_poses(message)
    message.poses.pop()
    with pytest.raises(MessageRefused):
        read_poses(message)


def test_features_keep_their_names() -> None:
    packer = FeaturePacker(("ink", "force"))
    for values in ([1.0, 2.0], [3.0, 4.0]):
        message = deserialize_message(serialize_message(packer.pack(np.array(values))), Float64MultiArray)
        names, features = read_features(message)
        assert names == ("ink", "force")
        np.testing.assert_array_equal(features, values)


@pytest.mark.parametrize(
    ("labels", "values", "reason"),
    [
        (["a", "b"], [1.0], "wrong_length"),
        ([], [], "wrong_length"),
        (["a", "a"], [1.0, 2.0], "labels"),
        (["a", ""], [1.0, 2.0], "labels"),
        (["a", "b"], [1.0, math.nan], "not_finite"),
    ],
)
def test_features_without_sense_are_refused(labels: list[str], values: list[float], reason: str) -> None:
    message = Float64MultiArray(data=values)
    message.layout.dim = [MultiArrayDimension(label=label) for label in labels]
    with pytest.raises(MessageRefused) as refusal:
        read_features(message)
    assert refusal.value.reason == reason


@given(
    session=st.from_regex(r"[A-Za-z0-9_.:-]{1,64}", fullmatch=True),
    epoch=st.integers(0, 10**9 - 1),
    sequence=st.integers(0, 10**15 - 1),
)
def test_envelopes_survive(session: str, epoch: int, sequence: int) -> None:
    envelope = Envelope(session, epoch, sequence)
    assert parse_envelope(str(envelope)) == envelope


@given(st.text(max_size=40).filter(lambda text: text.count("/") != 2 or " " in text))
def test_other_text_is_no_envelope(text: str) -> None:
    with pytest.raises(MessageRefused):
        parse_envelope(text)


@pytest.mark.parametrize("text", ["", "a/1", "a/1/2/3", "a/-1/2", "a/1/2\n", "a/٣/2", "a/1/nan", "/1/2", "a b/1/2"])
def test_near_envelopes_are_refused(text: str) -> None:
    with pytest.raises(MessageRefused):
        parse_envelope(text)
