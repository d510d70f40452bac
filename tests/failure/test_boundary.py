"""Proposals of t_r on motions made by hand, where the truth is known by construction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.failure.boundary import BoundarySettings, propose_t_r
from rove_teleop.failure.hand_motion import HumanMotion

TICK_S = 0.004


def moved(seconds, by_m):
    """A smooth movement by ``by_m`` (3,), offsets (t, 3) from its start."""
    s = np.linspace(0.0, 1.0, round(seconds / TICK_S), endpoint=False)[:, None]
    return (10 * s**3 - 15 * s**4 + 6 * s**5) * np.asarray(by_m)


def wandered(seconds, amplitude_m):
    s = np.linspace(0.0, 1.0, round(seconds / TICK_S), endpoint=False)[:, None]
    return amplitude_m * np.sin(np.pi * s) ** 2 * np.sin(2 * np.pi * seconds * s * np.array([1.3, 1.7, 1.1]))


def motion(*parts, tremor_m=0.0, seed=0, still_points=0, value=None):
    """Parts one after the other, each from where the last ended; the robot follows 40 ms behind."""
    path = [np.zeros((1, 3))]
    for part in parts:
        path.append(path[-1][-1] + part)
    path_m = np.concatenate(path)
    path_m = (
        path_m
        + np.random.default_rng(seed).normal(0.0, tremor_m, (len(path_m) // 4 + 1, 3)).repeat(4, 0)[: len(path_m)]
    )
    points_m = path_m[:, None] + np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0]])
    done_m = points_m[np.maximum(np.arange(len(points_m)) - 10, 0)]
    still = np.full((len(points_m), still_points, 3), 0.5)
    stamp_s = 300.0 + TICK_S * np.arange(len(points_m))
    asked_m, done_m = np.concatenate([points_m, still], axis=1), np.concatenate([done_m, still], axis=1)
    return HumanMotion(stamp_s, asked_m, done_m, None if value is None else value(stamp_s - 300.0))


RETRACTION = moved(0.7, [-0.01, 0.0, 0.02])
WORK = moved(1.5, [0.06, 0.05, -0.03]), moved(1.0, [0.0, 0.0, -0.06])


def t_r_s(human, **changes):
    return propose_t_r(human, BoundarySettings(**changes)).t_r_s - 300.0


def test_after_drawing_back_the_work_begins():
    found = propose_t_r(motion(RETRACTION, *WORK))
    assert 0.7 - 0.1 <= found.t_r_s - 300.0 <= 0.7 + 0.3
    assert found.confidence > 0.5 and "first rest" in found.reason


def test_groping_is_still_adaptation():
    found = propose_t_r(motion(RETRACTION, wandered(1.5, 0.015), *WORK))
    assert 2.2 - 0.1 <= found.t_r_s - 300.0 <= 2.2 + 0.3


def test_a_tremble_moves_the_proposal_little():
    for seed in range(5):
        assert 0.6 <= t_r_s(motion(RETRACTION, *WORK, tremor_m=0.0005, seed=seed)) <= 1.1


def test_the_margin_is_late():
    early, late = (t_r_s(motion(RETRACTION, *WORK), margin_s=margin_s) for margin_s in (0.0, 0.3))
    assert late - early == pytest.approx(0.3, abs=0.011)


def test_a_hand_that_rests_changes_nothing():
    assert t_r_s(motion(RETRACTION, *WORK)) == t_r_s(motion(RETRACTION, *WORK, still_points=3))


def test_while_the_value_falls_nobody_has_recovered():
    falls = t_r_s(motion(RETRACTION, *WORK, value=lambda t_s: -np.minimum(t_s, 2.0)))
    assert t_r_s(motion(RETRACTION, *WORK, value=lambda t_s: t_s)) < 1.0 < falls


def test_a_robot_far_behind_has_not_been_recovered():
    human = motion(RETRACTION, *WORK)
    away = HumanMotion(human.stamp_s, human.asked_m, human.done_m + 0.2 * (human.stamp_s < 301.5)[:, None, None])
    assert propose_t_r(away).t_r_s - 300.0 > 1.5


def test_who_never_gets_going_is_told_apart():
    found = propose_t_r(motion(wandered(1.5, 0.004), wandered(1.5, 0.004)))
    assert found.confidence == 0.0


def test_curves_are_there_for_whoever_doubts():
    found = propose_t_r(motion(RETRACTION, *WORK))
    curves = found.curves
    assert len({len(getattr(curves, name)) for name in ("stamp_s", "speed_m_s", "jerk_m_s3", "residual_m")}) == 1
    assert 0.05 < np.max(curves.speed_m_s) < 0.2
    assert (curves.straightness >= 0.0).all() and (curves.straightness <= 1.0).all()
    at = found.rests[0]
    assert curves.speed_m_s[at] < 0.3 * np.max(curves.speed_m_s)


def test_nobody_asked_for_anything():
    human = motion(RETRACTION)
    with pytest.raises(ValueError, match="where a hand should be"):
        propose_t_r(HumanMotion(human.stamp_s, np.full_like(human.asked_m, np.nan), human.done_m))
    with pytest.raises(ValueError, match="where a hand should be"):
        propose_t_r(HumanMotion(human.stamp_s[:3], human.asked_m[:3], human.done_m[:3]))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), lost=st.floats(0.0, 0.6), seconds=st.floats(0.2, 4.0))
def test_for_any_motion_the_proposal_lies_inside_and_lost_ticks_do_not_matter(seed, lost, seconds):
    rng = np.random.default_rng(seed)
    human = motion(wandered(seconds, 0.02), moved(1.0, rng.normal(0.0, 0.05, 3)), tremor_m=0.001, seed=seed)
    kept = rng.uniform(size=len(human.stamp_s)) >= lost
    kept[[0, -1]] = True
    found = propose_t_r(HumanMotion(human.stamp_s[kept], human.asked_m[kept], human.done_m[kept]))
    assert human.stamp_s[0] <= found.t_r_s <= human.stamp_s[-1] + 1e-6
    assert 0.0 <= found.confidence <= 1.0 and np.isfinite(found.confidence)
