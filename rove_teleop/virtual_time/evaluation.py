"""How good a policy is alone: counted successes over fresh episodes in virtual time, with an interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from scipy.stats import binomtest

from ..errors import PolicyUnavailable, UsageError
from ..failure.streams import Listener
from ..handover.states import Signal
from ..policy.protocol import Observation, Plan, Policy, within_validity
from ..robots.description import RobotDescription
from ..sim.tasks import TaskParams
from ..sim.world import World
from ..types import Array, TaskState
from .rollout import Planner, Result, Timing, live_loop, run_episode

FIRST_SEED = 1_000_000
"""Evaluation seeds lie above those of demonstrations, so that no episode is measured that was trained on."""


@dataclass(frozen=True)
class Evaluation:
    """Counts over episodes, one `Result` per seed in ``results``; ``notes`` is what a report must say of the world."""

    task: str
    first_seed: int
    results: tuple[Result, ...]
    notes: dict[str, str]

    @property
    def episodes(self) -> int:
        return len(self.results)

    @property
    def successes(self) -> int:
        return sum(result.outcome is Signal.SUCCESS for result in self.results)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the success rate."""
        bounds = binomtest(self.successes, self.episodes).proportion_ci(0.95, method="wilson")
        return float(bounds.low), float(bounds.high)

    @property
    def failures(self) -> dict[str, int]:
        """How often each failure ended an episode."""
        reasons = [item.failure or "out of time" for item in self.results if item.outcome is not Signal.SUCCESS]
        return dict(Counter(reasons).most_common())

    def sentence(self) -> str:
        """One line for a person."""
        low, high = self.interval
        return (
            f"{self.task}: {self.successes} of {self.episodes} episodes succeed "
            f"({100 * self.successes / self.episodes:.0f} %, 95 % interval {100 * low:.0f} to {100 * high:.0f} %)"
        )


def evaluate(
    robot: RobotDescription,
    task: str,
    policy: Policy,
    episodes: int = 200,
    first_seed: int = FIRST_SEED,
    params: TaskParams | None = None,
    progress: Callable[[int, int, int], None] | None = None,
) -> Evaluation:
    """Let ``policy`` do ``task`` alone, once per seed from ``first_seed`` on, through the control loop of a session.

    ``params`` default to the deployment spread. ``progress`` gets episodes so far, how many, and successes so far.
    The same arguments give the same counts.

    Raises:
        UsageError: the policy looks at cameras, of which virtual time has none.
        PolicyUnavailable: it went away or does not answer: what it would have done is unknown, and no failure of it.
    """
    if policy.cameras:
        raise UsageError(f"the policy looks at cameras {list(policy.cameras)}, but an evaluation has no pictures")
    world = World(robot, task, params=params)
    results: list[Result] = []
    successes = 0
    for seed in range(first_seed, first_seed + episodes):
        results.append(attempt(world, policy, seed))
        if policy.problem is not None:
            raise PolicyUnavailable("no plan", f"episode {len(results)} of the evaluation: {policy.problem}")
        successes += results[-1].outcome is Signal.SUCCESS
        if progress is not None:
            progress(len(results), episodes, successes)
    refused = {"plans refused": str(dict(policy.refused))} if policy.refused else {}
    return Evaluation(task, first_seed, tuple(results), {**world.notes, **refused})


def attempt(world: World, policy: Policy, seed: int, monitor: Listener | None = None) -> Result:
    """One episode of ``policy`` alone, the same for a seed whatever ``world`` and ``policy`` did before."""
    policy.reset(seed)
    timing = replace(Timing(), replan_s=policy.execute_s, limit_s=world.task.params.time_limit_s)
    plan = planner(policy, world, timing.inference_s)
    return run_episode(world, live_loop(world.robot), seed, plan, timing=timing, monitor=monitor)


def planner(policy: Policy, world: World, delay_s: float = Timing.inference_s) -> Planner:
    """``policy`` as the function that an episode asks for plans, which arrive ``delay_s`` after they are asked for."""
    names, instruction = world.feature_names, world.task.instruction

    def plan(measured_rad: Array, commanded_rad: Array, task: TaskState) -> Plan | None:
        seen = Observation(task.stamp_s, measured_rad, commanded_rad, names, task.features, {}, instruction, delay_s)
        answer = policy.act(seen)
        return None if answer is None else within_validity(answer)

    return plan
