"""Limits may only become tighter while the robot moves; every command keeps the old ones, and soon the new ones."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.command_filter.check import CommandCheck
from rove_teleop.command_filter.command_filter import CommandFilter

from .test_command_filter import LIMIT_SETS, make, violations

NAMES = ("a", "b", "c")


def moving(lim, ticks, seed=0):
    """A filter and its checker in the middle of motion that uses all of the limits, and what was sent."""
    rng = np.random.default_rng(seed)
    tracker, check = CommandFilter(lim), CommandCheck(lim, NAMES)
    tracker.start(np.zeros(3))
    check.start(np.zeros(3))
    sent, target = [], np.zeros(3)
    for k in range(ticks):
        if k % 60 == 0:
            target = rng.uniform(-0.5, 0.5, 3)
        sent.append(tracker.step(np.stack([target, np.zeros(3), np.zeros(3)])))
        assert check.violation(sent[-1]) is None
    return tracker, check, sent, rng


def tighter(lim, shares):
    v, a, j = (share * limit for share, limit in zip(shares, lim.dynamic, strict=True))
    return dataclasses.replace(lim, v_max_rad_s=v, a_max_rad_s2=a, j_max_rad_s3=j)


@settings(max_examples=80, deadline=None)
@given(
    limits=st.sampled_from(LIMIT_SETS),
    when=st.integers(1, 200),
    shares=st.tuples(*[st.floats(0.05, 1.0)] * 3),
    again=st.tuples(*[st.floats(0.3, 1.0)] * 3),
    gap=st.integers(1, 200),
    seed=st.integers(0, 999),
)
def test_old_limits_always_new_limits_soon(limits, when, shares, again, gap, seed):
    lim = make(*limits)
    tracker, check, sent, rng = moving(lim, when, seed)
    late, after, target = lim, 0, np.zeros(3)
    for new in (tighter(lim, shares), tighter(tighter(lim, shares), again)):
        if tracker.tighten(new) is not None:
            continue
        check.tighten(new)
        after, late = len(sent) + max(late.longest_stop_ticks, lim.longest_stop_ticks) + 1, new
        for k in range(gap):
            target = np.where(rng.random(3) < 0.1, np.nan, rng.uniform(-0.7, 0.7, 3)) if k % 20 == 0 else target
            sent.append(tracker.step(np.stack([target, np.zeros(3), np.zeros(3)]), rng.random(3) < 0.02))
            assert check.violation(sent[-1]) is None
    target = np.full(3, 0.4)
    while len(sent) < after + 300:
        sent.append(tracker.step(np.stack([target, np.zeros(3), np.zeros(3)])))
        assert check.violation(sent[-1]) is None
    rounding = 8 * np.finfo(float).eps / lim.dt_s**3 / (late.j_max_rad_s3[0] * 0.5)
    assert max(violations(np.array(sent), lim).values()) <= 1 + 1e-9 + rounding
    steady = np.array(sent)[after - 3 :]
    for n, limit in enumerate(late.dynamic, start=1):
        peak = np.max(np.abs(np.diff(steady, n=n, axis=0)) / lim.dt_s**n / limit)
        assert peak <= 1 + 1e-9 + rounding


def test_a_joint_that_is_too_fast_brakes_at_once_and_then_goes_on():
    lim = make(2.5, 20.0, 600.0, 0.004, span=5.0)
    tracker, check = CommandFilter(lim), CommandCheck(lim, NAMES)
    tracker.start(np.zeros(3))
    check.start(np.zeros(3))
    far = np.stack([np.full(3, 4.9), np.zeros(3), np.zeros(3)])
    for _ in range(150):
        check.violation(tracker.step(far))
    assert np.min(tracker.motion[1]) > 2.3
    slow = tighter(lim, (0.2, 1.0, 1.0))
    assert tracker.tighten(slow) is None
    check.tighten(slow)
    speed = []
    for _ in range(300):
        assert check.violation(tracker.step(far)) is None
        speed.append(np.max(tracker.motion[1]))
    assert speed[lim.longest_stop_ticks] <= 0.5 * (1 + 1e-9)
    assert speed[-1] > 0.45, "it does not stand still for ever"
    assert np.all(np.diff(speed[:20]) < 0)


@pytest.mark.parametrize("name", ["q_min_rad", "q_max_rad", "v_max_rad_s", "a_max_rad_s2", "j_max_rad_s3"])
def test_loosening_one_limit_of_one_joint_is_refused_and_changes_nothing(name):
    lim = make(*LIMIT_SETS[1])
    tracker, *_ = moving(lim, 30)
    bounds = tracker.bounds.copy()
    looser = getattr(lim, name).copy()
    looser[1] += -0.01 if name == "q_min_rad" else 0.01
    assert f"would loosen {name} of joint 1" in (tracker.tighten(dataclasses.replace(lim, **{name: looser})) or "")
    assert "rests" in (tracker.relimit(dataclasses.replace(lim, **{name: looser})) or "")
    assert np.array_equal(tracker.bounds, bounds)
    assert tracker.limits is lim


def test_position_limits_must_leave_room_to_stop():
    lim = make(2.5, 20.0, 600.0, 0.004, span=5.0)
    tracker = CommandFilter(lim)
    tracker.start(np.zeros(3))
    for _ in range(150):
        tracker.step(np.stack([np.full(3, 4.9), np.zeros(3), np.zeros(3)]))
    q, v, a = tracker.motion[:, 0]
    for room, refused in ((-0.01, True), (0.02, True), (1.0, False)):
        narrow = dataclasses.replace(lim, q_max_rad=np.full(3, q + room))
        refusal = tracker.tighten(narrow)
        assert ("could not stop within" in (refusal or "")) == refused
    for _ in range(400):
        command = tracker.step(np.stack([np.full(3, 4.9), np.zeros(3), np.zeros(3)]))
        assert np.all(command <= q + 1.0)
    assert (v, a) != (0.0, 0.0)


def test_at_rest_limits_may_become_wider_but_not_exclude_the_robot():
    lim = make(*LIMIT_SETS[1])
    tracker = CommandFilter(lim)
    tracker.start(np.full(3, 0.3))
    assert tracker.tighten(tighter(lim, (0.5, 0.5, 0.5))) is None
    assert tracker.relimit(lim) is None
    assert "outside" in (tracker.relimit(dataclasses.replace(lim, q_max_rad=np.full(3, 0.2))) or "")
