"""Simulated people from clumsy to expert take over from the shipped policy at random moments and finish its task.

    .venv/bin/python benchmarks/operator_skills.py --episodes 20

For every task and named skill: how many episodes they finish, and in what time. The control is the expert.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.stats import binomtest

from rove_teleop.handover.states import Signal
from rove_teleop.operators.chain import OperatorChain
from rove_teleop.policy.local import load_policy, shipped_checkpoint
from rove_teleop.robots.description import load_robot
from rove_teleop.sim.operator import SimulatedOperator
from rove_teleop.sim.skills import SKILLS
from rove_teleop.sim.supervisor import SimulatedSupervisor, SupervisorHabits, View
from rove_teleop.sim.tasks import TASK_NAMES
from rove_teleop.sim.world import World
from rove_teleop.virtual_time.evaluation import planner
from rove_teleop.virtual_time.rollout import Result, live_loop, person, run_episode


class EarlyHelp(SimulatedSupervisor):
    """Pauses at a random moment of the first seconds, whatever the policy does."""

    def begin(self) -> None:
        super().begin()
        self._pause_s = float(self._rng.uniform(0.3, 2.0))

    def look(self, now_s: float, view: View) -> Signal | None:
        if view.state == "autonomous" and not view.success and now_s >= self._pause_s:
            return Signal.PAUSE
        return super().look(now_s, view)


def corrected(world: World, plan, name: str, seed: int) -> tuple[Result, float]:
    """One episode, and the seconds from the takeover to the end of adapting."""
    operator = SimulatedOperator(world.robot, world.task.name, world.feature_names, SKILLS[name], seed)
    adapting_s = 0.0

    def watch(tick: object, task: object) -> None:
        nonlocal adapting_s
        adapting_s += world.robot.dt_s * (operator.true_state == "adapting")

    supervisor = EarlyHelp(SupervisorHabits(time_limit_s=45.0), seed=seed)
    asks = person(operator, OperatorChain(world.robot, "anchored"))
    return run_episode(world, live_loop(world.robot), seed, plan, asks, supervisor, on_tick=watch), adapting_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=20)
    options = parser.parse_args()
    robot = load_robot("iron_r01")
    print("| task | operator | finished | 95 % | adapting, median s | from takeover to success, median s | failures |")
    print("|---|---|---|---|---|---|---|")
    for task in TASK_NAMES:
        world = World(robot, task)
        plan = planner(load_policy(shipped_checkpoint(task), robot, 0), world)
        for name in SKILLS:
            runs = [corrected(world, plan, name, 3_000_000 + seed) for seed in range(options.episodes)]
            runs = [(result, adapts_s) for result, adapts_s in runs if result.taken_over]
            good = [result.human_s for result, _ in runs if result.outcome is Signal.SUCCESS]
            low, high = binomtest(len(good), len(runs)).proportion_ci(0.95, method="wilson")
            bad = [result.failure or "out of time" for result, _ in runs if result.outcome is not Signal.SUCCESS]
            print(
                f"| {task} | {name} | {len(good)}/{len(runs)} | {100 * low:.0f}-{100 * high:.0f} % "
                f"| {np.median([adapts_s for _, adapts_s in runs]):.1f} "
                f"| {np.median(good) if good else float('nan'):.1f} | {'; '.join(sorted(set(bad)))} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
