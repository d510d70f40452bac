"""The tables of the paper, in simulation: every cell once, several side by side, then Markdown and pictures.

    .venv/bin/python benchmarks/paper/tables.py [--seeds 5] [--base 40 60] [--tasks toaster whiteboard] [--processes 2]
        [--sections main ablations controls skills] [--rounds 3] [--evaluation 200] [--episodes 80] [--form in_hand]
        [--runs .cache/paper] [--out docs/results] [--report]

The seeds of a task are the first whose base succeeds in 40 to 60 % of the episodes, or not surely less or more often
(``--base 0 100``: any). What is done is skipped, what was interrupted goes on; ``--report`` only writes what is there.
Each process computes one cell at a time with a single worker.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from cells import METHODS, Cell, Plan, Seeds, cells, compute, is_done, seeds_of
from reports import write_reports
from variants import register

from rove_teleop.errors import RoveError

SECTIONS = ("main", "ablations", "controls", "skills")
_PASSED_ON = ("runs", "rounds", "after", "episodes", "evaluation", "form", "demonstrations", "steps")


def main() -> int:
    arguments = _arguments()
    plan = Plan(**{name: getattr(arguments, name) for name in _PASSED_ON})
    register(plan.steps)
    if arguments.cell is not None:
        compute(plan, Cell(*_parts(arguments.cell)))
        return 0
    lost = [] if arguments.report else _bases(plan, arguments)
    seeds = _seeds(plan, arguments)
    if not arguments.report and not lost:
        wanted = cells({task: found.chosen for task, found in seeds.items()}, arguments.sections)
        lost = _all(plan, wanted, arguments.processes)
    write_reports(plan, seeds, arguments.seeds, tuple(arguments.base), arguments.sections, arguments.out)
    for key in lost:
        log = plan.runs / "logs" / (key.replace("/", "--") + ".txt")
        print(
            f"{key}: " + (f"failed, see {log}" if log.exists() else "not begun: what it needs failed"), file=sys.stderr
        )
    return 1 if lost else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many, of each task")
    parser.add_argument("--base", type=float, nargs=2, default=(40.0, 60.0), help="success of a seed's base [%%]")
    parser.add_argument("--tasks", nargs="+", default=["toaster", "whiteboard"])
    parser.add_argument("--sections", nargs="+", default=list(SECTIONS), choices=SECTIONS)
    parser.add_argument("--rounds", type=int, default=3, help="of the main table")
    parser.add_argument("--after", type=int, default=1, help="the round that ablations and controls train again")
    parser.add_argument("--episodes", type=int, default=80)
    parser.add_argument("--evaluation", type=int, default=200)
    parser.add_argument("--demonstrations", type=int, default=0, help="of the base (0: as the task's recipe says)")
    parser.add_argument("--steps", type=int, default=0, help="of each training, for a quick look (0: the preset's)")
    parser.add_argument("--form", default="in_hand")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--runs", type=Path, default=Path(".cache/paper"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--report", action="store_true", help="compute nothing, write what is there")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    return parser.parse_args()


def _parts(key: str) -> tuple[str, str, int, str]:
    where, section, name = key.split("/", 2)
    task, seed = where.rsplit("-", 1)
    return section, task, int(seed), name


def _seeds(plan: Plan, arguments: argparse.Namespace) -> dict[str, Seeds]:
    return {task: seeds_of(plan, task, arguments.seeds, tuple(arguments.base)) for task in arguments.tasks}


def _bases(plan: Plan, arguments: argparse.Namespace) -> list[str]:
    """Make bases until every task has its seeds; the keys of those that failed."""
    lost: list[str] = []
    while not lost:
        following = {task: found.following for task, found in _seeds(plan, arguments).items()}
        wanted = [Cell("base", task, seed, METHODS[0]) for task, seed in following.items() if seed is not None]
        if not wanted:
            break
        lost = _all(plan, wanted, arguments.processes)
    return lost


def _all(plan: Plan, wanted: list[Cell], processes: int) -> list[str]:
    """Compute every cell that is not there, ``processes`` side by side; the keys of those that failed."""
    waiting = [cell for cell in wanted if not is_done(plan, cell)]
    done = {cell.key for cell in wanted if is_done(plan, cell)}
    running: dict[str, tuple[subprocess.Popen[bytes], float]] = {}
    lost: list[str] = []
    while waiting or running:
        ready = [cell for cell in waiting if cell.needs() is None or cell.needs() in done]
        for cell in ready[: max(processes - len(running), 0)]:
            waiting.remove(cell)
            running[cell.key] = _start(plan, cell), time.monotonic()
        if not running:
            return lost + [cell.key for cell in waiting]
        for key, (process, begun_s) in list(running.items()):
            if process.poll() is None:
                continue
            del running[key]
            (lost.append if process.returncode else done.add)(key)
            state = "failed" if process.returncode else "done"
            print(f"{key}: {state}, {time.monotonic() - begun_s:.0f} s, {len(waiting)} to go", file=sys.stderr)
        time.sleep(0.2)
    return lost


def _start(plan: Plan, cell: Cell) -> subprocess.Popen[bytes]:
    """One process for one cell; what it says is kept beside the runs."""
    log = plan.runs / "logs" / (cell.key.replace("/", "--") + ".txt")
    log.parent.mkdir(parents=True, exist_ok=True)
    passed = [text for name in _PASSED_ON for text in (f"--{name}", str(getattr(plan, name)))]
    command = [sys.executable, __file__, "--cell", cell.key, *passed]
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env={**os.environ, **single})


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RoveError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
