"""Failure detectors: calibrate, report."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .arguments import counter, seed, trials

if TYPE_CHECKING:
    from ..episodes.read import Episode
    from ..failure.figures import Rate
    from ..failure.streams import Streams
    from ..failure_calibration.logged import Watched
    from ..failure_calibration.report import Report


def add(subparsers: Any) -> None:
    """The commands of this file and their arguments."""
    failure = subparsers.add_parser(
        "failure",
        help="failure detectors: calibrate alarms for a policy, report what they are worth (docs/failure.md)",
        description="Alarms that keep a promised rate of false alarms, for one version of a policy.",
    ).add_subparsers(required=True, metavar="COMMAND")
    command = failure.add_parser(
        "calibrate", help="thresholds from successful episodes; refused where they are too few"
    )
    _source(command)
    command.add_argument("--alpha", type=alpha, default=0.1, help="false alarms per success (default %(default)s)")
    command.add_argument("--time-varying", action="store_true", help="thresholds along the time since the beginning")
    command.add_argument("--without", default="", metavar="NAMES", help="detectors left out of the combined alarms")
    command.add_argument("--out", type=Path, metavar="FILE.json", help="default: calibration/HASH.json in the dataset")
    command.set_defaults(run=calibrate)
    command = failure.add_parser(
        "report", help="rates with intervals, ranking, lead times, and whether the promise held"
    )
    _source(command)
    command.add_argument(
        "--calibration",
        type=Path,
        metavar="FILE.json",
        help="needed with --task; with DATASET only where sessions named one that lies elsewhere",
    )
    command.set_defaults(run=report)


def _source(command: argparse.ArgumentParser) -> None:
    command.add_argument("dataset", type=Path, nargs="?", help="recorded episodes")
    command.add_argument("--task", help="instead of a dataset: episodes in virtual time")
    command.add_argument("--rollouts", type=trials, default=120, metavar="N", help="how many (default %(default)s)")
    command.add_argument("--policy", metavar="CHECKPOINT|URL", help="default: that of the episodes, or the shipped one")
    command.add_argument("--robot", default="iron_r01")
    command.add_argument("--seed", type=seed, default=0, help="moves the seeds of the episodes in virtual time")
    command.add_argument("--json", action="store_true")


def alpha(text: str) -> float:
    """A rate of false alarms that can be promised."""
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.0 < rate < 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not a rate between 0 and 1")
    return rate


def calibrate(options: argparse.Namespace) -> int:
    """Fit detectors, set thresholds, write them; say what is promised."""
    from ..failure.calibration import check_calibration_path, save_calibration
    from ..failure_calibration.calibrate import calibrate as fit
    from ..failure_calibration.files import calibration_path, policy_hash

    _one_source(options)
    without = _detectors(options.without)
    if options.out is not None:
        check_calibration_path(options.out)
    if options.dataset is not None:
        streams, policy, task = _recorded(options)
    else:
        streams, policy, task = _rolled_out(options, 0)
    result = fit(streams, policy_hash(policy), task, options.alpha, options.time_varying, without=without)
    out = options.out or calibration_path(options.dataset or Path(), policy)
    save_calibration(out, result)
    if options.json:
        levels = {name: rule.level for name, rule in result.thresholds.items()}
        counts = {"episodes": len(streams), "successes_calibrated_on": result.successes}
        print(
            json.dumps({"file": str(out), "alpha": result.alpha, "decides": result.decides, **counts, "levels": levels})
        )
        return 0
    print(
        f"{out}: at most {100 * result.alpha:g} % false alarms promised, from {result.successes} successful episodes "
        f"that no detector was fitted on; '{result.decides}' decides. It holds for this version of the policy only."
    )
    return 0


def report(options: argparse.Namespace) -> int:
    """What each detector is worth on episodes that the calibration has not seen."""
    _one_source(options)
    if options.dataset is not None:
        groups = _logged(options)
        if options.json:
            print(json.dumps([item.to_json() for item in groups]))
        else:
            for item in groups:
                _show_watched(item)
        return 0
    if options.calibration is None:
        raise UsageError("--task needs --calibration FILE.json (rove failure calibrate writes it)")
    from ..failure_calibration.files import load_calibration_of
    from ..failure_calibration.report import report as judge

    calibration = load_calibration_of(options.calibration, _policy_of(options))
    result = judge(_rolled_out(options, 1_000_000)[0], calibration)
    if options.json:
        print(json.dumps(result.to_json()))
        return 0
    _show(result.figures)
    _show_promise(result)
    return 0


def _one_source(options: argparse.Namespace) -> None:
    if (options.dataset is None) == (options.task is None):
        raise UsageError("give a DATASET, or --task NAME --rollouts N for episodes in virtual time")


def _detectors(text: str) -> tuple[str, ...]:
    from ..failure.detectors import SENTENCES

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in SENTENCES]
    if unknown:
        raise UsageError(f"--without: there is no detector {unknown[0]!r} (there are: {', '.join(sorted(SENTENCES))})")
    return names


def _policy_of(options: argparse.Namespace) -> str:
    from ..policy.local import shipped_checkpoint

    return str(options.policy or shipped_checkpoint(options.task))


def _rolled_out(options: argparse.Namespace, first: int) -> tuple[list[Streams], str, str]:
    from ..failure_calibration.rollouts import CALIBRATION_SEED, record_rollouts
    from ..policy.opening import open_policy
    from ..robots.description import load_robot

    robot, policy = load_robot(options.robot), _policy_of(options)
    show = counter("episode")
    done: Callable[[int, int], None] = lambda number, total: show(number, total, "")  # noqa: E731
    seed = CALIBRATION_SEED + first + options.seed
    streams = record_rollouts(robot, options.task, open_policy(policy, robot), options.rollouts, seed, done)
    return streams, policy, options.task


def _judged(options: argparse.Namespace) -> list[tuple[Episode, str]]:
    """The dataset's episodes that judge a policy; says how many others there are."""
    from ..episodes.dataset import Dataset
    from ..failure_calibration.episodes import judged_episodes

    paths = Dataset.open(options.dataset).episodes()
    found = judged_episodes(options.dataset, paths, options.policy)
    if len(found) < len(paths):
        print(
            f"{options.dataset}: {len(found)} of {len(paths)} episodes count; in the others no policy drove, or "
            "another one, it was interrupted (no plans, no robot), there is no outcome, or damage (rove verify)",
            file=sys.stderr,
        )
    return found


