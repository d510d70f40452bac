"""How punctual control is in a whole session: robot, policy, operator, camera, recorder and console on the same cores.

    .venv/bin/python benchmarks/handover/jitter.py --episodes 2 [--json]

Runs `rove demo` twice and reads the wake-up errors of the control loop from its report: once with a real-time priority
where the system allows one, once without (needs setpriv of util-linux, and root to give the right away).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    runs: dict[str, tuple[str, ...]] = {"SCHED_FIFO": ()}
    if shutil.which("setpriv") and os.geteuid() == 0:
        runs["no priority"] = WITHOUT
    results: dict[str, dict[str, Any]] = {}
    for name, prefix in runs.items():
        report = session(prefix, options.episodes, options.seed)
        name = name if report["real_time"] else "no priority"
        results[name] = {
            "wake_up_error_us": report["jitter_us"],
            "missed_ticks": report["missed_ticks"],
            "rows_dropped": report["rows_dropped"],
            "ticks_lost": report["ticks_lost"],
            "target_p99.9_us": TARGET_US[name],
            "load_average": os.getloadavg()[0],
        }
    if options.json:
        json.dump(results, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        show(results)
    return 0 if all(r["wake_up_error_us"]["p99.9"] <= r["target_p99.9_us"] for r in results.values()) else 1


def show(results: dict[str, dict[str, Any]]) -> None:
    table = Table(title=f"Wake-up error of control at 250 Hz, {os.cpu_count()} cores")
    for column in ("", "p50 us", "p99 us", "p99.9 us", "target", "max us", "missed", "rows dropped", "load"):
        table.add_column(column, justify="right")
    for name, r in results.items():
        us = r["wake_up_error_us"]
        figures = [f"{us[key]:.0f}" for key in ("p50", "p99", "p99.9")]
        rest = [f"{us['max']:.0f}", str(r["missed_ticks"]), str(r["rows_dropped"]), f"{r['load_average']:.1f}"]
        table.add_row(name, *figures, f"{r['target_p99.9_us']:.0f}", *rest)
    Console(width=120).print(table)


if __name__ == "__main__":
    sys.exit(main())
