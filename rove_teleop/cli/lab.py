"""Recorded streams through other filters: lab run, lab tune, lab promote."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import seed, trials

if TYPE_CHECKING:
    from rich.console import Console

    from ..filter_lab.promote import Promotion
    from ..filter_lab.tune import Tuned

FIGURES = "lag, jerk, acceleration, error, aligned_error, authority or handover"
KEPT = ("jerk=1", "aligned_error=1", "authority=1")


def run(options: argparse.Namespace) -> int:
    """Score candidates on sessions; write and show what came out."""
    from ..clock import monotonic_s
    from ..filter_lab.candidates import load_candidates
    from ..filter_lab.cases import load_cases
    from ..filter_lab.lab import as_dict, run_lab
    from ..filter_lab.report import progress_bar, save_lab, show_lab
    from ..robots.description import load_robot

    terminal = _terminal(options.json)
    candidates = load_candidates(options.candidates)
    cases = load_cases(options.sessions, load_robot(options.robot))
    cases[0].run(cases[0].live)  # compiled, or loaded compiled, before time is taken
    with progress_bar(terminal) as show:
        began_s = monotonic_s()
        result = run_lab(cases, candidates, show)
        taken_s = monotonic_s() - began_s
    files = save_lab(result, options.out)
    show_lab(result, terminal)
    speed = result.duration_s / max(taken_s, 1e-9)
    terminal.print(
        f"{result.duration_s:.0f} s of motion, runs and scores, in {taken_s:.2f} s: {speed:.0f} times real time",
        highlight=False,
    )
    terminal.print("written: " + ", ".join(str(file) for file in files), highlight=False, soft_wrap=True)
    if options.json:
        sys.stdout.write(json.dumps({**as_dict(result), "times_real_time": round(speed, 1)}) + "\n")
    differs = [verdict for verdict in result.verdicts if not verdict.startswith(("bit for bit", "not compared"))]
    return 1 if differs else 0


def tune(options: argparse.Namespace) -> int:
    """Search for a better path; write ``chosen.yaml`` and show both halves' figures."""
    from ..filter_lab.cases import load_cases
    from ..filter_lab.objective import parse_objective
    from ..filter_lab.promote import to_yaml
    from ..filter_lab.report import make_folder, progress_bar, write_text
    from ..filter_lab.tune import chosen_document
    from ..filter_lab.tune import tune as search
    from ..robots.description import load_robot

    terminal = _terminal(options.json)
    objective = parse_objective(options.minimise, options.keep or KEPT)
    cases = load_cases(options.sessions, load_robot(options.robot))
    make_folder(options.out)
    with progress_bar(terminal) as show:
        tuned = search(
            cases,
            objective,
            options.trials,
            options.seed,
            lambda done, total, cost: show(done, total, f"best {cost:.3f} of live"),
        )
    document = chosen_document(tuned)
    chosen = options.out / "chosen.yaml"
    write_text(chosen, to_yaml(document))
    _show_tuned(tuned, terminal)
    terminal.print(
        f"written: {chosen}; to make it live: rove lab promote {chosen} --robot {options.robot}", highlight=False
    )
    if options.json:
        sys.stdout.write(json.dumps(document) + "\n")
    return 0


def promote(options: argparse.Namespace) -> int:
    """Show what would change, ask, write."""
    from ..control.path_config import FILE_NAME
    from ..filter_lab.promote import prepare, write
    from ..robots.description import load_robot

    terminal = _terminal(False)
    robot = load_robot(options.robot) if options.robot else None
    target = options.to if robot is None else robot.folder / FILE_NAME
    promotion = prepare(options.chosen, target, None if robot is None else robot.name)
    _show_promotion(promotion, terminal)
    if not promotion.changes:
        terminal.print(f"{target} says the same already: nothing to do", highlight=False)
        return 0
    if not options.yes and not _agreed(f"make this live in {target}? [y/N] "):
        terminal.print("nothing was written", highlight=False)
        return 1
    kept = write(promotion)
    before = f"; what was live is kept in {kept.name}" if kept is not None else ""
    terminal.print(
        f"written: {target}{before}; control reads it when a session starts", highlight=False, soft_wrap=True
    )
    return 0


