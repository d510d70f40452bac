"""Both tasks can be done, and fail the way they should: bread jams and drops, a board is pressed too hard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rove_teleop.errors import UsageError
from rove_teleop.geometry import exp_so3
from rove_teleop.robots import load_robot
from rove_teleop.sim.experts import make_expert
from rove_teleop.sim.hand_motion import HandMotion
from rove_teleop.sim.tasks import TASK_NAMES, TaskParams, ToasterParams, WhiteboardParams, task_params
from rove_teleop.sim.tasks.ink import COLUMNS, ROWS, Ink, draw_strokes
from rove_teleop.sim.world import World
from tests.sim.follow import RightArm, continue_episode, run_episode

pytestmark = pytest.mark.integration  # long: it runs after the unit tests

ROBOT = load_robot("iron_r01")


def lower_wrist(world: World, goal: np.ndarray, metres: float, direction: np.ndarray, seconds: float) -> None:
    """Push the wrist along ``direction`` from the pose ``goal``."""
    arm = RightArm(ROBOT, world.start_pose_rad)
    for share in np.linspace(0.0, 1.0, int(seconds / 0.02)):
        pushed = goal.copy()
        pushed[:3, 3] += share * metres * direction
        world.command(arm.follow(pushed))
        world.advance(0.02)


@pytest.mark.parametrize("task", TASK_NAMES)
@pytest.mark.parametrize("spread", ["demonstration", "deployment"])
def test_expert_does_the_task(task: str, spread: str) -> None:
    world = World(ROBOT, task, params=task_params(task, spread))
    expert = make_expert(task, world.feature_names)
    for seed in (100, 101):
        run_episode(world, expert, seed)
        state = world.task_state(world.time_s)
        assert state.success, f"seed {seed}: {state.failure}, progress {state.progress:.2f}, {expert.phase}"
        assert state.progress > 0.95


@pytest.mark.parametrize("task", TASK_NAMES)
def test_slower_expert_takes_longer(task: str) -> None:
    world = World(ROBOT, task, params=task_params(task, "demonstration"))
    seconds = []
    for speed in (0.6, 1.5):
        run_episode(world, make_expert(task, world.feature_names, speed), 7)
        assert world.task_state(0.0).success
        seconds.append(world.time_s)
    assert seconds[0] > seconds[1]


@pytest.mark.parametrize("task", TASK_NAMES)
def test_standing_still_is_no_success(task: str) -> None:
    world = World(ROBOT, task)
    world.advance(3.0)
    state = world.task_state(3.0)
    assert not state.success and state.failure is None and state.progress < 0.4


def test_bread_pushed_onto_the_lid_drops() -> None:
    params = ToasterParams(position_spread_m=0.0, yaw_spread_rad=0.0, hold_force_limit_n=30.0)
    world = World(ROBOT, "toaster", params=params)
    start = RightArm(ROBOT, world.start_pose_rad).measured(world.start_pose_rad)
    start[1, 3] += 0.03  # beside the slot, over the lid
    lower_wrist(world, start, 0.16, np.array([0.0, 0.0, -1.0]), 3.0)
    state = world.task_state(0.0)
    assert state.failure == "dropped the bread" and not state.success
    world.reset(0)
    assert world.task_state(0.0).failure is None


def test_a_wider_limit_holds_the_bread() -> None:
    params = ToasterParams(position_spread_m=0.0, yaw_spread_rad=0.0, hold_force_limit_n=1000.0)
    world = World(ROBOT, "toaster", params=params)
    start = RightArm(ROBOT, world.start_pose_rad).measured(world.start_pose_rad)
    start[1, 3] += 0.03
    lower_wrist(world, start, 0.13, np.array([0.0, 0.0, -1.0]), 3.0)
    state = world.task_state(0.0)
    seen = dict(zip(world.feature_names, state.features, strict=True))
    assert state.failure is None
    assert seen["force_z_n"] > 10.0  # the lid pushes up
    assert seen["true_bread_in_slot_z_m"] > 0.03  # and the bread stayed above it


@pytest.mark.parametrize(
    ("press_m", "failure", "erased"),
    [(0.050, None, False), (0.065, None, True), (0.16, "pressed too hard", True), (0.08, "pressed too hard", True)],
)
def test_board_wants_neither_too_soft_nor_too_hard(press_m: float, failure: str | None, erased: bool) -> None:
    params = WhiteboardParams(
        position_spread_m=0.0,
        yaw_spread_rad=0.0,
        tilt_spread_rad=0.0,
        in_hand_spread_m=0.0,
        in_hand_spread_rad=0.0,
        coverage=(1.0, 1.0),
        force_limit_n=40.0,
    )
    world = World(ROBOT, "whiteboard", params=params)
    board_normal = -world.task.T_base_wrist_start[:3, 2]  # out of the palm
    start = world.task.T_base_wrist_start.copy()
    lower_wrist(world, start, press_m, board_normal, 1.5)
    start[:3, 3] += press_m * board_normal
    lower_wrist(world, start, 0.04, np.array([0.0, 1.0, 0.0]), 1.0)
    state = world.task_state(0.0)
    assert (state.progress > 0.02) == erased
    assert (state.failure is None) if failure is None else (failure in str(state.failure))


def test_strokes_cover_what_was_asked() -> None:
    for seed in range(20):
        ink = draw_strokes(np.random.default_rng(seed), 0.25)
        assert ink.shape == (ROWS * COLUMNS,) and set(np.unique(ink)) <= {0.0, 1.0}
        assert 0.25 <= np.mean(ink) < 0.27


def test_ink_only_gets_less_and_the_target_is_always_inked() -> None:
    rng, ink = np.random.default_rng(0), Ink()
    ink.reset(draw_strokes(rng, 0.2))
    left = ink.remaining
    while ink.remaining > 0.0:
        target_m = ink.target_m(rng.uniform(-0.1, 0.1, 2))
        cell = int(np.argmin(np.linalg.norm(ink.centres_m - target_m, axis=1)))
        assert ink.amount[cell] > 0.0
        ink.erase(np.arange(ROWS * COLUMNS) == cell, 0.4)
        assert ink.remaining < left
        left = ink.remaining
    assert np.sum(ink.coarse()) == 0.0


def test_expert_refuses_what_it_does_not_know() -> None:
    with pytest.raises(UsageError, match="dishes"):
        make_expert("dishes", ())
    with pytest.raises(UsageError, match="speed"):
        make_expert("toaster", (), float("nan"))
    with pytest.raises(UsageError, match="spread"):
        task_params("toaster", "wild")


def test_spreads_widen_from_demonstration_to_deployment() -> None:
    for task in TASK_NAMES:
        narrow, wide = task_params(task, "demonstration"), task_params(task)
        assert narrow.position_spread_m < wide.position_spread_m
        assert narrow.bias_position_m == 0.0 < wide.bias_position_m
    assert replace(ToasterParams(), slot_width_m=0.0165).slot_width_m == 0.0165


@pytest.mark.parametrize("task", TASK_NAMES)
def test_expert_takes_over_from_anywhere_near(task: str) -> None:
    """The hand-over meets the object beside, below or turned away from where a demonstration would have it."""
    world = World(ROBOT, task)
    done = 0
    for seed in range(4):
        world.reset(seed)
        rng, arm = np.random.default_rng(seed), RightArm(ROBOT, world.start_pose_rad)
        away = arm.measured(world.start_pose_rad)
        away[:3, 3] += rng.uniform([-0.06, -0.08, -0.02], [0.02, 0.08, 0.06])
        away[:3, :3] = exp_so3(rng.uniform(-0.3, 0.3, 3)) @ away[:3, :3]
        hand = HandMotion(arm.measured(world.start_pose_rad))
        for _ in range(100):
            world.command(arm.follow(hand.step(away, 0.15, 0.016)))
            world.advance(0.016)
        assert world.task_state(0.0).failure is None
        expert = make_expert(task, world.feature_names)
        continue_episode(world, expert, arm)
        done += world.task_state(0.0).success
    assert done == 4


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: ToasterParams(position_spread_m=float("nan")), "position_spread_m"),
        (lambda: ToasterParams(hold_force_limit_n=-1.0), "hold_force_limit_n"),
        (lambda: ToasterParams(slot_width_m=0.013), "slot_width_m"),
        (lambda: WhiteboardParams(coverage=(0.5, 0.2)), "coverage"),
        (lambda: WhiteboardParams(force_limit_n=5.0), "force_limit_n"),
        (lambda: WhiteboardParams(tilt_limit_rad=0.0), "tilt_limit_rad"),
    ],
)
def test_refuses_parameters_that_make_no_scene(make: Callable[[], TaskParams], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        make()
