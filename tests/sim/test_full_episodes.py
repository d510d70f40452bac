"""Both tasks in full, done by a demonstrator's own fingers and by a simulated person's through retargeting."""

from dataclasses import replace

import numpy as np
import pytest

from rove_teleop.handover.states import Signal
from rove_teleop.operators.chain import OperatorChain
from rove_teleop.robots.description import load_robot
from rove_teleop.sim.operator import SimulatedOperator
from rove_teleop.sim.skills import SKILLS
from rove_teleop.sim.supervisor import SimulatedSupervisor, SupervisorHabits
from rove_teleop.sim.tasks import TASK_NAMES, task_params
from rove_teleop.sim.world import World
from rove_teleop.training.windows import moving_joints
from rove_teleop.virtual_time.base_policy import RECIPES, RECIPES_IN_FULL, recipe_of
from rove_teleop.virtual_time.demonstrations import demonstrate, demonstrator
from rove_teleop.virtual_time.rollout import Timing, live_loop, person, run_episode

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

ROBOT = load_robot("iron_r01")


@pytest.mark.parametrize("task", TASK_NAMES)
def test_demonstrations_of_the_full_form_move_arm_and_fingers(task):
    (trajectory,) = demonstrate(ROBOT, task, 1, seed=3, params=task_params(task, "demonstration", "full"))
    moving = set(moving_joints([trajectory]))
    assert {ROBOT.joint_names[i] for i in ROBOT.groups["right_arm"]} <= moving
    assert {"right_index_proximal", "right_little_distal", "right_thumb_abduction"} <= moving
    assert not any(name.startswith(("left", "neck", "waist")) for name in moving)
    held = trajectory.task_features[:, trajectory.feature_names.index("held")]
    assert held[0] == 0.0 and held.max() == 1.0


@pytest.mark.parametrize("task", TASK_NAMES)
def test_experts_do_the_rest_from_wherever_it_begins(task):
    params = task_params(task, "deployment", "full", "varied")
    world = World(ROBOT, task, params=params)
    seen = set()
    for seed in range(6):
        world.reset(seed)
        if world.stage in seen:
            continue
        seen.add(world.stage)
        operator = demonstrator(world, np.random.default_rng(seed))
        timing = replace(Timing(), limit_s=params.time_limit_s)
        result = run_episode(world, live_loop(ROBOT), seed, None, operator, None, timing, demonstrate=True)
        assert result.outcome is Signal.SUCCESS, f"{world.stage}: {result.failure}"
    assert len(seen) >= 3


@pytest.mark.parametrize("task", TASK_NAMES)
def test_a_person_takes_over_before_anything_was_grasped(task):
    """The policy never says anything; fingers come from a device's points through gate and retargeting."""
    world = World(ROBOT, task, params=task_params(task, "deployment", "full"))
    operator = SimulatedOperator(ROBOT, task, world.feature_names, SKILLS["expert"], seed=1)
    asks = person(operator, OperatorChain(ROBOT, "anchored"))
    supervisor = SimulatedSupervisor(SupervisorHabits(time_limit_s=60.0), seed=1)
    result = run_episode(world, live_loop(ROBOT), 7, None, asks, supervisor)
    assert result.outcome is Signal.SUCCESS, result.failure
    assert result.taken_over


def test_every_task_has_a_recipe_in_both_forms():
    assert set(RECIPES) == set(RECIPES_IN_FULL) == set(TASK_NAMES)
    assert recipe_of("toaster") is RECIPES["toaster"]
    assert recipe_of("toaster", "full") is RECIPES_IN_FULL["toaster"]
