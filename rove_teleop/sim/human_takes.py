"""People who do a task with their own hand, or try to: successes, near misses, and those who give up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..types import Array, TaskState
from .experts import make_expert
from .human_hand import HumanWorld

PERIOD_S = 0.02
SIZES = (0.85, 1.2)
MISS_M = {"toaster": (0.005, 0.014), "whiteboard": (0.05, 0.10)}
"""How far beside the goal somebody works who does not see it well."""
GIVES_UP_S = {"toaster": (0.6, 2.0), "whiteboard": (2.0, 6.0)}
KEEPS_TRYING_S = (4.0, 10.0)
"""When somebody gives up who works beside the goal."""
LEAVES_S = 1.0
TREMOR_M = 0.0005


@dataclass(frozen=True, slots=True)
class HumanTake:
    """What a camera and a tracker would have of one attempt: rows (n,) ``PERIOD_S`` apart.

    ``T_base_wrist`` (n, 4, 4), task ``features`` (n, k), ``size`` of the hand, why it failed.
    """

    stamp_s: Array
    T_base_wrist: Array
    features: Array
    feature_names: tuple[str, ...]
    size: float
    success: bool
    failure: str


def human_take(task: str, seed: int, means_to_fail: bool) -> HumanTake:
    """One attempt of one person. Who means to fail works beside the goal or gives up, and succeeds only by accident."""
    rng = np.random.default_rng([seed, 1])
    world = HumanWorld(task, float(rng.uniform(*SIZES)))
    world.reset(seed)
    person = _Person(task, world, rng, means_to_fail)
    state, rows = world.task_state(0.0), []
    while not person.leaves_at(state):
        rows.append((state.stamp_s, world.T_base_hand, state.features))
        world.move(person.wrist(state, world.T_base_hand))
        world.advance(PERIOD_S)
        state = world.task_state(state.stamp_s + PERIOD_S)
    rows.append((state.stamp_s, world.T_base_hand, state.features))
    stamp_s, T_base_wrist, features = (np.array(column) for column in zip(*rows, strict=True))
    why = "" if state.success else state.failure or ("gave up" if person.gives_up_s < np.inf else "out of time")
    return HumanTake(stamp_s, T_base_wrist, features, world.feature_names, world.size, state.success, why)


class _Person:
    """The scripted expert in somebody's hand, with what that person gets wrong."""

    def __init__(self, task: str, world: HumanWorld, rng: np.random.Generator, means_to_fail: bool) -> None:
        self._expert = make_expert(task, world.feature_names, float(rng.uniform(0.7, 1.3)))
        self._expert.start(world.T_base_hand)
        self._rest = world.T_base_hand.copy()
        self._rng = rng
        self._limit_s = world.task.params.time_limit_s
        self._goal = [world.feature_names.index(f"{self._expert.in_goal}_{axis}_m") for axis in "xy"]
        self._miss_m = np.zeros(2)
        self.gives_up_s = np.inf
        if means_to_fail and rng.uniform() < 0.5:
            self.gives_up_s = float(rng.uniform(*GIVES_UP_S[task]))
        elif means_to_fail:
            self.gives_up_s = float(rng.uniform(*KEEPS_TRYING_S))
            angle = rng.uniform(0.0, 2.0 * np.pi)
            self._miss_m = rng.uniform(*MISS_M[task]) * np.array([np.cos(angle), np.sin(angle)])

    def leaves_at(self, state: TaskState) -> bool:
        """Whether the attempt is over."""
        over = state.success or state.failure is not None or state.stamp_s >= self._limit_s
        return over or state.stamp_s >= self.gives_up_s + LEAVES_S

    def wrist(self, state: TaskState, T_base_hand: Array) -> Array:
        """Where this person wants the wrist to be (4, 4)."""
        features = state.features.copy()
        features[self._goal] += self._miss_m
        T_base_goal = self._expert.step(replace(state, features=features), T_base_hand, PERIOD_S).copy()
        if state.stamp_s > self.gives_up_s:
            share = min(1.0, (state.stamp_s - self.gives_up_s) / LEAVES_S)
            T_base_goal[:3, 3] += share * (self._rest[:3, 3] - T_base_goal[:3, 3])
        T_base_goal[:3, 3] += self._rng.normal(0.0, TREMOR_M, 3)
        return T_base_goal
