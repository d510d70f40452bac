"""Kinematics against finite differences and against what the frame conventions say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.geometry import is_rigid, pose_error
from rove_teleop.robots import Kinematics, load_robot

ROBOT = load_robot("iron_r01")
KINEMATICS = Kinematics(ROBOT)


def random_pose(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(ROBOT.q_min_rad, ROBOT.q_max_rad)


@given(seed=st.integers(0, 10_000), site=st.sampled_from(["left_wrist", "right_wrist", "head", "right_thumb_tip"]))
@settings(max_examples=20, deadline=None)
def test_jacobian_is_the_derivative_of_the_frame(seed: int, site: str) -> None:
    q_rad, step_rad = random_pose(seed), 1e-6
    KINEMATICS.update(q_rad)
    jacobian = KINEMATICS.jacobian(site)
    for joint in range(0, 50, 3):
        offset = np.zeros(50)
        offset[joint] = step_rad
        low, high = KINEMATICS.frames(q_rad - offset)[site], KINEMATICS.frames(q_rad + offset)[site]
        assert pose_error(low, high) / (2 * step_rad) == pytest.approx(jacobian[:, joint], abs=1e-5)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_every_frame_is_rigid(seed: int) -> None:
    assert all(is_rigid(frame) for frame in KINEMATICS.frames(random_pose(seed)).values())


@pytest.mark.parametrize(("side", "outwards"), [("left", 1.0), ("right", -1.0)])
def test_wrist_frame_convention_with_hanging_arms(side: str, outwards: float) -> None:
    KINEMATICS.update(np.zeros(50))
    T_base_wrist = KINEMATICS.frame(f"{side}_wrist")
    assert T_base_wrist[:3, 0] == pytest.approx([0, 0, -1], abs=1e-9)  # fingers down
    assert T_base_wrist[:3, 2] == pytest.approx([0, outwards, 0], abs=1e-9)  # back of the hand away from the body
    thumb = KINEMATICS.frame(f"{side}_thumb_tip")[:3, 3] - T_base_wrist[:3, 3]
    assert thumb[0] > 0.05  # thumbs forward


@pytest.mark.parametrize("finger", ["thumb", "index", "middle", "ring", "little"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_positive_flexion_closes_the_hand(side: str, finger: str) -> None:
    flat, bent = np.zeros(50), np.zeros(50)
    bent[ROBOT.index(f"{side}_{finger}_proximal")] = 0.5
    palm = KINEMATICS.frames(flat)[f"{side}_wrist"]
    tips = [KINEMATICS.frames(q)[f"{side}_{finger}_tip"][:3, 3] - palm[:3, 3] for q in (flat, bent)]
    assert (palm[:3, :3].T @ (tips[1] - tips[0]))[2] < -0.01  # towards the palm


@pytest.mark.parametrize("bad", [np.full(50, np.nan), np.zeros(49), np.zeros((50, 1))])
def test_refuses_what_is_not_a_pose(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="50 finite angles"):
        KINEMATICS.update(bad)
