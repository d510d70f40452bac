"""Each imperfection of a simulated person is in the frames of their hand, as large as the skill says."""

from dataclasses import replace

import numpy as np
import pytest

from rove_teleop.errors import UsageError
from rove_teleop.robots.description import load_robot
from rove_teleop.sim.adaptation import Adaptation
from rove_teleop.sim.imperfections import Momentum
from rove_teleop.sim.operator import OperatorSkill, SimulatedOperator
from rove_teleop.sim.skills import SKILLS, skill_of
from rove_teleop.sim.world import World
from rove_teleop.tracking.gate import NOISELESS, FrameGate, GateLimits

ROBOT = load_robot("iron_r01")
PERIOD_S = 1.0 / 36.0
TAKES_OVER_S = 0.3
CLEAN = OperatorSkill(tremor_m=0.0, hesitation_s=(0.3, 0.3), retraction_m=0.0, delay_s=0.0)


@pytest.fixture(scope="module")
def scene():
    """The robot as it stands at the start, and what is to be seen then."""
    world = World(ROBOT, "toaster", seed=3)
    return world.feature_names, world.robot_state(0.0).q_rad, world.task_state(0.0)


class Session:
    """A robot that never moves; so the hand is all there is. ``moves_s``: then the bread is suddenly elsewhere."""

    def __init__(self, scene, skill, seed=1, seconds=3.0, moves_s=np.inf, stamps_s=None):
        names, q_rad, task = scene
        self.person = SimulatedOperator(ROBOT, "toaster", names, skill, seed)
        features = task.features.copy()
        features[names.index("bread_y_m")] += 0.05
        elsewhere = replace(task, features=features)
        self.stamp_s = np.arange(0.0, seconds, PERIOD_S) if stamps_s is None else stamps_s
        self.frames, self.states, self.wrong = [], [], []
        for now_s in self.stamp_s:
            seen = elsewhere if now_s >= moves_s else task
            self.frames.append(self.person.frame(now_s, q_rad, seen, driving=now_s >= TAKES_OVER_S))
            self.states.append(self.person.true_state)
            self.wrong.append(self.person.true_imperfection)
        self.hand_m = np.array([frame.right.T_world_wrist[:3, 3] for frame in self.frames])

    def during(self, name):
        return np.flatnonzero([wrong == name for wrong in self.wrong])


@pytest.mark.parametrize("delay_s", [0.05, 0.2])
def test_reacts_as_late_as_it_sees(scene, delay_s):
    skill = replace(CLEAN, delay_s=delay_s)
    differs = np.any(Session(scene, skill, moves_s=1.5).hand_m != Session(scene, skill).hand_m, axis=1)
    late_s = PERIOD_S * np.argmax(differs) - 1.5
    assert delay_s <= late_s + 1e-9 < delay_s + 2 * PERIOD_S


def test_trembles_by_what_the_skill_says_whatever_else_it_does(scene):
    calm = Session(scene, CLEAN, seconds=4.0)
    for tremor_m in (0.001, 0.004):
        shaken = Session(scene, replace(CLEAN, tremor_m=tremor_m, tremor_time_s=0.03), seconds=4.0)
        assert np.std(shaken.hand_m - calm.hand_m) == pytest.approx(tremor_m, rel=0.25)


def test_aims_beside_the_goal_by_one_constant_error_per_takeover(scene):
    right = Session(scene, CLEAN, seconds=4.0)
    errors_m = []
    for seed in range(2):
        beside = Session(scene, replace(CLEAN, bias_m=0.004), seed, seconds=4.0)
        errors_m.append(beside.person.T_aim_error[:2, 3])
        assert np.linalg.norm(beside.hand_m[-1] - right.hand_m[-1]) == pytest.approx(np.linalg.norm(errors_m[-1]))
        assert beside.hand_m[-10:] == pytest.approx(np.tile(beside.hand_m[-1], (10, 1)), abs=1e-4)
    assert np.linalg.norm(errors_m[0] - errors_m[1]) > 1e-4
    turned = Session(scene, replace(CLEAN, bias_rad=0.05), seconds=4.0)
    angle = np.arccos((np.trace(turned.person.T_aim_error[:3, :3]) - 1.0) / 2.0)
    R = right.frames[-1].right.T_world_wrist[:3, :3].T @ turned.frames[-1].right.T_world_wrist[:3, :3]
    assert np.arccos((np.trace(R) - 1.0) / 2.0) == pytest.approx(angle, rel=1e-3)


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_a_sudden_movement_goes_too_far_by_that_share(share):
    hand = Momentum(share, np.zeros(3))
    aimed_m = np.array([0.1, 0.0, 0.0])
    way_m = np.array([hand.step(aimed_m, 0.001)[0] for _ in range(3000)])
    assert way_m.max() == pytest.approx(0.1 * (1.0 + share), rel=0.01)
    assert way_m[-1] == pytest.approx(0.1, abs=1e-4)


