"""XR's joints in our frames, checked against geometry drawn by hand rather than against the code's own matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.geometry import is_rigid
from rove_teleop.tracking.gate import FrameGate
from rove_teleop.tracking.xr_hand import grip_frame, hand_frame, world_pose
from rove_teleop.types import HAND_POINTS, SIDES, OperatorFrame

FINGERS = ("index", "middle", "ring", "little")
NAMES = (
    "palm",
    "wrist",
    *(f"thumb_{part}" for part in ("cmc", "mcp", "ip", "tip")),
    *(f"{finger}_{part}" for finger in FINGERS for part in ("metacarpal", "mcp", "pip", "dip", "tip")),
)
UPRIGHT = (0.0, 0.0, 0.0, 1.0)
HALF = float(np.sqrt(0.5))


def flat_hand(side="right", wrist_m=(0.3, 1.1, -0.4), quat_xyzw=UPRIGHT):
    """(26, 7): palm down, fingers forward (XR's -z), every joint where its name says, turned about the wrist."""
    thumb = -1.0 if side == "right" else 1.0
    reach = {"metacarpal": 0.03, "cmc": 0.02, "mcp": 0.09, "pip": 0.13, "dip": 0.155, "ip": 0.11, "tip": 0.18}
    across = {"thumb": 0.05, "index": 0.026, "middle": 0.004, "ring": -0.016, "little": -0.034}
    poses = np.zeros((26, 7))
    poses[:, 3:] = quat_xyzw
    for row, name in enumerate(NAMES):
        finger, _, part = name.partition("_")
        offset = np.zeros(3)
        if name == "palm":
            offset = np.array([0.0, 0.0, -0.05])
        elif part:
            offset = np.array([thumb * across[finger], 0.0, -reach[part]])
        poses[row, :3] = np.array(wrist_m) + rotate(quat_xyzw, offset)
    return poses


def rotate(quat_xyzw, v):
    """The textbook formula, so that the code's own quaternions are not their own judge."""
    axis, w = np.array(quat_xyzw[:3]), quat_xyzw[3]
    return v + 2 * w * np.cross(axis, v) + 2 * np.cross(axis, np.cross(axis, v))


def point(hand, name):
    return hand.points_m[HAND_POINTS.index(name)]


def test_forward_left_and_up_of_the_headset_are_ours():
    for xr, ours in (((0, 0, -1), (1, 0, 0)), ((-1, 0, 0), (0, 1, 0)), ((0, 1, 0), (0, 0, 1))):
        pose = np.array([*xr, *UPRIGHT], dtype=float)
        assert np.allclose(world_pose(pose)[:3, 3], ours, atol=1e-15)
        assert np.allclose(world_pose(pose)[:3, :3], np.eye(3), atol=1e-15)


def test_a_head_that_looks_left_turns_about_our_vertical():
    looking_left = np.array([0.0, 1.6, 0.0, 0.0, HALF, 0.0, HALF])
    head = world_pose(looking_left)
    assert np.allclose(head[:3, 0], [0, 1, 0], atol=1e-12)
    assert np.allclose(head[:3, 2], [0, 0, 1], atol=1e-12)


@pytest.mark.parametrize("side", SIDES)
def test_a_flat_hand_lies_along_its_wrist_frame(side):
    hand = hand_frame(flat_hand(side))
    assert np.allclose(hand.T_world_wrist[:3, 3], [0.4, -0.3, 1.1])
    assert np.allclose(hand.T_world_wrist[:3, :3], np.eye(3), atol=1e-12)
    towards_thumb = 1.0 if side == "right" else -1.0
    assert np.allclose(point(hand, "wrist"), 0.0)
    for finger in FINGERS:
        along = [point(hand, f"{finger}_{part}")[0] for part in ("mcp", "pip", "dip", "tip")]
        assert along == sorted(along)
        assert along[0] == pytest.approx(0.09)
    for thumbward, littleward in zip(("thumb", *FINGERS), FINGERS, strict=False):
        step = point(hand, f"{thumbward}_tip")[1] - point(hand, f"{littleward}_tip")[1]
        assert step * towards_thumb > 0
    assert [point(hand, f"thumb_{part}")[0] for part in ("cmc", "mcp", "ip", "tip")] == pytest.approx(
        [0.02, 0.09, 0.11, 0.18]
    )


def test_fingers_that_bend_go_to_the_palm_side():
    poses = flat_hand()
    poses[NAMES.index("index_tip"), 1] -= 0.05  # below the flat hand in XR: below the palm
    assert point(hand_frame(poses), "index_tip")[2] == pytest.approx(-0.05)


def test_a_hand_of_the_browser_is_the_same_without_its_palm():
    poses = flat_hand("left")
    native, browser = hand_frame(poses), hand_frame(poses[1:])
    assert np.array_equal(native.points_m, browser.points_m)
    assert np.array_equal(native.T_world_wrist, browser.T_world_wrist)


@given(
    st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.3),
    st.lists(st.floats(-3, 3), min_size=3, max_size=3),
)
def test_points_do_not_depend_on_where_the_hand_is(quat, wrist_m):
    quat_xyzw = np.array(quat) / np.linalg.norm(quat)
    hand, still = hand_frame(flat_hand("right", wrist_m, quat_xyzw)), hand_frame(flat_hand("right"))
    assert np.allclose(hand.points_m, still.points_m, atol=1e-9)
    assert is_rigid(hand.T_world_wrist, 1e-9)
    fingers = rotate(quat_xyzw, np.array([0.0, 0.0, -1.0]))
    assert np.allclose(hand.T_world_wrist[:3, 0], [-fingers[2], -fingers[0], fingers[1]], atol=1e-9)


