"""Ten million random ticks through the path from targets to commands: every limit, every tick, or exit code 1.

Joints with very different limits; streams with NaN, infinities, jumps, holds, and drivers that change at random.
Use: python benchmarks/soak.py [--ticks 10000000] [--seed 0]
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from rich.progress import track

from rove_teleop.command_filter.limits import Limits
from rove_teleop.control.motion_path import MotionPath

CHUNK = 20_000
DT_S = 0.004
WILD = np.array([np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 100.0])


def random_limits(rng: np.random.Generator, joints: int) -> Limits:
    low = -rng.uniform(0.05, 3.0, joints)
    v = 10 ** rng.uniform(-1, 1.2, joints)
    a = v * 10 ** rng.uniform(0.3, 2, joints)
    return Limits(low, low + rng.uniform(0.1, 6.0, joints), v, a, a * 10 ** rng.uniform(0.5, 3, joints), DT_S)


def random_streams(rng: np.random.Generator, limits: Limits):
    """Targets of both drivers (ticks, n) as steps, ramps and noise far beyond the limits, and who drives when."""
    n = limits.joint_count
    span = limits.q_max_rad - limits.q_min_rad
    streams = []
    for _ in range(2):
        hold = int(rng.choice([1, 3, 14, 60, 400]))
        steps = limits.q_min_rad + span * rng.uniform(-0.5, 1.5, (CHUNK // hold + 1, n))
        wave = np.repeat(steps, hold, axis=0)[:CHUNK]
        wave[rng.random((CHUNK, n)) < 0.003] = rng.choice(WILD)
        streams.append(wave)
    change = int(rng.choice([2, 20, 200, 2000]))
    wanted = np.repeat(rng.integers(0, 3, (CHUNK // change + 1, n)), change, axis=0)[:CHUNK]
    return wanted, *streams, np.repeat(rng.random(CHUNK // 50 + 1) < 0.05, 50)[:CHUNK]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=10_000_000)
    parser.add_argument("--joints", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    worst = dict.fromkeys(("position", "velocity", "acceleration", "jerk"), 0.0)
    for _ in track(range(max(options.ticks // CHUNK, 1)), description="soaking"):
        limits = random_limits(rng, options.joints)
        path = MotionPath(limits, {"all": np.arange(options.joints)})
        start = rng.uniform(limits.q_min_rad, limits.q_max_rad)
        path.filter.start(start)
        path.begin(start)
        log = np.vstack([np.tile(start, (3, 1)), path.run(*random_streams(rng, limits)).q_sent_rad])
        if not np.all(np.isfinite(log)):
            print("a command is not finite")
            return 1
        centre, half = (limits.q_min_rad + limits.q_max_rad) / 2, (limits.q_max_rad - limits.q_min_rad) / 2
        checks = {"position": (log - centre, half)}
        for n, (name, limit) in enumerate(zip(("velocity", "acceleration", "jerk"), limits.dynamic, strict=True), 1):
            checks[name] = np.diff(log, n=n, axis=0) / DT_S**n, limit
        for n, (name, (value, limit)) in enumerate(checks.items()):
            # What float64 differences of the commands themselves cost.
            rounding = 2.0**n * np.finfo(float).eps * np.abs(log).max() / DT_S**n
            worst[name] = max(worst[name], float(np.max((np.abs(value) - rounding) / limit)))
    print(f"{options.ticks} ticks of {options.joints} joints, largest share of each limit:")
    for name, ratio in worst.items():
        print(f"  {name:<13} {ratio:.12f}")
    return 0 if max(worst.values()) <= 1.0 + 1e-9 else 1


if __name__ == "__main__":
    sys.exit(main())
