"""Anchored: still is still, moved is moved the same way. Absolute: the wrist is where the hand is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.geometry import exp_so3, is_rigid, transform
from rove_teleop.retargeting.clutch import Clutch
from rove_teleop.types import HandFrame, OperatorFrame

triples = st.lists(st.floats(-2, 2), min_size=3, max_size=3).map(np.array)
poses = st.builds(lambda rotation, position: transform(exp_so3(rotation), position), triples, triples)


def frame(right=None, left=None, head=None):
    return OperatorFrame(0.0, 0, HandFrame(left), HandFrame(right), head)


@given(poses, poses)
def test_a_still_operator_is_a_still_robot(hand, wrist):
    clutch = Clutch("anchored")
    clutch.anchor(frame(hand), {"right": wrist})
    assert np.allclose(clutch.wrist_goals(frame(hand))["right"], wrist, atol=1e-12)


@given(poses, poses, triples, triples, st.floats(0.1, 3.0))
def test_a_moved_hand_moves_the_wrist_the_same_way_in_the_world(hand, wrist, moved, turned, scale):
    clutch = Clutch("anchored", scale)
    clutch.anchor(frame(hand), {"right": wrist})
    now = transform(exp_so3(turned) @ hand[:3, :3], hand[:3, 3] + moved)
    goal = clutch.wrist_goals(frame(now))["right"]
    assert is_rigid(goal)
    assert np.allclose(goal[:3, 3], wrist[:3, 3] + scale * moved, atol=1e-9)
    assert np.allclose(goal[:3, :3], exp_so3(turned) @ wrist[:3, :3], atol=1e-9)


@given(poses, poses, poses, triples)
def test_how_a_device_turns_its_wrist_axes_has_no_effect(hand, wrist, axes, turned):
    axes[:3, 3] = 0.0
    goals = []
    for offset in (np.eye(4), axes):
        clutch = Clutch("anchored")
        clutch.anchor(frame(hand @ offset), {"right": wrist})
        now = transform(exp_so3(turned), np.zeros(3)) @ hand @ offset
        goals.append(clutch.wrist_goals(frame(now))["right"])
    assert np.allclose(goals[0], goals[1], atol=1e-9)


@given(poses)
def test_absolute_with_one_hand_takes_its_orientation_and_meets_its_position(hand):
    clutch = Clutch("absolute")
    wrist = transform(np.eye(3), np.array([0.3, -0.2, 0.1]))
    clutch.anchor(frame(hand), {"right": wrist})
    goal = clutch.wrist_goals(frame(hand))["right"]
    assert np.allclose(goal[:3, 3], wrist[:3, 3]) and np.allclose(goal[:3, :3], hand[:3, :3])


def test_absolute_with_a_given_calibration_is_the_product_of_the_transforms():
    clutch = Clutch("absolute")
    clutch.T_base_world = transform(exp_so3(np.array([0.0, 0.0, 0.5])), np.array([0.1, 0.2, 0.3]))
    hand = transform(exp_so3(np.array([0.3, 0.1, 0.0])), np.array([0.4, 0.0, 1.0]))
    assert np.allclose(clutch.wrist_goals(frame(hand))["right"], clutch.T_base_world @ hand)


def test_a_side_that_was_not_there_at_the_anchor_has_no_goal():
    clutch = Clutch("anchored")
    clutch.anchor(frame(np.eye(4)), {"right": np.eye(4), "left": np.eye(4)})
    assert set(clutch.wrist_goals(frame(np.eye(4), left=np.eye(4)))) == {"right"}
    assert clutch.latched("right") and not clutch.latched("left")


@pytest.mark.parametrize(
    "bad", [np.full((4, 4), np.nan), np.zeros((4, 4)), np.diag([1.0, 1, 1, 1]) * 2, np.eye(4) + 1e9]
)
def test_nonsense_is_never_a_goal_and_never_latched(bad):
    clutch = Clutch("anchored")
    clutch.anchor(frame(bad, head=bad), {"right": np.eye(4)}, np.eye(4))
    assert clutch.wrist_goals(frame(np.eye(4))) == {}
    clutch.anchor(frame(np.eye(4), head=np.eye(4)), {"right": np.eye(4)}, np.eye(4))
    assert clutch.wrist_goals(frame(bad)) == {} and clutch.head_goal(frame(head=bad)) is None


def test_the_head_turns_as_the_operators_head_does():
    clutch = Clutch("anchored")
    clutch.anchor(frame(head=np.eye(4)), {}, transform(exp_so3(np.array([0.0, 0.3, 0.0])), np.zeros(3)))
    turned = exp_so3(np.array([0.0, 0.0, 0.4]))
    goal = clutch.head_goal(frame(head=transform(turned, np.ones(3))))
    assert np.allclose(goal[:3, :3], turned @ exp_so3(np.array([0.0, 0.3, 0.0])))


@pytest.mark.parametrize(("mode", "scale"), [("mirror", 1.0), ("anchored", 0.0), ("anchored", np.nan)])
def test_wrong_settings_are_refused(mode, scale):
    with pytest.raises(ValueError, match="must be"):
        Clutch(mode, scale)
