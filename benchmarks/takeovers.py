"""200 takeovers at random moments of simulated episodes: what they ask of the robot, against its limits.

    .venv/bin/python benchmarks/takeovers.py --task toaster --takeovers 200

The shipped policy drives; at a random tick the supervisor pauses, the simulated operator takes over through gate,
retargeting, handover and filter, and a moment later the episode is ended. The control is the direct switch: the step
that the same takeover would have commanded without blend and filter.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from rove_teleop.control_loop import ControlLoop, Tick
from rove_teleop.handover.states import Signal
from rove_teleop.operators.chain import OperatorChain
from rove_teleop.policy.local import load_policy, shipped_checkpoint
from rove_teleop.robots.description import RobotDescription, load_robot
from rove_teleop.sim.operator import SimulatedOperator
from rove_teleop.sim.supervisor import SimulatedSupervisor, View
from rove_teleop.sim.world import World
from rove_teleop.virtual_time.evaluation import planner
from rove_teleop.virtual_time.rollout import person, run_episode


class RandomMoment(SimulatedSupervisor):
    """Presses pause at a random moment, whatever the robot does, and ends the episode two seconds after the switch."""

    def begin(self) -> None:
        super().begin()
        self._pause_s = float(self._rng.uniform(0.2, 2.5))
        self._wait_s = float(self._rng.uniform(0.05, 0.8))
        self._since: dict[str, float] = {}

    def look(self, now_s: float, view: View) -> Signal | None:
        since_s = now_s - self._since.setdefault(view.state, now_s)
        if view.state == "autonomous" and now_s >= self._pause_s:
            return Signal.PAUSE
        if view.state in ("paused", "hold") and since_s >= self._wait_s:
            return Signal.TAKE_OVER
        if view.state == "adaptation" and since_s >= 2.0:
            return Signal.DISCARD
        return Signal.DISCARD if now_s > 10.0 else None


def one_takeover(world: World, robot: RobotDescription, seed: int, plan) -> tuple[list[dict], np.ndarray]:
    """Scorecards of the episode and everything that was sent (t, n)."""
    loop, cards, sent = ControlLoop(robot), [], []

    def remember(tick: Tick, task: object) -> None:
        cards.extend(json.loads(event.detail) for event in tick.events if event.kind == "handover")
        if tick.q_sent_rad is not None:
            sent.append(tick.q_sent_rad)

    operator = SimulatedOperator(robot, world.task.name, world.feature_names, seed=seed)
    chain = OperatorChain(robot, "anchored")
    run_episode(world, loop, seed, plan, person(operator, chain), RandomMoment(seed=seed), on_tick=remember)
    return cards, np.array(sent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="toaster")
    parser.add_argument("--takeovers", type=int, default=200)
    options = parser.parse_args()
    robot = load_robot("iron_r01")
    world = World(robot, options.task)
    plan = planner(load_policy(shipped_checkpoint(options.task), robot, 0), world)
    cards: list[dict] = []
    ratio = np.zeros(3)
    step_rad = 0.0
    for seed in range(options.takeovers):
        found, sent = one_takeover(world, robot, seed, plan)
        cards += found
        limits = (robot.v_max_rad_s, robot.a_max_rad_s2, robot.j_max_rad_s3)
        worst = [np.max(np.abs(np.diff(sent, k, axis=0)) / robot.dt_s**k / limits[k - 1]) for k in (1, 2, 3)]
        ratio = np.maximum(ratio, worst)
        step_rad = max(step_rad, float(np.max(np.abs(np.diff(sent, axis=0)))))
    print(f"{options.task}: {len(cards)} takeovers in {options.takeovers} episodes; {world.notes}")
    print(
        f"largest change between consecutive commands: {step_rad:.5f} rad (1 tick at v_max: "
        f"{np.max(robot.v_max_rad_s) * robot.dt_s:.5f} rad)"
    )
    for name, value in zip(("velocity", "acceleration", "jerk"), ratio, strict=True):
        print(f"recorded peak {name}: {value:.9f} of the limit")
    for key in ("direct_step_rad", "peak_command_step_rad", "peak_jerk_ratio", "time_to_authority_s", "score"):
        values = np.array([card[key] for card in cards])
        print(f"{key}: median {np.median(values):.4g}, worst {values.min() if key == 'score' else values.max():.4g}")


if __name__ == "__main__":
    main()
