"""Time solvers side by side in three regimes: warm, in random order, and paced as a control loop runs them.

    timings = measure({"ours": step_ours, "theirs": step_theirs}, ticks=2000)
    print(table(timings, reference="ours"))

warm:  back to back, each alone; caches never cool, so this flatters everyone.
rand:  every tick all of them in a new random order; each finds the caches as some other one left them.
paced: alone, asleep for ``PAUSE_S`` between ticks, as in a live loop. This is the figure to quote.

A callable gets the tick 0, 1, 2, ... and does one step; at 0 it must start afresh. Blocks of the callables alternate,
so that what else the machine does meets all of them alike.
"""

from __future__ import annotations

import gc
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np

Step = Callable[[int], object]
REGIMES = ("warm", "rand", "paced")
PAUSE_S = 0.002
BLOCK_TICKS = 100
SKIPPED_TICKS = 5
"""First ticks of a block that do not count: the one before was another solver's."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Microseconds of one callable in one regime, over ``ticks`` steps."""

    median_us: float
    p99_us: float
    ticks: int


def measure(
    steps: Mapping[str, Step], ticks: int, regimes: tuple[str, ...] = REGIMES, seed: int = 0
) -> dict[str, dict[str, Timing]]:
    """Timing by regime, then by name. The main thread alone; garbage of the set-up is kept out of the collector."""
    random = np.random.default_rng(seed)
    gc.collect()
    gc.freeze()
    result: dict[str, dict[str, Timing]] = {}
    for regime in regimes:
        taken_us = _random_order(steps, ticks, random) if regime == "rand" else _blocks(steps, ticks, regime, random)
        result[regime] = {
            name: Timing(float(np.median(us)), float(np.percentile(us, 99)), len(us)) for name, us in taken_us.items()
        }
    return result


def _blocks(steps: Mapping[str, Step], ticks: int, regime: str, random: np.random.Generator) -> dict[str, list[float]]:
    pause_s = PAUSE_S if regime == "paced" else 0.0
    taken_us: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    for first in range(0, ticks, BLOCK_TICKS):
        for name in random.permutation(names):
            step = steps[name]
            for k in range(first, min(first + BLOCK_TICKS, ticks)):
                if pause_s:
                    time.sleep(pause_s)
                start = time.perf_counter_ns()
                step(k)
                spent = time.perf_counter_ns() - start
                if k - first >= SKIPPED_TICKS:
                    taken_us[name].append(spent / 1e3)
    return taken_us


def _random_order(steps: Mapping[str, Step], ticks: int, random: np.random.Generator) -> dict[str, list[float]]:
    taken_us: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    for k in range(ticks):
        for name in random.permutation(names):
            step = steps[name]
            start = time.perf_counter_ns()
            step(k)
            spent = time.perf_counter_ns() - start
            if k >= SKIPPED_TICKS:
                taken_us[name].append(spent / 1e3)
    return taken_us


def table(timings: Mapping[str, Mapping[str, Timing]], reference: str) -> str:
    """Text table: median, p99, and how many times the median of ``reference``, in every regime."""
    header = f"{'solver':28s}" + "".join(f"{regime + ' median us':>18s}{'p99':>8s}{'ratio':>8s}" for regime in timings)
    lines = [header]
    for name in next(iter(timings.values())):
        line = f"{name:28s}"
        for by_name in timings.values():
            timing = by_name[name]
            ratio = timing.median_us / by_name[reference].median_us
            line += f"{timing.median_us:18.1f}{timing.p99_us:8.0f}{ratio:7.1f}x"
        lines.append(line)
    return "\n".join(lines)


def as_json(timings: Mapping[str, Mapping[str, Timing]]) -> dict[str, object]:
    """Plain numbers for ``json.dump``."""
    return {regime: {name: asdict(timing) for name, timing in by_name.items()} for regime, by_name in timings.items()}


def machine() -> dict[str, object]:
    """What the figures were taken on, and how busy it was."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load_1_5_15_min": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "numpy": np.__version__,
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS", "not set"),
    }


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        return platform.processor()
    return names[0] if names else platform.processor()
