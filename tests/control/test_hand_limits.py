"""Hands in space: a cap and a box slow the robot on its way; who breaks one all the same is stopped."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.control.hand_limits import CAP_TOLERANCE, HandLimits
from rove_teleop.filter_lab.replay import difference, live_path, read_rows, replay
from rove_teleop.handover.states import Signal, State
from rove_teleop.robots.description import load_robot
from rove_teleop.types import Reason

from ..filter_lab.test_replay import started
from ..test_control_loop import DT, ROBOT, Rig

BY_HAND = int(Reason.LIMITED_BY_HAND)
WATCH = HandLimits(ROBOT, grace_ticks=0)
HOME_M = WATCH.places_m(np.array(ROBOT.home_rad))
BOX = [*(HOME_M.min(axis=0) - 0.08), *(HOME_M.max(axis=0) + 0.08)]
"""Around both hands at home: the rig's waves lead out of it at every side."""


def places(rig):
    return np.array([WATCH.places_m(q) for q in rig.sent])


def speeds(rig):
    """Of each hand in each tick, by kinematics that the path does not use."""
    return np.linalg.norm(np.diff(places(rig), axis=0), axis=2) / DT


def outside_m(rig, box):
    p = places(rig)
    return np.maximum(np.maximum(np.array(box[:3]) - p, p - np.array(box[3:])), 0.0).max()


def wild(seed, jumps=False):
    """A rig whose two drivers ask for several times of what a cap of 0.25 m/s leaves, starting at home."""
    rig = Rig(seed=seed, takeover="blend", protocol="hand_back")
    if jumps:
        low, high = ROBOT.q_min_rad, ROBOT.q_max_rad
        rig.stream = lambda k, t: np.random.default_rng([seed, k, int(t / 0.4)]).uniform(low, high)
    else:
        rig.frequency *= 3
        rig.amplitude *= 3
    return rig


def driven(rig, speed_m_s, box, ticks):
    """The rig from rest at home, its hands limited, with takeovers and returns at random; how often it was held."""
    rig.tick(5)
    rig.loop.limit_hands(speed_m_s, box, rig.now_s)
    assert rig.ask(Signal.START) is None
    held = 0
    for k in range(ticks):
        if rig.rng.random() < 0.01:
            rig.ask(Signal.GIVE_BACK if rig.loop.handover.state is State.ADAPTATION else Signal.TAKE_OVER)
        rig.tick()
        if k % 400 == 399:  # a stop in full motion, where every joint brakes as it can
            assert rig.ask(Signal.STOP if k % 800 == 399 else Signal.PAUSE) is None
            rig.tick(60)
            assert rig.loop.filter.at_rest
            rig.ask(Signal.TAKE_OVER)
        held += sum("hands_limited" in event.detail or "wrist would" in event.detail for event in rig.events)
        rig.events.clear()
    return held


def test_places_are_those_of_the_model():
    from rove_teleop.control.hand_chains import hand_names, place_hand, read_hands
    from rove_teleop.robots.kinematics import Kinematics

    hands, model = read_hands(ROBOT), Kinematics(ROBOT)
    rng = np.random.default_rng(0)
    place, moves, moved = np.zeros(3), np.zeros((hands.joints.shape[1], 3)), np.zeros(3)
    for _, (h, name) in itertools.product(range(4), enumerate(hand_names(ROBOT))):
        q_rad = rng.uniform(ROBOT.q_min_rad, ROBOT.q_max_rad)
        place_hand(hands, h, q_rad, place, moves)
        expected = model.frames(q_rad)[ROBOT.operator.frames[name]][:3, 3]
        assert np.allclose(place, expected, atol=1e-12)
        assert np.allclose(WATCH.places_m(q_rad)[h], expected, atol=1e-9)
        for k, joint in enumerate(hands.joints[h]):
            turned = q_rad.copy()
            turned[joint] += 1e-6
            place_hand(hands, h, turned, moved, np.zeros_like(moves))
            assert np.allclose((moved - place) / 1e-6, moves[k], atol=1e-5)


@pytest.mark.parametrize(
    ("speed", "box"),
    [(-1.0, []), (np.nan, []), (0.1, [0.0] * 6), (0.1, [0, 0, 0, 1, 1]), (0.0, [0, 0, 0, 1, np.inf, 1])],
)
def test_nonsense_is_refused_and_changes_nothing(speed, box):
    limits = HandLimits(ROBOT, 0)
    limits.set(0.3, [])
    with pytest.raises(ValueError, match="the hands'"):
        limits.set(speed, box)
    assert (limits.speed_m_s, limits.box_m, limits.chains.bounds[0]) == (0.3, (), 0.3)


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.05, 0.25, 0.7]), st.booleans(), st.booleans())
def test_for_any_targets_hands_keep_cap_and_box_and_joints_their_limits(seed, cap, boxed, jumps):
    rig, box = wild(seed, jumps), BOX if boxed else []
    held = driven(rig, cap, box, 500)
    assert held == 0, "slowing is enough: nobody has to be stopped"
    assert speeds(rig).max() <= cap * (1.0 + CAP_TOLERANCE)
    if boxed:
        assert outside_m(rig, box) < 1e-3
    assert max(rig.ratios().values()) <= 1 + 1e-9
    sent = np.array(rig.sent)
    assert np.all((sent >= ROBOT.q_min_rad) & (sent <= ROBOT.q_max_rad))


