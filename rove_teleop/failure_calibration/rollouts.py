"""What failure detectors hear of episodes in virtual time, kept: detectors can be fitted and judged on it later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..failure.streams import StreamRecorder, Streams
from ..handover.states import Signal
from ..policy.protocol import Policy
from ..robots.description import RobotDescription
from ..sim.world import World
from ..virtual_time.evaluation import planner
from ..virtual_time.rollout import Timing, live_loop, run_episode

CALIBRATION_SEED = 3_000_000
"""Seeds of calibration lie apart from those of demonstrations and of evaluations."""


def record_rollouts(
    robot: RobotDescription,
    task: str,
    policy: Policy,
    episodes: int,
    first_seed: int = CALIBRATION_SEED,
    progress: Callable[[int, int], None] | None = None,
) -> list[Streams]:
    """Let ``policy`` do ``task`` alone, once per seed; what a monitor would have heard, and how each ended."""
    world = World(robot, task)
    timing = replace(Timing(), replan_s=policy.execute_s, limit_s=world.task.params.time_limit_s)
    plan = planner(policy, world)
    recorded: list[Streams] = []
    for seed in range(first_seed, first_seed + episodes):
        policy.reset(seed)
        recorder = StreamRecorder(f"{task} {seed}")
        result = run_episode(world, live_loop(robot), seed, plan, timing=timing, monitor=recorder)
        recorded.append(recorder.finish(result.outcome is Signal.SUCCESS, result.duration_s, result.failure or ""))
        if progress is not None:
            progress(len(recorded), episodes)
    return recorded
