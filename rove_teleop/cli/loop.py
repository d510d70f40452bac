"""Rounds of training and collection: loop."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .arguments import counter, workers
from .train import METHODS, PRESETS


def add(subparsers: Any) -> None:
    """The command of this file and its arguments."""
    loop = subparsers.add_parser(
        "loop",
        help="train, evaluate and collect with interventions in simulation, round after round",
        description="Round 0 clones scripted demonstrations. Every round is evaluated, collects episodes that a "
        "simulated person corrects, and the next one trains on all of them. A run that was stopped or killed goes on "
        "when the same command is given again.",
    )
    loop.add_argument("--task", choices=("toaster", "whiteboard"), default="toaster")
    loop.add_argument("--method", default="rove", help=f"{', '.join(METHODS)} (default %(default)s)")
    loop.add_argument("--rounds", type=int, default=3, help="rounds after the base (default %(default)s)")
    loop.add_argument("--seed", type=int, default=0, help="of everything, 0 to 99 (default %(default)s)")
    loop.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    loop.add_argument("--form", choices=("in_hand", "full"), default="in_hand", help="of the task")
    loop.add_argument(
        "--start",
        choices=("beginning", "varied"),
        default="beginning",
        help="of collected episodes (default %(default)s)",
    )
    loop.add_argument("--episodes", type=int, default=80, help="collected per round (default %(default)s)")
    loop.add_argument("--evaluation", type=int, default=200, help="episodes per policy (default %(default)s)")
    loop.add_argument("--demonstrations", type=int, default=0, help="of the base (default: by task and form)")
    loop.add_argument("--operator-skill", default="average", metavar="NAME", help="who corrects")
    loop.add_argument(
        "--actor",
        choices=("anew", "further"),
        default="anew",
        help="each round's: trained anew on all data, or the one before trained further (default %(default)s)",
    )
    loop.add_argument("--preset", default="paper", help=f"numbers: {', '.join(PRESETS)} (default %(default)s)")
    loop.add_argument("--robot", default="iron_r01")
    loop.add_argument("--base", type=Path, metavar="RUN0", help="share round 0 of another run")
    loop.add_argument("--human", type=Path, metavar="DATASET", help="episodes of people without a robot, for critics")
    loop.add_argument("--workers", type=workers, help="processes (default: one per core)")
    loop.add_argument("--ray", metavar="ADDRESS", help="of a Ray cluster; local starts one here")
    loop.add_argument("--json", action="store_true")
    loop.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the loop and tell what came of it."""
    from ..rounds.loop import run_loop
    from ..rounds.loop_settings import LoopSettings
    from ..rounds.workers import Workers

    names = (
        "task", "method", "rounds", "seed", "form", "start", "episodes", "evaluation", "demonstrations",
        "operator_skill", "preset", "robot", "actor",
    )  # fmt: skip
    settings = LoopSettings(**{name: getattr(options, name) for name in names})
    show = counter(f"{options.task} {options.method}")
    with Workers(options.workers, options.ray) as workers:
        summary = run_loop(
            settings,
            options.out,
            workers,
            options.base,
            options.human,
            lambda stage, done, total, remark: show(done, total, stage, remark),
        )
    print(json.dumps(summary) if options.json else "\n".join(_sentences(summary)))
    return 0


def _sentences(summary: dict[str, Any]) -> list[str]:
    lines = []
    for item in summary["rounds"]:
        success = item["success"]
        low, high = (100 * bound for bound in success["interval"])
        line = f"round {item['round']}: {success['successes']} of {success['episodes']} succeed"
        line += f" ({100 * success['successes'] / success['episodes']:.0f} %, 95 % interval {low:.0f} to {high:.0f} %)"
        if "against_base" in item:
            line += f", against the base p = {item['against_base']['p']:.2g}"
        lines.append(line)
    return lines