def test_a_capped_robot_goes_nearly_the_same_way_at_the_cap_and_arrives():
    free, capped = Rig(seed=51), Rig(seed=51)
    goal = np.array(ROBOT.home_rad)
    arm = ROBOT.groups["right_arm"]
    goal[arm[:4]] += [-0.9, -0.4, 0.3, 0.5]
    for rig in (free, capped):
        rig.stream = lambda k, t: goal
        rig.tick(5)
        if rig is capped:
            rig.loop.limit_hands(0.15, [], rig.now_s)
        assert rig.ask(Signal.START) is None
        rig.tick(1500)
        assert rig.loop.handover.state is State.AUTONOMOUS
        assert np.allclose(rig.q, goal, atol=1e-3)
    v = speeds(capped)[:, 1]
    assert speeds(free).max() > 0.4
    assert 0.13 < np.median(v[v > 0.1]) <= 0.15, "most of the way is at the cap, nearly"
    way = places(free)[:, 1]
    apart = max(np.min(np.linalg.norm(way - place, axis=1)) for place in places(capped)[::20, 1])
    assert apart < 0.06, "joints brake one by one, so it is nearly the same way"


def test_fingers_and_neck_and_the_other_arm_never_notice():
    free, capped = Rig(seed=3), Rig(seed=3)
    home = np.array(ROBOT.home_rad)
    arm = ROBOT.groups["left_arm"]
    for rig in (free, capped):
        wave = rig.stream
        still = [*ROBOT.groups["waist"].tolist()]

        def stream(k, t, wave=wave, still=still):
            q_rad = wave(k, t)
            q_rad[still] = home[still]
            q_rad[arm] = home[arm] + 4.0 * (q_rad[arm] - home[arm])
            return np.clip(q_rad, ROBOT.q_min_rad, ROBOT.q_max_rad)

        rig.stream = stream
        rig.tick(5)
        if rig is capped:
            # The right hand moves at most as fast as this, the left one wants to be faster.
            rig.loop.limit_hands(1.1 * speeds(free)[:, 1].max(), [], rig.now_s)
        rig.ask(Signal.START)
        ticks = [rig.tick() for _ in range(600)]
    others = np.setdiff1d(np.arange(ROBOT.joint_count), [*arm, *ROBOT.groups["waist"]])
    assert np.array_equal(np.array(free.sent)[:, others], np.array(capped.sent)[:, others])
    assert not np.array_equal(np.array(free.sent)[:, arm], np.array(capped.sent)[:, arm])
    assert any(np.all(tick.reason[arm] & BY_HAND) for tick in ticks), "and it is said why"
    assert not any(np.any(tick.reason[others] & BY_HAND) for tick in ticks)


def test_a_hand_stands_at_its_wall_glides_along_it_and_comes_back_by_itself():
    rig = Rig(seed=52)
    model_q = np.array(ROBOT.home_rad)
    arm, elbow = ROBOT.groups["right_arm"], ROBOT.index("right_elbow_pitch")
    outside = model_q.copy()
    outside[arm[0]] -= 0.8
    assert WATCH.places_m(outside)[1][0] > BOX[3] + 0.05, "it leads out at the front"
    asked = {"q": outside}
    rig.stream = lambda k, t: asked["q"]
    rig.tick(5)
    rig.loop.limit_hands(0.0, BOX, rig.now_s)
    assert rig.ask(Signal.START) is None
    rig.tick(1000)
    stood = WATCH.places_m(rig.q)[1]
    assert BOX[3] - 0.02 < stood[0] <= BOX[3], "close to the wall, and not beyond"
    assert speeds(rig)[-50:].max() < 0.01, "it stands"
    asked["q"] = outside.copy()
    asked["q"][[ROBOT.index("right_shoulder_yaw"), elbow]] += [0.4, 0.1]
    rig.tick(1000)
    glided = WATCH.places_m(rig.q)[1]
    assert np.linalg.norm(glided[1:] - stood[1:]) > 0.03 and glided[0] <= BOX[3]
    asked["q"] = model_q
    rig.tick(1200)
    assert np.allclose(rig.q, model_q, atol=1e-3), "nobody has to acknowledge anything"
    assert rig.loop.handover.state is State.AUTONOMOUS
    assert outside_m(rig, BOX) < 1e-4


def test_a_hand_outside_a_new_box_may_stand_and_come_back_but_not_go_further():
    rig = Rig(seed=53)
    arm = ROBOT.groups["right_arm"]
    away = np.array(ROBOT.home_rad)
    away[arm[0]] -= 0.8
    asked = {"q": away}
    rig.stream = lambda k, t: asked["q"]
    rig.tick(5)
    assert rig.ask(Signal.START) is None
    rig.tick(800)
    rig.loop.limit_hands(0.0, BOX, rig.now_s)
    far = outside_m(rig, BOX)
    assert far > 0.05
    asked["q"] = away.copy()
    asked["q"][arm[0]] -= 0.3
    rig.sent.clear()
    rig.tick(500)
    assert outside_m(rig, BOX) < far + 1e-3
    asked["q"] = np.array(ROBOT.home_rad)
    rig.tick(1200)
    assert rig.loop.handover.state is State.AUTONOMOUS
    assert np.allclose(rig.q, ROBOT.home_rad, atol=1e-3)


