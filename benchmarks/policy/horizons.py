"""How far a base policy should predict and how much of it is used: success, and how smoothly its chunks join.

    .venv/bin/python benchmarks/policy/horizons.py --tasks toaster --horizons 16/8 50/16 [--ms 12] [--keep DIR] [--json]

``50/16`` is a policy that predicts 50 rows and uses 16, at the steps of the recipe; ``50/16@20`` at steps of 20 ms,
``50/16@20x512`` with hidden layers of 512 instead of 256. Each is trained by the recipe of the base policies, from the
same demonstrations and with the same number of steps, and drives the same paired seeds as `rove evaluate`. Jerk as in
joins.py, with the default way to join: where it is 1, the limit, inside chunks too, a ratio of 1 says nothing. ``p`` is
McNemar's of the outcomes beside the first horizon: of these weights, not of other training seeds (``--seed``).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

from joins import JOINS, Count, mcnemar, measure
from rich.console import Console
from rich.table import Table

from rove_teleop.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from rove_teleop.robots.description import RobotDescription, load_robot
from rove_teleop.sim.tasks import TASK_NAMES, task_params
from rove_teleop.training.behaviour_cloning import CloningSettings, train
from rove_teleop.virtual_time.base_policy import recipe_of
from rove_teleop.virtual_time.demonstrations import demonstrate
from rove_teleop.virtual_time.evaluation import FIRST_SEED

DEFAULT_JOIN = "rtc"


def settings_of(horizon: str, settings: CloningSettings) -> CloningSettings:
    """``settings`` with a horizon: ROWS/USED, ROWS/USED@MILLISECONDS, each with xHIDDEN or without."""
    found = re.fullmatch(r"(\d+)/(\d+)(?:@(\d+))?(?:x(\d+))?", horizon)
    if found is None:
        raise ValueError(horizon)
    predicted, used = int(found[1]), int(found[2])
    if not 0 < used <= predicted:
        raise ValueError(horizon)
    step_s = 1e-3 * int(found[3]) if found[3] else settings.step_s
    hidden = int(found[4]) if found[4] else settings.hidden
    return replace(settings, horizon=predicted, execute=used, step_s=step_s, hidden=hidden)


def horizon(text: str) -> str:
    settings_of(text, CloningSettings())
    return text


def trained(
    robot: RobotDescription, task: str, horizons: list[str], seed: int, folder: Path | None
) -> dict[str, Checkpoint]:
    """A policy per horizon, all from the same demonstrations; those in ``folder`` are taken from there."""
    recipe, found = recipe_of(task), {}
    trajectories = None
    for name in horizons:
        settings = settings_of(name, recipe.settings)
        path = None if folder is None else folder / f"{task}-{name.replace('/', '-')}-{seed}.safetensors"
        if path is not None and path.exists():
            found[name] = load_checkpoint(path)
            continue
        if trajectories is None:
            params = task_params(task, "demonstration")
            trajectories = demonstrate(robot, task, recipe.demonstrations, seed, params)
        seen = tuple(item for item in trajectories[0].feature_names if not item.startswith(recipe.unseen))
        found[name] = train(trajectories, task, robot, seed, settings, seen)
        if path is not None:
            save_checkpoint(path, found[name])
    return found


def told(task: str, name: str, delay_ms: float, count: Count, first: Count) -> dict[str, object]:
    return {
        "task": task,
        "horizon": name,
        "latency_ms": delay_ms,
        **count.figures(),
        "outcomes": "".join("s" if ok else "f" for ok in count.success),
        "p_success": mcnemar(first.success, count.success),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASK_NAMES), choices=TASK_NAMES)
    parser.add_argument("--horizons", nargs="+", type=horizon, default=["16/8", "50/16", "50/16@20"])
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--ms", nargs="+", type=float, default=[12.0], help="latencies of inference")
    parser.add_argument("--seed", type=int, default=0, help="of demonstrations and training")
    parser.add_argument("--keep", type=Path, help="folder for the trained policies: made once, measured often")
    parser.add_argument("--robot", default="iron_r01")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    robot, rows = load_robot(options.robot), []
    seeds = range(FIRST_SEED, FIRST_SEED + options.episodes)
    for task in options.tasks:
        policies = trained(robot, task, options.horizons, options.seed, options.keep)
        for delay_ms in options.ms:
            first: Count | None = None
            for name, checkpoint in policies.items():
                count = measure(robot, checkpoint, JOINS[DEFAULT_JOIN], 1e-3 * delay_ms, seeds)
                first = first or count
                rows.append(told(task, name, delay_ms, count, first))
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    show(rows, options.json)
    return 0


def show(rows: list[dict[str, object]], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"rows": rows}).replace("NaN", "null"))
        return
    table = Table(
        "task", "horizon", "latency", "succeed", "p", "median time", "jerk at joins", "inside", "ratio", "p95"
    )
    for row in rows:
        table.add_row(
            f"{row['task']}", f"{row['horizon']}", f"{row['latency_ms']:g} ms",
            f"{row['successes']}/{row['episodes']} ({row['success_low']:.2f}-{row['success_high']:.2f})",
            f"{row['p_success']:.3g}", f"{row['median_success_s']:.1f} s", f"{row['jerk_at_joins']:.3f}",
            f"{row['jerk_inside']:.3f}", f"{row['ratio']:.2f}", f"{row['ratio_p95']:.2f}",
        )  # fmt: skip
    Console(width=140).print(table)


if __name__ == "__main__":
    sys.exit(main())
