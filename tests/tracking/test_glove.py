"""A glove's nodes become a hand: the wrist turns in place, the points are in its frame."""

from collections import Counter

import numpy as np
import pytest

from rove_teleop.geometry import exp_so3, is_rigid, matrix_to_quat
from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.tracking.mocap.glove import GloveHand
from rove_teleop.tracking.motion_file import load_motion
from rove_teleop.tracking.readers.manus import NODE_OF_POINT

from .recordings import real


def nodes(side, curl=0.2, turn=(0.0, 0.0, 0.0), count=25):
    points = hand_points(side, curl) @ exp_so3(np.array(turn)).T + [1.0, 2.0, 3.0]
    if count == 21:
        return points
    result = np.repeat(points[:1], 25, axis=0)
    result[list(NODE_OF_POINT)] = points
    return result


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("count", [21, 25])
def test_a_glove_whose_axes_are_ours_gives_the_hand(side, count):
    glove, turn = GloveHand(side, Counter()), (0.3, -0.2, 0.9)
    hand = glove.hand(nodes(side, turn=turn, count=count), matrix_to_quat(exp_so3(np.array(turn))))
    assert np.allclose(hand.T_world_wrist[:3, :3], exp_so3(np.array(turn))) and np.all(hand.T_world_wrist[:3, 3] == 0.0)
    assert np.allclose(hand.points_m, hand_points(side, 0.2))


def test_a_glove_with_other_axes_keeps_one_correction():
    counts = Counter()
    glove, axes = GloveHand("right", counts), exp_so3(np.array([1.5, 0.4, -1.2]))
    first = glove.hand(nodes("right", 0.0), matrix_to_quat(axes))
    later = glove.hand(nodes("right", 0.9), matrix_to_quat(axes))  # a fist must not turn the wrist
    assert np.allclose(first.T_world_wrist, later.T_world_wrist) and first.points_m[9, 0] > 0.08
    assert is_rigid(first.T_world_wrist) and counts == {"hands": 2}


@pytest.mark.parametrize(
    ("place", "quat", "reason"),
    [
        (np.zeros((24, 3)), (1, 0, 0, 0), "wrong_node_count"),
        (np.zeros((0, 3)), (1, 0, 0, 0), "wrong_node_count"),
        (np.zeros((25, 3)), (1, 0, 0, 0), "not_a_hand_in_metres"),
        (nodes("left") * 100.0, (1, 0, 0, 0), "not_a_hand_in_metres"),
        (nodes("left"), (0, 0, 0, 0), "not_finite"),
        (np.full((25, 3), np.nan), (1, 0, 0, 0), "not_finite"),
        (np.full((25, 3), 1e300), (1, 0, 0, 0), "not_finite"),
    ],
)
def test_what_is_no_hand_is_counted(place, quat, reason):
    counts = Counter()
    assert GloveHand("left", counts).hand(place, np.array(quat, dtype=float)) is None and counts == {reason: 1}


def test_a_recorded_glove_comes_out_as_from_its_file():
    path = real("manus_right_s000_r010.npz")
    motion, glove = load_motion(path), GloveHand("right", Counter())
    with np.load(path) as archive:
        for k in range(0, 500, 25):
            hand = glove.hand(archive["data"][k, :, :3], archive["data"][k, 0, 3:])
            assert np.allclose(hand.T_world_wrist, motion.frames[k].right.T_world_wrist, atol=1e-6)
            assert np.allclose(hand.points_m, motion.frames[k].right.points_m, atol=1e-6)
