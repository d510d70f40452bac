"""Hands in space: whoever breaks the cap or the box is stopped in the next tick, and may come back."""

import numpy as np
import pytest

from rove_teleop.hand_limits import HandLimits
from rove_teleop.handover.states import Signal, State
from rove_teleop.robots.kinematics import Kinematics

from .test_control_loop import DT, ROBOT, Rig


def test_places_are_those_of_the_model():
    limits, model = HandLimits(ROBOT), Kinematics(ROBOT)
    rng = np.random.default_rng(0)
    for _ in range(5):
        q_rad = rng.uniform(ROBOT.q_min_rad, ROBOT.q_max_rad)
        sites = [ROBOT.operator.frames[hand] for hand in limits.hands]
        expected = [model.frames(q_rad)[site][:3, 3] for site in sites]
        assert np.allclose(limits.places_m(q_rad), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("speed", "box"),
    [(-1.0, []), (np.nan, []), (0.1, [0.0] * 6), (0.1, [0, 0, 0, 1, 1]), (0.0, [0, 0, 0, 1, np.inf, 1])],
)
def test_nonsense_is_refused(speed, box):
    with pytest.raises(ValueError, match="the hands'"):
        HandLimits(ROBOT).set(speed, box)


def speeds(rig):
    places = np.array([rig.loop.hand_limits.places_m(q) for q in rig.sent])
    return np.linalg.norm(np.diff(places, axis=0), axis=2).max(axis=1) / DT


def test_a_hand_above_the_cap_is_stopped_from_the_next_tick_on():
    free = Rig(seed=51).started()
    free.tick(1000)
    cap = 0.7 * float(speeds(free).max())
    rig = Rig(seed=51).started()
    rig.loop.hand_limits.set(cap, [])
    rig.sent = rig.sent[-3:]
    while rig.loop.handover.state is State.AUTONOMOUS:
        rig.tick()
        assert len(rig.sent) < 1200
    assert rig.loop.handover.state is State.HOLD
    assert "above the cap of" in rig.loop.handover.reason
    over = speeds(rig) > cap
    assert np.flatnonzero(over).tolist() == [len(over) - 1], "the first tick above it is the last one that drives"
    rig.tick(150)
    assert rig.loop.filter.at_rest
    assert max(rig.ratios().values()) <= 1 + 1e-9


def test_a_hand_may_not_leave_its_box_but_come_back():
    rig = Rig(seed=52, takeover="blend", protocol="hand_back").started()
    rig.tick(200)
    inside = rig.loop.hand_limits.places_m(rig.q)
    box = [*(inside.min(axis=0) - 0.03), *(inside.max(axis=0) + 0.03)]
    rig.loop.hand_limits.set(0.0, box)
    here = rig.q.copy()
    for _ in range(2000):
        rig.tick()
        if rig.loop.handover.state is State.HOLD:
            break
    assert "would leave its box" in rig.loop.handover.reason
    rig.tick(150)
    assert rig.loop.filter.at_rest
    outside = rig.loop.hand_limits._outside_m(rig.loop.hand_limits.places_m(rig.q)).max()
    assert 0.0 < outside < 0.05, "no further than its stop takes"
    rig.still_operator = here
    rig.tick(50)
    assert rig.ask(Signal.TAKE_OVER) is None
    rig.tick(700)
    assert rig.loop.handover.state is State.ADAPTATION, "the way back is free"
    assert np.allclose(rig.q, here, atol=1e-3)


def test_without_limits_nothing_is_watched():
    limits = HandLimits(ROBOT)
    assert limits.broken(np.array(ROBOT.home_rad), np.array(ROBOT.q_max_rad)) is None