def test_an_unknown_wrist_is_no_hand_and_an_unknown_finger_no_points():
    valid = np.ones(26, dtype=bool)
    valid[NAMES.index("ring_dip")] = False
    hand = hand_frame(flat_hand(), valid)
    assert hand.points_m is None
    assert hand.T_world_wrist is not None
    valid[:] = True
    valid[NAMES.index("palm")] = valid[NAMES.index("middle_metacarpal")] = False
    assert hand_frame(flat_hand(), valid).points_m is not None
    valid[1] = False
    assert hand_frame(flat_hand(), valid).T_world_wrist is None


@pytest.mark.parametrize("bad", (np.nan, np.inf, -np.inf, 1e308))
def test_what_is_not_finite_is_not_tracked(bad):
    for row in (NAMES.index("wrist"), NAMES.index("little_tip")):
        for column in range(3):
            poses = flat_hand()
            poses[row, column] = bad
            hand = hand_frame(poses)
            assert hand.points_m is None
            assert (hand.T_world_wrist is None) == (row == 1)
    for column in range(7):
        pose = np.array([0.0, 1.0, 0.0, *UPRIGHT])
        pose[column] = bad
        assert world_pose(pose) is None
        assert grip_frame("left", pose, 0.5).T_world_wrist is None
    assert grip_frame("left", np.array([0.0, 1.0, 0.0, *UPRIGHT]), np.nan).T_world_wrist is None


def test_a_quaternion_of_zeros_is_no_orientation():
    poses = flat_hand()
    poses[1, 3:] = 0.0
    assert hand_frame(poses).T_world_wrist is None


@pytest.mark.parametrize("shape", ((24, 7), (26, 6), (0, 7), (26,)))
def test_another_number_of_joints_is_refused(shape):
    with pytest.raises(ValueError, match="neither"):
        hand_frame(np.zeros(shape))


@pytest.mark.parametrize("side", SIDES)
def test_a_controller_held_as_the_standard_draws_it(side):
    """A rod that points up in a fist with the thumb on top: the back of the hand looks outward, knuckles forward."""
    rod_up = np.array([0.0, 1.0, -0.5, HALF, 0.0, 0.0, HALF])  # -z of the grip turned to the room's +y
    hand = grip_frame(side, rod_up, 0.3)
    rotation = hand.T_world_wrist[:3, :3]
    outward = -1.0 if side == "right" else 1.0
    assert np.allclose(rotation[:, 0], [1, 0, 0], atol=1e-12)
    assert np.allclose(rotation[:, 2], [0, outward, 0], atol=1e-12)
    assert is_rigid(hand.T_world_wrist, 1e-9)
    palm_m = hand.T_world_wrist[:3, 3] - [0.5, 0.0, 1.0]
    assert palm_m[0] < -0.05
    assert palm_m[1] * outward > 0.0


@pytest.mark.parametrize("side", SIDES)
def test_the_trigger_closes_the_fingers(side):
    pose = np.array([0.0, 1.0, 0.0, *UPRIGHT])
    opened, closed = grip_frame(side, pose, 0.0), grip_frame(side, pose, 1.0)
    for finger in FINGERS:
        reach = [np.linalg.norm(point(hand, f"{finger}_tip")) for hand in (opened, closed)]
        assert reach[1] < 0.7 * reach[0]


def test_the_gate_trusts_what_comes_out():
    right, left = hand_frame(flat_hand("right")), hand_frame(flat_hand("left", (-0.3, 1.1, -0.4)))
    frame = OperatorFrame(1.0, 1, left, right, world_pose(np.array([0, 1.7, 0, *UPRIGHT])))
    gate = FrameGate()
    passed = gate.check(frame, 1.01)
    assert passed is not None
    assert passed.left is left
    assert passed.right is right
    assert not gate.rejected
