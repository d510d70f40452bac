"""What failure detectors are worth: both simulated tasks, shipped policies, held-out episodes, in virtual time.

    python benchmarks/failure/detectors.py --streams DIR [--fit 160] [--calibrate 160] [--judge 200] [--alpha 0.1]

Rollouts are recorded once per task into DIR, over three ranges of seeds, and used again. Which detectors are combined,
and how, was chosen by cross-validation on ``fit`` alone. The failures and half of the successes of ``fit`` and
``calibrate`` teach the detectors, the other successes set the thresholds, and all figures are of the held-out episodes.
No detector hears how an episode ended. The calibrations, which are those that ship beside the policies, are written to
DIR/calibration.
`stalled` and `retries` hear the progress that the task reports, so everything is also shown without them; and how
episodes rank while they are as old as the median success, where the mere length of an episode says nothing yet.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from rove_teleop.failure.calibration import Calibration, save_calibration
from rove_teleop.failure.detectors import NEEDS_PROGRESS
from rove_teleop.failure.figures import figures
from rove_teleop.failure.replay import Track
from rove_teleop.failure.streams import Streams
from rove_teleop.failure.streams_file import load_streams, save_streams
from rove_teleop.failure_calibration.calibrate import fit, set_thresholds
from rove_teleop.failure_calibration.files import calibration_path, policy_hash
from rove_teleop.failure_calibration.report import judge, replayed, report
from rove_teleop.failure_calibration.rollouts import CALIBRATION_SEED, record_rollouts
from rove_teleop.policy.local import load_policy, shipped_checkpoint
from rove_teleop.robots.description import load_robot
from rove_teleop.types import ActionChunk

FIRST_SEEDS = {"fit": CALIBRATION_SEED, "calibrate": CALIBRATION_SEED + 500_000, "held_out": 2 * CALIBRATION_SEED}


def streams_of(folder: Path, task: str, part: str, count: int) -> list[Streams]:
    path = folder / f"{task}_{part}.npz"
    if not path.is_file():
        robot = load_robot("iron_r01")
        policy = load_policy(shipped_checkpoint(task), robot)
        folder.mkdir(parents=True, exist_ok=True)
        save_streams(path, record_rollouts(robot, task, policy, count, FIRST_SEEDS[part]))
    found = load_streams(path)
    if len(found) < count:
        raise SystemExit(f"{path} holds {len(found)} episodes, {count} are wanted: remove it to record them anew")
    return found[:count]


def cost(calibration: Calibration, episodes: list[Streams]) -> tuple[float, float]:
    """Medians on one core: milliseconds per control tick (command and progress), and per chunk (with the look)."""
    monitor = calibration.monitor()
    tick_ms, chunk_ms = [], []
    for item in episodes:
        monitor.begin(0.0)
        chunks = list(zip(item.chunk_s, item.offset_s, item.q_rad, item.embedding, strict=True))
        for row, (now_s, q_rad) in enumerate(zip(item.commanded_s, item.commanded_rad, strict=True)):
            start = time.perf_counter_ns()
            for tick in range(5):
                monitor.commanded(now_s + 0.004 * tick, q_rad)
            monitor.progress(now_s, 0.01 * row)
            tick_ms.append((time.perf_counter_ns() - start) * 1e-6 / 5)
            if chunks and chunks[0][0] <= now_s:
                _, offset_s, plan_rad, embedding = chunks.pop(0)
                start = time.perf_counter_ns()
                monitor.embedding(now_s, embedding)
                monitor.chunk(now_s, ActionChunk(now_s, offset_s, item.joint_index, plan_rad))
                monitor.advice(now_s)
                chunk_ms.append((time.perf_counter_ns() - start) * 1e-6)
    return float(np.mean(tick_ms)), statistics.median(chunk_ms)


def show(title: str, held: list[Streams], tracks: list[Track], calibration: Calibration) -> None:
    result = report(held, calibration, tracks)
    low, high = result.allowed
    print(f"\n{title}: {result.episodes} held out, {result.failures} failures; alpha {calibration.alpha:g} from "
          f"{calibration.successes} successes; decides: {calibration.decides}; promise "
          f"{'kept' if result.kept else 'NOT kept'} ({low} to {high} allowed)")  # fmt: skip
    typical_s = statistics.median(item.duration_s for item in held if item.success)
    print(f"{'':17}{'AUROC':>7}{'at ' + format(typical_s, '.1f') + ' s':>10}{'balanced':>10}{'true':>22}{'false':>22}"
          f"{'lead':>8}{'share':>7}")  # fmt: skip
    for item in result.figures:
        early = figures(item.detector, judge(held, tracks, item.detector, calibration, typical_s)).auroc
        rates = [f"{r.count}/{r.total} ({100 * r.low:.0f}-{100 * r.high:.0f} %)" for r in
                 (item.true_alarms, item.false_alarms)]  # fmt: skip
        print(f"{item.detector:17}{item.auroc:7.3f}{early:10.3f}{item.balanced_accuracy:10.3f}{rates[0]:>22}{rates[1]:>22}"
              f"{item.lead_s:7.1f}s{100 * item.lead_share:6.0f}%")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=Path, required=True)
    parser.add_argument("--fit", type=int, default=160)
    parser.add_argument("--calibrate", type=int, default=160)
    parser.add_argument("--judge", type=int, default=200)
    parser.add_argument("--alpha", type=float, default=0.1)
    parser.add_argument("--tasks", default="toaster,whiteboard")
    options = parser.parse_args()
    for task in options.tasks.split(","):
        episodes = streams_of(options.streams, task, "fit", options.fit)
        episodes += streams_of(options.streams, task, "calibrate", options.calibrate)
        held = streams_of(options.streams, task, "held_out", options.judge)
        fitted, policy = fit(episodes), str(shipped_checkpoint(task))
        tracks: list[Track] = []
        for title, settings in (
            (task, {}),
            (f"{task}, without the task's progress", {"without": NEEDS_PROGRESS}),
            (f"{task}, thresholds along the time", {"time_varying": True}),
        ):
            calibration = set_thresholds(fitted, policy_hash(policy), task, options.alpha, **settings)
            tracks = tracks or replayed(held, calibration)
            show(title, held, tracks, calibration)
            blind = sum(len(track.stamp_s) < 2 for track in tracks)
            print(f"{blind} of them ended before anybody could look twice, and count as they are")
            if not settings:
                save_calibration(calibration_path(options.streams, policy), calibration)
                tick_ms, chunk_ms = cost(calibration, held[:20])
                print(f"cost on one core: {tick_ms:.4f} ms per control tick, {chunk_ms:.2f} ms per chunk")


if __name__ == "__main__":
    main()
