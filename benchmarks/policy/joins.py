"""How chunks of a policy are joined: peak jerk of what is sent at joins beside inside chunks, success, lag, latency.

    .venv/bin/python benchmarks/policy/joins.py --episodes 100 [--json] [--tasks toaster] [--joins fade rtc] [--ms 12]

Every way to join drives the same paired seeds of the shipped policies through the loop of a session in virtual time, at
several latencies of inference. A join is the arrival of a chunk while another one is followed. Peak jerk is that of the
*sent* commands, each joint over its own limit, the largest joint: within 0.1 s of a join (a quarter of the time between
joins where that is less), and in a window of the same length midway to the next join. The means over all windows are
compared, and the 95th percentiles. Jerk is the third difference of what was sent: behind low-pass and filter, as the
robot gets it. ``p`` is McNemar's of the outcomes beside the first way. ``polygon`` is what this package did before,
``ensemble`` is ACT's.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

from rove_teleop.control.tick import Tick
from rove_teleop.control_loop import ControlLoop
from rove_teleop.handover.states import Signal
from rove_teleop.models.checkpoint import Checkpoint, load_checkpoint
from rove_teleop.policy.chunk import ChunkSchedule
from rove_teleop.policy.local import LocalPolicy, shipped_checkpoint
from rove_teleop.policy.pace import asking_period_s
from rove_teleop.robots.description import RobotDescription, load_robot
from rove_teleop.sim.tasks import TASK_NAMES
from rove_teleop.sim.world import World
from rove_teleop.types import ActionChunk, Array, Authority, TaskState
from rove_teleop.virtual_time.comparison import mcnemar_p
from rove_teleop.virtual_time.evaluation import FIRST_SEED, planner
from rove_teleop.virtual_time.rollout import Timing, live_loop, run_episode

NEAR_S = 0.1
WHOLE_S = 10.0


class Remembering(ChunkSchedule):
    """Keeps the chunks that it took."""

    def __init__(self, joint_count: int) -> None:
        super().__init__(joint_count)
        self.taken: list[ActionChunk] = []

    def offer(self, chunk: ActionChunk) -> str | None:
        reason = super().offer(chunk)
        if reason is None:
            self.taken = [*self.taken[-15:], chunk]
        return reason


class Polygon(Remembering):
    """The plain way: straight lines between rows, and a linear fade of 80 ms."""

    def at(self, now_s: float) -> tuple[NDArray[np.int64], Array] | None:
        if super().at(now_s) is None:
            return None
        first, *others = self.taken[-3:]
        said = _straight(first, now_s)
        for chunk in others:
            weight = min(max((now_s - chunk.received_s) / 0.08, 0.0), 1.0)
            said = (1.0 - weight) * said + weight * _straight(chunk, now_s)
        return self.taken[-1].joint_index, said


class Ensemble(Remembering):
    """ACT's temporal ensembling: the mean of all chunks that cover a moment, weights exp(-0.01 k), oldest first."""

    def at(self, now_s: float) -> tuple[NDArray[np.int64], Array] | None:
        if super().at(now_s) is None:
            return None
        live = [chunk for chunk in self.taken if now_s <= chunk.received_s + chunk.offset_s[-1]]
        weight = np.exp(-0.01 * np.arange(len(live)))
        said = np.array([_straight(chunk, now_s) for chunk in live])
        return live[-1].joint_index, weight @ said / weight.sum()


def _straight(chunk: ActionChunk, now_s: float) -> Array:
    stamp_s = chunk.received_s + chunk.offset_s
    return np.array([np.interp(now_s, stamp_s, column) for column in chunk.q_rad.T])


@dataclass(frozen=True)
class Join:
    """Who makes targets of chunks, and whether the policy goes on from the plan before."""

    schedule: Callable[[int], ChunkSchedule]
    continues: bool = False


def _faded(blend_s: float) -> Callable[[int], ChunkSchedule]:
    return lambda joint_count: ChunkSchedule(joint_count, blend_s)


JOINS = {
    "polygon": Join(Polygon),
    "ensemble": Join(Ensemble),
    "fade 0.2": Join(_faded(0.2)),
    "fade": Join(_faded(0.3)),
    "overlap": Join(_faded(WHOLE_S)),
    "rtc 0.2": Join(_faded(0.2), continues=True),
    "rtc": Join(_faded(0.3), continues=True),
    "rtc overlap": Join(_faded(WHOLE_S), continues=True),
}


@dataclass
class Watch:
    """What one episode sent while the policy drove, and the ticks at which a chunk replaced another one."""

    sent_rad: list[Array] = field(default_factory=list)
    driven: list[bool] = field(default_factory=list)
    joins: list[int] = field(default_factory=list)
    age_s: float = np.inf

    def __call__(self, tick: Tick, task: TaskState) -> None:
        if tick.policy_age_s < self.age_s < np.inf:
            self.joins.append(len(self.sent_rad))
        self.age_s = tick.policy_age_s
        nothing = np.full(len(tick.q_measured_rad), np.nan)
        self.sent_rad.append(nothing if tick.q_sent_rad is None else tick.q_sent_rad)
        self.driven.append(tick.authority is Authority.POLICY)

    def peaks(self, robot: RobotDescription, near_s: float) -> tuple[list[float], list[float]]:
        """Peak jerk over the limit, near each join and in a window midway to the next, only where the policy drove."""
        jerk = np.diff(np.array(self.sent_rad), 3, axis=0) / robot.dt_s**3 / robot.j_max_rad_s3
        peak = np.max(np.abs(jerk), axis=1)
        peak[~np.array(self.driven)[3:]] = np.nan
        near = round(near_s / robot.dt_s)
        at_join, inside = [], []
        for first, following in zip(self.joins, self.joins[1:], strict=False):
            # Row k of the jerk is that of tick k + 3.
            at_join.append(_peak(peak, first - 3 - near, first - 3 + near))
            middle = (first + following) // 2 - 3
            inside.append(_peak(peak, middle - near, middle + near))
        return [x for x in at_join if np.isfinite(x)], [x for x in inside if np.isfinite(x)]