def _show_tuned(tuned: Tuned, terminal: Console) -> None:
    from rich.table import Table

    from ..filter_lab.promote import flat
    from ..filter_lab.report import SCORE_COLUMNS, score_cells

    table = Table()
    table.add_column("")
    for heading in SCORE_COLUMNS:
        table.add_column(heading, justify="right")
    for part, both in tuned.scores.items():
        for name, scores in both.items():
            table.add_row(f"{part.replace('_', ' ')}: {name}", *score_cells(scores))
    terminal.print(table)
    old, new = flat(tuned.live.as_dict()), flat(tuned.path.as_dict())
    _show_changes([(key, old.get(key), new.get(key)) for key in {**old, **new}], terminal)
    if not tuned.better:
        terminal.print(
            "where it was not searched, this path is no better than the live one under these constraints",
            highlight=False,
        )


def _show_promotion(promotion: Promotion, terminal: Console) -> None:
    from ..filter_lab.promote import flat

    _show_changes(list(promotion.changes), terminal)
    figures = flat(promotion.provenance)
    for key, old in figures.items():
        new = figures.get(key.replace(".live.", ".chosen."))
        if ".live." in key and isinstance(old, float) and isinstance(new, float):
            what = key.removeprefix("scores.").replace(".live.", " ")
            terminal.print(f"  {what:<25} {old:.6g} -> {new:.6g}", highlight=False)
    if promotion.provenance.get("better_where_not_searched") is False:
        terminal.print("note: it was no better where it was not searched", highlight=False)


def _show_changes(changes: list[tuple[str, Any, Any]], terminal: Console) -> None:
    for key, old, new in changes:
        if old != new:
            said = " -> ".join("(not set)" if value is None else str(value) for value in (old, new))
            terminal.print(f"  {key}: {said}", highlight=False)


def _agreed(question: str) -> bool:
    sys.stdout.write(question)
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _terminal(json_on_stdout: bool) -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160, stderr=json_on_stdout)


def add(subparsers: Any) -> None:
    """The commands of this file and their arguments."""
    lab = subparsers.add_parser(
        "lab",
        help="recorded sessions through other filters: compare, tune, promote (docs/filter_lab.md)",
        description="Recorded sessions or streams through other paths from targets to commands, off-line: compare "
        "candidates, search for better settings, make them live.",
    ).add_subparsers(required=True, metavar="COMMAND")
    runs = lab.add_parser("run", help="every candidate on every session: scorecards, Pareto front, plots")
    runs.add_argument("--candidates", type=Path, required=True, metavar="FILE.yaml", help="names and their settings")
    runs.set_defaults(run=run)
    tuning = lab.add_parser("tune", help="search for better settings, judged on episodes that the search did not see")
    tuning.add_argument("--minimise", default="lag", metavar="FIGURE", help=FIGURES + " (default lag)")
    tuning.add_argument(
        "--keep", action="append", metavar="FIGURE=FACTOR",
        help="keep a figure at or below this factor of the live one; again for more "
        "(default jerk=1 aligned_error=1 authority=1)",
    )  # fmt: skip
    tuning.add_argument("--trials", type=trials, default=120, metavar="N", help="paths to try (default %(default)s)")
    tuning.add_argument("--seed", type=seed, default=0, help="of the search (default %(default)s)")
    tuning.set_defaults(run=tune)
    for command in (runs, tuning):
        command.add_argument(
            "sessions", type=Path, nargs="+", metavar="SESSION",
            help="a dataset's folder, an episode (.zarr), or a stream (.npz, as for rove filter)",
        )  # fmt: skip
        command.add_argument("--robot", default="iron_r01", help="of streams; episodes know theirs")
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
        command.add_argument("--json", action="store_true", help="print the results as JSON, all else on stderr")
    promotion = lab.add_parser("promote", help="make a chosen path live: shows the changes first, then asks")
    promotion.add_argument("chosen", type=Path, help="chosen.yaml of rove lab tune, or one written by hand")
    target = promotion.add_mutually_exclusive_group(required=True)
    target.add_argument("--robot", help="name or folder: its filter.yaml is what control reads")
    target.add_argument("--to", type=Path, metavar="FILE", help="another file")
    promotion.add_argument("--yes", action="store_true", help="do not ask")
    promotion.set_defaults(run=promote)
