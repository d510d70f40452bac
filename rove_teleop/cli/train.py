"""Training on recorded datasets: train."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .arguments import counter, seed

if TYPE_CHECKING:
    from ..rounds.training_data import TrainingData
    from ..rounds.training_run import TrainedRun

METHODS = ("sft", "filtered-bc", "hg-dagger", "recap", "rove")
PRESETS = ("paper", "seed")
STAGES = {"critic": "critic", "held_out_critics": "held-out critics", "actor": "actor"}


def add(subparsers: Any) -> None:
    """The command of this file and its arguments."""
    train = subparsers.add_parser(
        "train",
        help="recorded datasets to a better policy: critic, labels, actor, report",
        description="Train a policy on recorded datasets into the folder RUN (docs/training_runs.md says what is in "
        "it). Episodes that cannot be learnt from are left out and listed; that alone is no failure. The same command "
        "again goes on where a killed run was.",
    )
    train.add_argument("method", choices=METHODS)
    train.add_argument("datasets", nargs="+", type=Path, metavar="DATASET")
    train.add_argument("--out", type=Path, required=True, metavar="RUN", help="its name is also that of the labels")
    train.add_argument("--preset", choices=PRESETS, default="paper", help="which numbers (default %(default)s)")
    train.add_argument("--initial", type=Path, metavar="CHECKPOINT", help="train this policy further")
    train.add_argument(
        "--human", action="append", default=[], type=Path, metavar="DATASET",
        help="episodes of people without a robot, for the critic; may be given again",
    )  # fmt: skip
    train.add_argument(
        "--cameras", default="", metavar="NAMES",
        help="look through these (commas between) instead of reading the task's features; not with --initial",
    )  # fmt: skip
    train.add_argument("--image-size", type=image_size, default=(96, 128), metavar="HxW", help="default 96x128")
    train.add_argument("--seed", type=seed, default=0)
    train.add_argument("--steps", type=steps, metavar="N", help="of the critic and of the actor, for a quick look")
    train.add_argument("--json", action="store_true")
    train.set_defaults(run=run_train)


def steps(text: str) -> int:
    """Gradient steps, 10 to ten million."""
    if not (text.isdecimal() and 10 <= int(text) <= 10_000_000):
        raise argparse.ArgumentTypeError(f"{text} is not a number of steps, 10 to 10000000")
    return int(text)


def image_size(text: str) -> tuple[int, int]:
    """Height and width in pixels, each 16 to 1024."""
    parts = text.split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 16 <= int(part) <= 1024 for part in parts):
        raise argparse.ArgumentTypeError(f"{text} is not HEIGHTxWIDTH, each 16 to 1024")
    return int(parts[0]), int(parts[1])


def run_train(options: argparse.Namespace) -> int:
    """Read, train, report; exit code 0 also where episodes were left out."""
    from ..models.checkpoint import load_checkpoint
    from ..rounds.training_data import Wanted, read_training_data, wanted_of
    from ..rounds.training_run import constants_of, train_method, with_steps
    from ..training.devices import training_place
    from ..training.presets import preset

    initial = None if options.initial is None else load_checkpoint(options.initial)
    chosen = preset(options.preset) if options.steps is None else with_steps(preset(options.preset), options.steps)
    constants = constants_of(chosen) if initial is None else constants_of(chosen, initial.header.step_s)
    eyes = {name.strip(): options.image_size for name in options.cameras.split(",") if name.strip()}
    if initial is not None and eyes:
        raise UsageError("--cameras: the policy that is trained further has its own eyes, or none")
    wanted = Wanted(eyes=eyes) if initial is None else wanted_of(initial)
    data = read_training_data(options.datasets, wanted, constants, options.human, counter("episodes"))
    run = train_method(
        data,
        options.method,
        options.out,
        chosen,
        options.seed,
        options.initial,
        _progress(),
        options.out.resolve().name,
    )
    if training_place().is_first:
        print(json.dumps(run_json(run)) if options.json else "\n".join(run_lines(run, data)))
    return 0


def run_json(run: TrainedRun) -> dict[str, Any]:
    """A run for scripts."""
    return {"out": str(run.out), "policy": str(run.policy), "metrics": run.metrics}


def run_lines(run: TrainedRun, data: TrainingData) -> list[str]:
    """A run in a few lines; the report has the rest."""
    from ..rounds.findings import findings

    metrics = run.metrics
    lines = [f"{len(data.episodes)} episodes were used, {len(data.skipped)} left out"]
    lines += [f"  {count}: {why}" for why, count in metrics["data"]["skipped_by_reason"].items()]
    if "labels" in metrics:
        labels = metrics["labels"]
        lines.append(f"{100 * labels['share']:.0f} % of {labels['steps']} steps are positive, held out")
    if metrics.get("critic", {}).get("ranking"):
        ranked = metrics["critic"]["ranking"]
        low, high = ranked["interval"]
        lines.append(f"held-out value at mid-episode: AUC {ranked['auc']:.2f} ({low:.2f} to {high:.2f})")
    lines += [f"check: {item}" for item in (*findings(metrics), *run.notes)]
    return [*lines, f"policy: {run.policy}", f"report: {run.out / 'report.md'}"]


def _progress() -> Any:
    shown = {stage: counter(name) for stage, name in STAGES.items()}

    def report(stage: str, done: int, total: int, remark: str) -> None:
        shown[stage](done, total, remark)

    return report
