"""How punctual control is in a whole session: robot, policy, operator, camera, recorder and console on the same cores.

    .venv/bin/python benchmarks/handover/jitter.py --episodes 2 --rounds 3 [--json]

Runs `rove demo` and reads the wake-up errors of the control loop from its report: with a real-time priority where the
system allows one, and without (needs setpriv of util-linux, and root to give the right away), in turns. Figures are the
medians of the rounds, the maximum is the worst of all. Other programs on the machine count: "others" is the share of
the cores that was busy in the second before a session began.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROVE = Path(sys.executable).parent / "rove"
TARGET_US = {"SCHED_FIFO": 1000.0, "no priority": 4000.0}
WITHOUT = ("setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice")


def session(prefix: tuple[str, ...], episodes: int, seed: int) -> dict[str, Any]:
    """The report of one session, and whether control got its priority."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = Path(folder) / "data"
        command = [*prefix, str(ROVE), "demo", "--episodes", str(episodes), "--seed", str(seed)]
        command += ["--console-port", "0", "--dataset", str(dataset), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr[-2000:])
        report: dict[str, Any] = json.loads(done.stdout)
        words = "\n".join(path.read_text() for path in dataset.glob("logs/*/control.log"))
        return {**report, "real_time": "no real-time priority" not in words}


def busy_share(seconds: float = 1.0) -> float:
    """The share of the cores' time that somebody uses now."""

    def times() -> tuple[int, int]:
        fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    total, idle = times()
    time.sleep(seconds)
    total_after, idle_after = times()
    return 1.0 - (idle_after - idle) / max(1, total_after - total)


def machine() -> str:
    autogroup = Path("/proc/sys/kernel/sched_autogroup_enabled")
    grouped = autogroup.exists() and autogroup.read_text().strip() == "1"
    return f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, autogroups {'on' if grouped else 'off'}"


def summary(name: str, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of the rounds, the worst maximum, and the counts of all rounds together."""
    errors = [report["jitter_us"] for report in rounds]
    us = {key: statistics.median(error[key] for error in errors) for key in ("p50", "p99", "p99.9")}
    counts = {key: sum(report[key] for report in rounds) for key in ("missed_ticks", "rows_dropped", "ticks_lost")}
    return {
        "wake_up_error_us": {**us, "max": max(error["max"] for error in errors)},
        "rounds_p99.9_us": [error["p99.9"] for error in errors],
        "target_p99.9_us": TARGET_US[name],
        "others_busy": [round(report["others_busy"], 2) for report in rounds],
        **counts,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    kinds: list[tuple[str, ...]] = [()]
    if shutil.which("setpriv") and os.geteuid() == 0:
        kinds.append(WITHOUT)
    found: dict[str, list[dict[str, Any]]] = {}
    for k in range(options.rounds):
        for prefix in kinds:
            others = busy_share()
            report = session(prefix, options.episodes, options.seed + k)
            name = "SCHED_FIFO" if report["real_time"] else "no priority"
            found.setdefault(name, []).append({**report, "others_busy": others})
    results = {name: summary(name, rounds) for name, rounds in found.items()}
    if options.json:
        json.dump({"machine": machine(), **results}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        show(results)
    return 0 if all(r["wake_up_error_us"]["p99.9"] <= r["target_p99.9_us"] for r in results.values()) else 1


def show(results: dict[str, dict[str, Any]]) -> None:
    table = Table(title=f"Wake-up error of control at 250 Hz, whole session; {machine()}")
    for column in ("", "p50 us", "p99 us", "p99.9 us", "each round", "target", "max us", "missed", "dropped", "others"):
        table.add_column(column, justify="right")
    for name, r in results.items():
        us = r["wake_up_error_us"]
        figures = [f"{us[key]:.0f}" for key in ("p50", "p99", "p99.9")]
        rounds = " ".join(f"{value:.0f}" for value in r["rounds_p99.9_us"])
        counts = [f"{us['max']:.0f}", str(r["missed_ticks"]), str(r["rows_dropped"])]
        others = " ".join(f"{100 * share:.0f} %" for share in r["others_busy"])
        table.add_row(name, *figures, rounds, f"{r['target_p99.9_us']:.0f}", *counts, others)
    Console(width=120).print(table)


if __name__ == "__main__":
    sys.exit(main())
