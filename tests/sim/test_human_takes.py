"""People without a robot: the same furniture, other hands, and they fail when they mean to."""

from __future__ import annotations

import numpy as np
import pytest

from rove_teleop.robots.description import load_robot
from rove_teleop.sim.human_hand import HumanWorld
from rove_teleop.sim.human_takes import PERIOD_S, human_take
from rove_teleop.sim.world import World


@pytest.fixture(scope="module")
def worlds() -> tuple[World, HumanWorld]:
    return World(load_robot("iron_r01"), "toaster"), HumanWorld("toaster", size=1.1)


def test_a_person_sees_the_task_that_a_robot_sees(worlds: tuple[World, HumanWorld]):
    robot, person = worlds
    assert robot.feature_names == person.feature_names
    slot = [i for i, name in enumerate(robot.feature_names) if name.startswith("slot_")]
    for seed in range(3):
        robot.reset(seed)
        person.reset(seed)
        ours, theirs = robot.task_state(0.0).features, person.task_state(0.0).features
        assert np.allclose(ours[slot], theirs[slot], atol=1e-9)


def test_the_hand_goes_where_it_is_moved_and_holds_on(worlds: tuple[World, HumanWorld]):
    person = worlds[1]
    person.reset(0)
    goal = person.T_base_hand
    goal[:3, 3] += [0.02, 0.03, 0.05]
    person.move(goal)
    person.advance(1.0)
    assert np.linalg.norm(person.T_base_hand[:3, 3] - goal[:3, 3]) < 2e-3
    assert person.task_state(1.0).failure is None


def test_who_can_succeeds_and_who_means_to_fail_mostly_does():
    able = [human_take("toaster", seed, means_to_fail=False) for seed in range(3)]
    assert all(take.success and not take.failure for take in able)
    assert len({take.size for take in able}) == 3
    failing = [human_take("toaster", seed, means_to_fail=True) for seed in range(4)]
    assert sum(not take.success for take in failing) >= 3
    assert all(take.failure for take in failing if not take.success)
    for take in (*able, *failing):
        assert np.allclose(np.diff(take.stamp_s), PERIOD_S)
        assert len(take.T_base_wrist) == len(take.features) == len(take.stamp_s)


def test_the_same_seed_is_the_same_take():
    one, other = (human_take("toaster", 7, means_to_fail=True) for _ in range(2))
    assert np.array_equal(one.features, other.features) and np.array_equal(one.T_base_wrist, other.T_base_wrist)