def _recorded(options: argparse.Namespace) -> tuple[list[Streams], str, str]:
    from ..failure_calibration.episodes import episode_streams, policy_version
    from ..failure_calibration.files import policy_hash
    from ..models.checkpoint import load_checkpoint
    from ..models.policy_critic import load_policy_critic
    from ..policy.local import shipped_checkpoint

    found = _judged(options)
    policies = {policy_version(episode.attributes) for episode, _ in found}
    tasks = {str(episode.attributes["task"]) for episode, _ in found}
    if len(policies) != 1 or len(tasks) != 1:
        names = [f"{name} ({version})" if version else name for name, version in sorted(policies)]
        raise UsageError(
            f"{options.dataset}: a calibration is for one version of one policy and one task, the episodes are of "
            f"{names or 'none'} at {sorted(tasks) or 'none'}; choose with --policy"
        )
    (policy, version), task = policies.pop(), tasks.pop()
    policy = str(shipped_checkpoint(policy.removeprefix("shipped:"))) if policy.startswith("shipped:") else policy
    if Path(policy).is_file() and version not in ("", policy_hash(policy)):
        raise UsageError(
            f"{options.dataset}: its episodes were driven by the policy with hash {version}, but {policy} has "
            f"{policy_hash(policy)} now"
        )
    checkpoint = load_checkpoint(Path(policy)) if Path(policy).is_file() else None
    critic = None if checkpoint is None else load_policy_critic(Path(policy), checkpoint.header)
    return [episode_streams(episode, outcome, checkpoint, critic) for episode, outcome in found], policy, task


def _logged(options: argparse.Namespace) -> list[Watched]:
    from ..failure_calibration.logged import watched

    result = watched(options.dataset, _judged(options), options.calibration)
    if not result:
        raise UsageError(f"{options.dataset}: no episode with an outcome holds opinions of failure detectors")
    return result


def _show_watched(item: Watched) -> None:
    by = f"calibration {item.calibration}" if item.calibration else "no calibration"
    where = f" ({item.path})" if item.path else ""
    print(f"watched by {by}{where}: {_count(item.episodes)}, {item.failures} of them failed or were taken over")
    _show(item.figures)
    if item.promise is not None:
        _show_promise(item.promise)
    elif item.calibration:
        print("what it promised is not known: its file is not there any more, or elsewhere (--calibration FILE.json)")


def _count(episodes: int) -> str:
    return "1 episode" if episodes == 1 else f"{episodes} episodes"


def _show(rows: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for heading in (
        "detector",
        "AUROC",
        "balanced",
        "true alarms",
        "false alarms",
        "lead",
        "of episode",
        "before person",
    ):
        table.add_column(heading, justify="left" if heading == "detector" else "right")
    for item in rows:
        table.add_row(
            item.detector, _number(item.auroc, ".3f"), _number(item.balanced_accuracy, ".3f"),
            _rate(item.true_alarms), _rate(item.false_alarms), _number(item.lead_s, ".1f", " s"),
            _number(100 * item.lead_share, ".0f", " %"), _number(item.trigger_lead_s, ".1f", " s"),
        )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _number(value: float, digits: str, unit: str = "") -> str:
    return f"{value:{digits}}{unit}" if math.isfinite(value) else "-"


def _rate(rate: Rate) -> str:
    if not rate.total:
        return "none"
    return f"{rate.count}/{rate.total} ({100 * rate.low:.0f}-{100 * rate.high:.0f} %)"


def _show_promise(result: Report) -> None:
    low, high = result.allowed
    decisive = next(item for item in result.figures if item.detector == result.decides)
    verdict = "kept" if result.kept else "NOT kept"
    print(
        f"promised: at most {100 * result.alpha:g} % false alarms of '{result.decides}', that is {low} to {high} of "
        f"{decisive.false_alarms.total} in 19 of 20 cases; observed {decisive.false_alarms.count}: {verdict}"
    )
