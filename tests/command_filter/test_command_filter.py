"""Bounds for any input, stop from anywhere, one bad joint never freezes the rest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.command_filter.check import CommandCheck
from rove_teleop.command_filter.command_filter import CommandFilter
from rove_teleop.command_filter.limits import Limits
from rove_teleop.command_filter.smoothing import low_pass, low_pass_matrix
from rove_teleop.errors import RobotUnavailable

NASTY = [0.0, -0.0, 1.0, -1.0, 0.4999, -0.5001, np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 100.0]
LIMIT_SETS = [
    # v, a, j, dt: gentle, brisk, jerk reached in less than a tick, slow tick
    (1.0, 5.0, 50.0, 0.004),
    (2.5, 20.0, 600.0, 0.004),
    (6.0, 60.0, 30_000.0, 0.004),
    (1.0, 5.0, 50.0, 0.01),
    (0.3, 0.4, 900.0, 0.002),
]


def make(v, a, j, dt, n=3, span=0.5):
    ones = np.ones(n)
    return Limits(-span * ones, span * ones, v * ones, a * ones, j * ones, dt)


def at_rest(q_rad: np.ndarray) -> np.ndarray:
    return np.stack([q_rad, np.zeros_like(q_rad), np.zeros_like(q_rad)])


def violations(sent: np.ndarray, limits: Limits) -> dict[str, float]:
    """Largest ratio to each limit, from the finite differences of the whole log."""
    dt = limits.dt_s
    log = np.vstack([np.zeros((3, limits.joint_count)), sent])
    return {
        "position": np.max(np.abs(log) / limits.q_max_rad),
        "velocity": np.max(np.abs(np.diff(log, axis=0)) / dt / limits.v_max_rad_s),
        "acceleration": np.max(np.abs(np.diff(log, n=2, axis=0)) / dt**2 / limits.a_max_rad_s2),
        "jerk": np.max(np.abs(np.diff(log, n=3, axis=0)) / dt**3 / limits.j_max_rad_s3),
    }


@settings(max_examples=120, deadline=None)
@given(data=st.data(), limits=st.sampled_from(LIMIT_SETS), seed=st.integers(0, 2**32 - 1))
def test_every_limit_holds_for_any_input(data, limits, seed):
    lim = make(*limits)
    rng = np.random.default_rng(seed)
    tracker, check = CommandFilter(lim), CommandCheck(lim, ("a", "b", "c"))
    tracker.start(np.zeros(3))
    check.start(np.zeros(3))
    sent = []
    hold_for = 0
    target = np.zeros(3)
    speed = data.draw(st.sampled_from([0.0, 1.0, 1e3]))
    for _ in range(400):
        if rng.random() < 0.05:
            target = rng.choice(NASTY, 3) if rng.random() < 0.3 else rng.uniform(-0.7, 0.7, 3)
        if rng.random() < 0.02:
            hold_for = int(rng.integers(1, 30))
        hold_for -= 1
        wild = rng.normal(size=(2, 3)) * speed
        command = tracker.stop() if hold_for > 0 else tracker.step(np.stack([target, *wild]))
        assert check.violation(command) is None
        sent.append(command)
    # 1e-9 of the issue plus what float64 differences of the commands themselves cost at this tick.
    rounding = 8 * np.finfo(float).eps / lim.dt_s**3 / lim.j_max_rad_s3[0]
    for name, ratio in violations(np.array(sent), lim).items():
        assert ratio <= 1 + 1e-9 + rounding, name


@pytest.mark.parametrize("limits", LIMIT_SETS)
def test_stop_ends_at_rest_in_bounded_time(limits):
    lim = make(*limits, span=5.0)
    v, a, j, dt = limits
    bound_ticks = np.ceil((v / a + a / j) / dt) + 1
    rng = np.random.default_rng(1)
    for _ in range(30):
        tracker = CommandFilter(lim)
        tracker.start(np.zeros(3))
        for _ in range(int(rng.integers(1, 200))):
            tracker.step(at_rest(rng.uniform(-5, 5, 3)))
        ticks = 0
        while not tracker.at_rest:
            tracker.stop()
            ticks += 1
            assert ticks <= bound_ticks
        rest = tracker.motion[0]
        assert np.array_equal(tracker.stop(), rest)


def test_step_response_arrives_without_overshoot():
    lim = make(2.5, 20.0, 600.0, 0.004, span=2.0)
    tracker = CommandFilter(lim)
    tracker.start(np.zeros(3))
    goal = at_rest(np.ones(3))
    path = np.array([tracker.step(goal)[0] for _ in range(400)])
    assert path.max() <= 1.005
    assert abs(path[-1] - 1.0) < 1e-3
    assert np.argmax(path > 0.95) * 0.004 < 0.75


def test_slow_sine_is_tracked_with_the_lag_of_the_low_pass_only():
    lim = make(2.5, 20.0, 600.0, 0.004, span=2.0)
    tracker, matrix, smooth = CommandFilter(lim), low_pass_matrix(0.004, 50.0), (0.0, 0.0, 0.0)
    tracker.start(np.zeros(3))
    t = np.arange(1500) * 0.004
    path = []
    for now in t:
        smooth = low_pass(matrix, *smooth, 0.5 * np.sin(2 * np.pi * 0.5 * now))
        path.append(tracker.step(np.outer(smooth, np.ones(3)))[0])
    delayed = 0.5 * np.sin(2 * np.pi * 0.5 * (t - 3 / 50.0))
    assert np.max(np.abs(np.array(path) - delayed)[500:]) < 0.01


def test_one_bad_joint_does_not_freeze_the_others():
    lim = make(2.5, 20.0, 600.0, 0.004, span=2.0)
    tracker = CommandFilter(lim)
    tracker.start(np.zeros(3))
    for _ in range(500):
        command = tracker.step(at_rest(np.array([np.nan, 1.0, 1.0])))
    assert command[0] == 0.0
    assert np.allclose(command[1:], 1.0, atol=1e-3)
    assert tracker.reason[0] == 1
    assert tracker.reason[1] == 0


def test_start_outside_the_limits_is_refused_by_name():
    tracker = CommandFilter(make(1, 5, 50, 0.004))
    with pytest.raises(RobotUnavailable, match="elbow is measured at 0.9"):
        tracker.start(np.array([0.0, 0.9, 0.0]), ("shoulder", "elbow", "wrist"))
    with pytest.raises(RobotUnavailable, match="wrist"):
        tracker.start(np.array([0.0, 0.0, np.nan]), ("shoulder", "elbow", "wrist"))


@pytest.mark.parametrize("bad", [np.nan, 0.0, -1.0, np.inf])
def test_limits_refuse_nonsense(bad):
    ones = np.ones(2)
    with pytest.raises(ValueError):
        Limits(-ones, ones, ones * bad, ones, ones, 0.004)


def test_checker_blocks_what_a_broken_filter_would_send():
    lim = make(1.0, 5.0, 50.0, 0.004)
    check = CommandCheck(lim, ("a", "b", "c"))
    check.start(np.zeros(3))
    assert check.violation(np.zeros(3)) is None
    assert "b would break its jerk limit" in check.violation(np.array([0.0, 1e-5, 0.0]))
    assert "a would be commanded to a value that is not finite" in check.violation(np.array([np.nan, 0.0, 0.0]))
    assert "c would be commanded to a value that is not finite" in check.violation(np.array([0.0, 0.0, -np.inf]))
    assert "position" in check.violation(np.array([0.0, 0.0, 0.6]))
    assert check.violation(np.zeros(3)) is None
