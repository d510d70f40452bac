"""The simulated robot holds still, repeats itself, refuses nonsense, and says when physics broke."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from rove_teleop.errors import UsageError
from rove_teleop.robots import Kinematics, load_robot
from rove_teleop.sim.tasks import TASK_NAMES, make_task, task_params
from rove_teleop.sim.world import World
from tests.sim.follow import RightArm

ROBOT = load_robot("iron_r01")


@pytest.fixture(scope="module", params=TASK_NAMES)
def world(request: pytest.FixtureRequest) -> World:
    return World(ROBOT, request.param)


def wrist_m(world: World) -> np.ndarray:
    kinematics = Kinematics(ROBOT)
    kinematics.update(world.robot_state(0.0).q_rad)
    return kinematics.frame("right_wrist")[:3, 3]


def test_stands_still_at_the_start_pose(world: World) -> None:
    world.reset(1)
    before_m = wrist_m(world)
    world.advance(2.0)
    assert np.linalg.norm(wrist_m(world) - before_m) < 0.001
    assert world.time_s == pytest.approx(2.0)
    assert world.task_state(2.0).failure is None


def test_goes_home_and_stays_there() -> None:
    world = World(ROBOT, "toaster", seed=1)  # nothing is in the way home, as the board would be
    start_rad = world.start_pose_rad
    for share in np.linspace(0.0, 1.0, 500):
        world.command(start_rad + share * (ROBOT.home_rad - start_rad))
        world.advance(0.004)
    world.advance(1.0)
    before_m = wrist_m(world)
    world.advance(2.0)
    assert np.linalg.norm(wrist_m(world) - before_m) < 0.001
    assert np.max(np.abs(world.robot_state(0.0).q_rad - ROBOT.home_rad)) < 0.01


def test_a_robot_that_is_only_a_hand_is_refused_in_one_sentence() -> None:
    with pytest.raises(UsageError, match="allegro_right has no group right_arm"):
        World(load_robot("allegro_right"), "toaster")


def test_same_seed_same_episode_other_seed_other_episode(world: World) -> None:
    def episode(seed: int) -> np.ndarray:
        world.reset(seed)
        rng = np.random.default_rng(0)
        for _ in range(25):
            world.command(world.start_pose_rad + rng.normal(0.0, 0.02, 50))
            world.advance(0.02)
        return np.concatenate([world.snapshot(), world.task_state(0.0).features])

    first, again, other = episode(5), episode(5), episode(6)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_reset_forgets_the_last_episode(world: World) -> None:
    world.reset(5)
    fresh = world.snapshot()
    world.command(ROBOT.home_rad)
    world.advance(0.5)
    world.reset(5)
    assert np.array_equal(fresh, world.snapshot())


@pytest.mark.parametrize("bad", [np.full(50, np.nan), np.full(50, np.inf), np.zeros(49), np.zeros((1, 50))])
def test_refuses_a_command_that_is_none_and_keeps_the_last(world: World, bad: np.ndarray) -> None:
    world.reset(0)
    before = world.data.ctrl.copy()
    with pytest.raises(ValueError, match="50 finite angles"):
        world.command(bad)
    assert np.array_equal(before, world.data.ctrl)


def test_unstable_physics_is_a_failure_and_never_a_silent_reset(world: World) -> None:
    world.reset(0)
    world.advance(0.1)
    world.data.qvel[:] = 1e12
    world.advance(0.1)
    assert world.task_state(0.1).failure == "unstable"
    assert not world.task_state(0.1).success
    state = world.robot_state(0.1)
    assert np.all(np.isfinite(state.q_rad)) and np.all(np.isfinite(world.snapshot()))
    stopped_s = world.time_s
    world.advance(0.1)
    assert world.time_s == stopped_s
    world.reset(0)
    assert world.task_state(0.0).failure is None


def test_features_have_names_and_are_finite(world: World) -> None:
    world.reset(3)
    state = world.task_state(1.5)
    assert state.stamp_s == 1.5
    assert len(world.feature_names) == len(set(world.feature_names)) == state.features.size
    assert np.all(np.isfinite(state.features))


def test_what_the_policy_sees_is_wrong_by_the_episode_bias_only(world: World) -> None:
    world.reset(3)
    seen = dict(zip(world.feature_names, world.task_state(0.0).features, strict=True))
    errors = [abs(seen[name] - seen[name.removeprefix("true_")]) for name in seen if name.startswith("true_")]
    assert 1e-5 < max(errors) < 0.05
    exact = World(ROBOT, world.task.name, params=task_params(world.task.name, "demonstration"))
    exact.reset(3)
    features = dict(zip(exact.feature_names, exact.task_state(0.0).features, strict=True))
    for name in features:
        if name.startswith("true_"):
            assert features[name] == pytest.approx(features[name.removeprefix("true_")], abs=1e-9)


def test_physics_options_avoid_the_known_traps(world: World) -> None:
    option = world.model.opt
    assert option.jacobian == int(mujoco.mjtJacobian.mjJAC_DENSE)
    assert option.disableflags & int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    world.reset(0)
    world.advance(0.02)
    robot_geoms = [i for i in range(world.model.ngeom) if world.model.geom_contype[i] == 1]
    assert len(robot_geoms) == 22
    assert not np.any(world.model.geom_conaffinity[robot_geoms])  # robot parts never touch each other


def test_reports_name_the_grasp_assist_and_the_stand_in(world: World) -> None:
    assert world.notes["grasp_assist"] == "weld"
    assert "not XPENG" in world.notes["robot"]


def test_unknown_tasks_and_foreign_parameters_are_refused() -> None:
    with pytest.raises(UsageError, match="toaster and whiteboard"):
        World(ROBOT, "dishes")
    with pytest.raises(UsageError, match="not parameters"):
        make_task("toaster", task_params("whiteboard"))


def test_commands_reach_the_joint_of_the_same_name() -> None:
    world = World(ROBOT, "toaster")
    for name in ("neck_yaw", "left_elbow_pitch", "right_little_distal"):
        world.reset(0)
        target_rad = world.start_pose_rad.copy()
        target_rad[ROBOT.index(name)] -= 0.2
        world.command(target_rad)
        world.advance(1.0)
        moved = np.abs(world.robot_state(0.0).q_rad - world.start_pose_rad) > 0.1
        assert [ROBOT.joint_names[i] for i in np.flatnonzero(moved)] == [name]


def test_arm_helper_reaches() -> None:
    world = World(ROBOT, "toaster")
    arm = RightArm(ROBOT, world.start_pose_rad)
    goal = arm.measured(world.start_pose_rad)
    goal[2, 3] -= 0.05
    assert np.linalg.norm(arm.measured(arm.follow(goal, 30))[:3, 3] - goal[:3, 3]) < 1e-4