def test_a_cap_that_is_lowered_in_full_motion_brakes_and_does_not_hold():
    rig = wild(54).started()
    rig.tick(100)
    assert speeds(rig)[-1].max() > 0.3
    rig.loop.limit_hands(0.1, [], rig.now_s)
    ticks = rig.loop.filter.limits.longest_stop_ticks
    rig.tick(ticks)
    rig.sent = rig.sent[-3:]
    rig.tick(300)
    assert rig.loop.handover.state is State.AUTONOMOUS
    assert speeds(rig).max() <= 0.1 * (1 + CAP_TOLERANCE)
    assert max(rig.ratios().values()) <= 1 + 1e-9


def test_what_slowing_cannot_prevent_is_stopped():
    """The watch does not trust the path: here it is blind, as if its kinematics were wrong."""
    rig = wild(55).started()
    rig.loop.limit_hands(0.2, BOX, rig.now_s)
    rig.loop.path.hands = live_path(ROBOT).hands
    rig.tick(rig.loop.filter.limits.longest_stop_ticks + 1)
    assert rig.loop.handover.state is State.HOLD
    assert "above the cap of 0.2 m/s" in rig.loop.handover.reason
    rig.tick(100)
    assert rig.loop.filter.at_rest


def test_a_hand_that_leaves_its_box_all_the_same_is_named():
    watch = HandLimits(ROBOT, 0)
    inside, outside = np.array(ROBOT.home_rad), np.array(ROBOT.home_rad)
    outside[ROBOT.groups["right_arm"][0]] -= 0.8
    assert watch.broken(inside, outside) is None
    watch.set(0.0, BOX)
    assert "the right_wrist would leave its box" in watch.broken(inside, outside)
    assert watch.broken(outside, inside) is None
    assert watch.broken(outside, outside) is None


def test_off_it_is_not_there_and_far_away_it_changes_no_bit():
    """No cap takes the old way through the code; a cap and a box that nothing meets take the new one."""
    rigs = [wild(56), wild(56)]
    for rig in rigs:
        assert not rig.loop.path.slows
        if rig is rigs[1]:
            rig.loop.limit_hands(50.0, [-50.0] * 3 + [50.0] * 3, rig.now_s)
            rig.loop.path.hands.bounds[1:] = [-np.inf] * 3 + [np.inf] * 3
            assert rig.loop.path.slows
        rig.started().tick(200)
        rig.ask(Signal.TAKE_OVER)
        rig.tick(300)
    assert np.array_equal(np.array(rigs[0].sent), np.array(rigs[1].sent))


def test_a_robot_without_wrists_has_nothing_to_slow():
    path = live_path(load_robot("allegro_right"))
    path.hands.bounds[0] = 0.1
    assert not path.slows


def test_an_episode_with_limited_hands_is_replayed_from_its_rows_and_events():
    rig = started(57)
    rig.frequency *= 3
    rig.amplitude *= 3
    rig.events.clear()
    changes = {2: (0.25, []), 5: (0.1, BOX), 8: (0.0, []), 10: (0.4, [])}
    for k in range(14):
        if k in changes:
            rig.loop.limit_hands(*changes[k], rig.now_s)
            rig.loop.limit_hands(*changes[k], rig.now_s)
        rig.tick(int(rig.rng.integers(20, 80)))
        rig.ask(Signal.TAKE_OVER if k % 2 else Signal.GIVE_BACK)
        if k == 6:
            assert rig.loop.scale_speed(0.6, rig.now_s) is None
    said = [json.loads(event.detail) for event in rig.events if event.kind == "limits"]
    assert len(said) == 5, "each change once"
    recorded = read_rows(rig.episode(), ROBOT, rig.events)
    assert len(recorded.hand_bounds) == 4
    assert np.any(rig.episode()["reason"] & BY_HAND)
    assert difference(recorded, replay(recorded, live_path(ROBOT), ROBOT)) is None
    path = live_path(ROBOT)
    assert difference(read_rows(rig.episode(), ROBOT), replay(recorded, path, ROBOT)) is None
    deaf = read_rows(rig.episode(), ROBOT, [])
    assert difference(deaf, replay(deaf, path, ROBOT)) is not None, "without the events it would be another motion"


def test_each_episode_says_its_limits_at_its_start():
    rig = Rig(seed=58)
    rig.loop.limit_hands(0.3, [], rig.now_s)
    rig.tick(5)
    rig.events.clear()
    assert rig.ask(Signal.START) is None
    rig.tick()
    (event,) = [event for event in rig.events if event.kind == "limits"]
    assert json.loads(event.detail) == {"hand_speed_m_s": 0.3, "hand_box_m": []}