def _peak(values: Array, begin: int, end: int) -> float:
    window = values[max(begin, 0) : end]
    return float(np.max(window)) if len(window) and np.all(np.isfinite(window)) else float("nan")


@dataclass
class Count:
    """What one way to join did with one task and latency."""

    at_join: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    success: list[bool] = field(default_factory=list)
    duration_s: list[float] = field(default_factory=list)
    joins: int = 0

    def figures(self) -> dict[str, float]:
        n = len(self.success)
        low, high = binomtest(sum(self.success), n).proportion_ci(0.95, method="wilson")
        took_s = [duration_s for duration_s, ok in zip(self.duration_s, self.success, strict=True) if ok]
        return {
            "episodes": n,
            "joins": self.joins,
            "jerk_at_joins": float(np.mean(self.at_join)),
            "jerk_inside": float(np.mean(self.inside)),
            "ratio": float(np.mean(self.at_join) / np.mean(self.inside)),
            "ratio_p95": float(np.percentile(self.at_join, 95) / np.percentile(self.inside, 95)),
            "successes": sum(self.success),
            "success_low": float(low),
            "success_high": float(high),
            "median_success_s": float(np.median(took_s)) if took_s else float("nan"),
        }


def measure(robot: RobotDescription, checkpoint: Checkpoint, join: Join, delay_s: float, seeds: range) -> Count:
    """Every seed once."""
    world = World(robot, checkpoint.header.task)
    policy = LocalPolicy(checkpoint, robot, continues=join.continues)
    timing = Timing(replan_s=policy.execute_s, inference_s=delay_s, limit_s=world.task.params.time_limit_s)
    plan, count = planner(policy, world, delay_s), Count()
    near_s = min(NEAR_S, max(asking_period_s(timing.replan_s, delay_s), delay_s) / 4.0)
    for seed in seeds:
        policy.reset(seed)
        loop, watch = joined_loop(robot, join), Watch()
        result = run_episode(world, loop, seed, plan, timing=timing, on_tick=watch)
        at_join, inside = watch.peaks(robot, near_s)
        count.at_join += at_join
        count.inside += inside
        count.success.append(result.outcome is Signal.SUCCESS)
        count.duration_s.append(result.duration_s)
        count.joins += len(watch.joins)
    return count


def joined_loop(robot: RobotDescription, join: Join) -> ControlLoop:
    loop = live_loop(robot)
    loop.inputs.schedule = join.schedule(robot.joint_count)
    return loop


def mcnemar(one: list[bool], other: list[bool]) -> float:
    """Exact two-sided p of the paired outcomes."""
    only_one = sum(a and not b for a, b in zip(one, other, strict=True))
    only_other = sum(b and not a for a, b in zip(one, other, strict=True))
    return mcnemar_p(only_one, only_other)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--tasks", nargs="+", default=list(TASK_NAMES), choices=TASK_NAMES)
    parser.add_argument("--joins", nargs="+", default=list(JOINS), choices=JOINS)
    parser.add_argument("--ms", nargs="+", type=float, default=[12.0, 100.0, 200.0], help="latencies of inference")
    parser.add_argument("--seed", type=int, default=0, help="moves the range of seeds")
    parser.add_argument("--robot", default="iron_r01")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    robot, rows = load_robot(options.robot), []
    first = FIRST_SEED + options.seed
    for task in options.tasks:
        checkpoint = load_checkpoint(shipped_checkpoint(task))
        for delay_ms in options.ms:
            plain: list[bool] = []
            for name in options.joins:
                count = measure(robot, checkpoint, JOINS[name], 1e-3 * delay_ms, range(first, first + options.episodes))
                plain = plain or count.success
                told = {"outcomes": "".join("s" if ok else "f" for ok in count.success)}
                told["p_success"] = f"{mcnemar(plain, count.success):.3g}"
                rows.append({"task": task, "latency_ms": delay_ms, "join": name, **count.figures(), **told})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps({"rows": rows}).replace("NaN", "null"))
        return 0
    table = Table("task", "latency", "join", "jerk at joins", "inside", "ratio", "p95", "succeed", "p", "median time")
    for row in rows:
        low, high = 100 * row["success_low"], 100 * row["success_high"]
        table.add_row(
            row["task"], f"{row['latency_ms']:g} ms", row["join"], f"{row['jerk_at_joins']:.3f}",
            f"{row['jerk_inside']:.3f}", f"{row['ratio']:.2f}", f"{row['ratio_p95']:.2f}",
            f"{row['successes']}/{row['episodes']} ({low:.0f}-{high:.0f} %)", row["p_success"],
            f"{row['median_success_s']:.1f} s",
        )  # fmt: skip
    Console(width=140).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
