"""A hand follows its goal within its speed, starts softly, and arrives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.geometry import exp_so3, is_rigid, pose_error, transform
from rove_teleop.sim.hand_motion import HandMotion


@given(seed=st.integers(0, 1000), speed_m_s=st.floats(0.02, 0.5), dt_s=st.sampled_from([0.004, 0.016, 0.05]))
@settings(max_examples=10, deadline=None)
def test_speed_is_bounded_and_the_goal_is_reached(seed: int, speed_m_s: float, dt_s: float) -> None:
    rng = np.random.default_rng(seed)
    start = transform(exp_so3(rng.uniform(-1, 1, 3)), rng.uniform(-0.3, 0.3, 3))
    goal = transform(exp_so3(rng.uniform(-1, 1, 3)), rng.uniform(-0.3, 0.3, 3))
    hand = HandMotion(start)
    before = start
    for _ in range(int(3.0 / dt_s) + int(2.0 / speed_m_s / dt_s)):
        now = hand.step(goal, speed_m_s, dt_s)
        moved = pose_error(before, now) / dt_s
        assert np.linalg.norm(moved[:3]) <= speed_m_s * 1.0001
        assert np.linalg.norm(moved[3:]) <= 0.8 * 1.0001
        before = now
    assert is_rigid(now)
    assert np.max(np.abs(pose_error(now, goal))) < 1e-3


def test_starts_softly() -> None:
    hand = HandMotion(np.eye(4))
    goal = transform(np.eye(3), np.array([1.0, 0.0, 0.0]))
    first_m = hand.step(goal, 0.2, 0.004)[0, 3]
    assert 0.0 < first_m < 0.1 * 0.2 * 0.004


def test_stays_where_it_should_be() -> None:
    pose = transform(exp_so3(np.array([0.1, 0.2, 0.3])), np.array([0.4, 0.5, 0.6]))
    hand = HandMotion(pose)
    for _ in range(100):
        hand.step(pose, 0.2, 0.004)
    assert hand.T_base_hand == pytest.approx(pose, abs=1e-12)