def test_overshoots_where_it_says_so(scene):
    careful, hasty = Session(scene, CLEAN, seconds=4.0), Session(scene, replace(CLEAN, overshoot=0.6), seconds=4.0)
    at = hasty.during("overshooting")
    assert at.size and not careful.during("overshooting").size
    goal_m, start_m = careful.hand_m[-1], careful.hand_m[0]
    along = (goal_m - start_m) / np.linalg.norm(goal_m - start_m)
    assert np.max((hasty.hand_m - goal_m) @ along) > 0.003 > np.max((careful.hand_m - goal_m) @ along)
    assert np.linalg.norm(hasty.hand_m[-1] - goal_m) < 1e-3


def test_sets_off_the_wrong_way_first(scene):
    skill = replace(CLEAN, wrong_way_chance=1.0, wrong_way_s=(0.6, 0.6))
    for seed in range(2):
        session = Session(scene, skill, seed)
        at = session.during("wrong way")
        assert len(at) * PERIOD_S == pytest.approx(0.6, abs=2 * PERIOD_S)
        assert {session.states[i] for i in at} == {"adapting"}
        wrong_m = session.hand_m[at[-1]] - session.hand_m[at[0]]
        right_m = session.hand_m[-1] - session.hand_m[at[0]]
        assert 0.02 < np.linalg.norm(wrong_m) < 0.06
        assert wrong_m @ right_m < -0.4 * np.linalg.norm(wrong_m) * np.linalg.norm(right_m)
    assert not Session(scene, CLEAN).during("wrong way").size


def test_wrong_starts_are_as_frequent_as_their_chance():
    skill = replace(CLEAN, wrong_way_chance=0.3, wrong_way_s=(1.0, 1.0))
    rng, errors = np.random.default_rng(0), np.random.default_rng(1)
    assert np.mean([Adaptation(skill, rng, errors).lasts_s > 1.0 for _ in range(600)]) == pytest.approx(0.3, abs=0.06)


def test_pauses_while_it_works(scene):
    session = Session(scene, replace(CLEAN, pauses_per_s=2.0, pause_s=(0.2, 0.2)), seconds=4.0)
    still = session.during("pausing")
    assert np.array_equal(session.hand_m[still], session.hand_m[still - 1])
    assert {session.states[i] for i in still} == {"correcting"}
    assert 0.1 < still.size / session.states.count("correcting") < 0.5


def test_a_slow_hand_is_slow(scene):
    def fastest_m_s(speed):
        return np.max(np.linalg.norm(np.diff(Session(scene, replace(CLEAN, speed=speed)).hand_m, axis=0), axis=1))

    assert fastest_m_s(0.3) == pytest.approx(0.3 / 0.9 * fastest_m_s(0.9), rel=0.05)


@pytest.mark.parametrize("name", SKILLS)
def test_nobody_moves_in_a_way_that_the_gate_refuses(scene, name):
    gate = FrameGate(GateLimits() if SKILLS[name].tremor_m else NOISELESS)
    session = Session(scene, SKILLS[name], seconds=4.0)
    for now_s, frame in zip(session.stamp_s, session.frames, strict=True):
        gate.check(frame, now_s)
    assert gate.engaged and not gate.rejected
    adapting_s = PERIOD_S * session.states.count("adapting")
    assert adapting_s > SKILLS[name].hesitation_s[0]


def test_the_same_seed_is_the_same_person(scene):
    first, again, other = (Session(scene, SKILLS["clumsy"], seed, seconds=2.0).hand_m for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_a_frame_that_comes_late_makes_no_jump(scene):
    """The hand goes on from where adapting left it, whenever the frame after it comes."""
    for seed in range(3):
        stamp_s = np.cumsum(np.random.default_rng(seed).choice([0.012, 0.016, 0.028], 60))
        session = Session(scene, replace(CLEAN, retraction_m=0.05), seed, stamps_s=stamp_s)
        assert np.max(np.linalg.norm(np.diff(session.hand_m, axis=0), axis=1) / np.diff(stamp_s)) < 0.4


def test_an_unknown_name_is_refused_with_those_there_are():
    assert skill_of("skilled") == OperatorSkill()
    with pytest.raises(UsageError, match="expert, skilled, average, novice, clumsy"):
        skill_of("genius")
    with pytest.raises(UsageError, match="overshoot"):
        OperatorSkill(overshoot=1.0)
