"""What the simulated person says of itself is what it does."""

import numpy as np

from rove_teleop.robots.description import load_robot
from rove_teleop.sim.operator import OperatorSkill, SimulatedOperator
from rove_teleop.sim.world import World

PERIOD_S = 1.0 / 72.0


def session(skill):
    """States and right-hand positions: half a second of watching, then three seconds with the robot."""
    robot = load_robot("iron_r01")
    world = World(robot, "toaster")
    world.reset(3)
    person = SimulatedOperator(robot, "toaster", world.feature_names, skill, seed=1)
    states, hand_m = [], []
    for frame in range(int(3.5 / PERIOD_S)):
        now_s = frame * PERIOD_S
        got = person.frame(now_s, robot.home_rad, world.task_state(now_s), driving=now_s >= 0.5)
        states.append(person.true_state)
        hand_m.append(got.right.T_world_wrist[:3, 3])
    return states, np.array(hand_m)


def test_watches_then_adapts_for_as_long_as_it_hesitates_and_gropes_then_corrects():
    skill = OperatorSkill(hesitation_s=(0.6, 0.6), grope_s=(0.8, 0.8), tremor_m=0.0)
    states, hand_m = session(skill)
    assert list(dict.fromkeys(states)) == ["watching", "adapting", "correcting"]
    assert abs(states.count("adapting") * PERIOD_S - 1.4) <= 2 * PERIOD_S
    start = states.index("adapting")
    groping = hand_m[start + int(0.65 / PERIOD_S) : start + int(1.35 / PERIOD_S)]
    assert 0.003 < np.max(np.ptp(groping, axis=0)) <= 2 * skill.grope_m + 1e-9
    # It ends where it began: drawn back by the retraction, no jump on the way.
    back_m = hand_m[states.index("correcting") - 1] - hand_m[start]
    np.testing.assert_allclose(back_m, [-0.5 * skill.retraction_m, 0.0, skill.retraction_m], atol=2e-3)
    assert np.max(np.linalg.norm(np.diff(hand_m[start:], axis=0), axis=1)) < 0.01


def test_without_groping_it_is_who_it_was():
    _, plain = session(OperatorSkill())
    _, never = session(OperatorSkill(grope_s=(0.0, 0.0), grope_m=0.05))
    np.testing.assert_array_equal(plain, never)
