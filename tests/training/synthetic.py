"""Small episodes whose best action is known: one joint goes to a goal that the scene shows."""

import dataclasses

import numpy as np

from rove_teleop.robots.description import load_robot
from rove_teleop.training.actor import ActorHeader
from rove_teleop.training.steps import EpisodeSteps

ROBOT = load_robot("iron_r01")
JOINTS = tuple(ROBOT.joint_names[index] for index in ROBOT.groups["right_arm"][:2])
HORIZON = 8
ABOUT = ActorHeader("reach", ROBOT, JOINTS, ("goal",), step_s=0.05, horizon=HORIZON, execute=4)


def reach(goal, steps=40, kind="demonstration", success=True, noise=0.0, source=None, seed=0, **changes):
    """The first joint closes 10 % of what is left to ``goal`` per step, the second stays; ``noise`` spoils it."""
    rng = np.random.default_rng([seed, int(1000 * abs(goal))])
    target = goal * (1.0 - 0.9 ** np.arange(1, steps + HORIZON + 1)) + noise * rng.normal(size=steps + HORIZON)
    measured = np.concatenate([[0.0], target])[:steps]
    joints = np.zeros((steps, 4), np.float32)
    joints[:, 0] = measured
    delta = np.zeros((steps, HORIZON, 2), np.float32)
    ahead = np.arange(steps)[:, None] + np.arange(HORIZON)
    delta[:, :, 0] = target[ahead] - measured[:, None]
    reward = np.full(steps, -1.0, np.float32)
    reward[-1] = 0.0 if success else -500.0
    driver = 0 if kind == "rollout" else 2
    values = {
        "name": f"{kind}-{goal:.3f}-{seed}",
        "kind": kind,
        "success": success,
        "instruction": "reach",
        "scene": np.full((steps, 1), goal, np.float32),
        "joints": joints,
        "source": np.full(steps, driver, np.uint8) if source is None else np.asarray(source, np.uint8),
        "reward": reward,
        "done": np.arange(steps) == steps - 1,
        "t_r": np.zeros(steps, bool),
        "cut_before": np.zeros(steps, bool),
        "delta_rad": delta,
        "imitable": np.full(steps, kind != "human"),
    }
    return EpisodeSteps(**(values | changes))


def first_step(episode):
    """An episode of its first step alone: from where one cannot see yet where it goes."""
    parts = {name: getattr(episode, name)[:1] for name in ("scene", "joints", "source", "reward", "t_r", "cut_before")}
    more = {"delta_rad": episode.delta_rad[:1], "imitable": episode.imitable[:1], "done": np.array([True])}
    return dataclasses.replace(episode, **parts, **more)
