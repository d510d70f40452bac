"""What the lab found: a table for people, JSON, CSV and pictures for everything else."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..errors import UsageError
from ..plots.filter_lab import plot_fronts, plot_takeover
from ..types import Array
from .lab import LabResult, as_dict, first_takeover, front_point, overlay
from .scores import CARD_KEYS, LIMITS_MET, Scores

BEFORE_S, AFTER_S = 0.5, 2.5
"""How much of a takeover is drawn."""


def save_lab(result: LabResult, out: Path) -> list[Path]:
    """Write ``scores.json``, ``scores.csv``, ``handovers.csv``, ``pareto.png`` and, with a takeover, ``takeover.png``.

    Raises:
        UsageError: the folder cannot be written.
    """
    make_folder(out)
    content = as_dict(result)
    files = [out / "scores.json", out / "scores.csv", out / "handovers.csv", out / "pareto.png"]
    write_text(files[0], json.dumps(content, indent=1) + "\n")
    _write_csv(files[1], _score_rows(content))
    _write_csv(files[2], _handover_rows(content))
    points = np.array([front_point(run.total) for run in result.runs])
    names = [run.candidate.name for run in result.runs]
    plot_fronts(names, points, [run.on_front for run in result.runs], files[3])
    if _draw_takeover(result, out / "takeover.png"):
        files.append(out / "takeover.png")
    return files


@contextmanager
def progress_bar(terminal: Console) -> Iterator[Callable[[int, int, str], None]]:
    """A bar while something long runs, on a terminal only; what it gives takes runs done, runs in all, a remark."""
    columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=terminal, transient=True)
    row = bar.add_task("starting")

    def show(done: int, total: int, remark: str) -> None:
        bar.update(row, completed=done, total=total, description=remark)

    if not terminal.is_terminal:
        yield show
        return
    with bar:
        yield show


def show_lab(result: LabResult, terminal: Console) -> None:
    """Verdicts on the live path, then one line per candidate."""
    for case, verdict in zip(result.cases, result.verdicts, strict=True):
        said = f"{case.name}: {case.duration_s:.1f} s; the live path again: {verdict}"
        terminal.print(said, highlight=False, soft_wrap=True)
        for note in case.notes:
            terminal.print(f"note: {note}", highlight=False, soft_wrap=True)
    table = Table(caption="* no other candidate is at least as good in lag, jerk and error (lag taken out)")
    table.add_column("candidate")
    for heading in SCORE_COLUMNS:
        table.add_column(heading, justify="right")
    for run in result.runs:
        mark = " *" if run.on_front else ""
        table.add_row(run.candidate.name + mark, *score_cells(run.total))
    terminal.print(table)


SCORE_COLUMNS = (
    "lag ms", "error mrad", "lag out", "jerk rms %", "peak %", "acc. rms %", "peak %", "limited %",
    "takeovers", "step mrad", "authority s", "score",
)  # fmt: skip


def score_cells(scores: Scores) -> list[str]:
    """The figures of a run as the cells of a line."""
    f, cards = scores.follows, scores.handovers
    step_rad = max((card["peak_command_step_rad"] for card in cards), default=float("nan"))
    numbers = (
        (1e3 * f.lag_s, 1), (1e3 * f.error_rad, 2), (1e3 * f.aligned_error_rad, 2),
        (100 * scores.jerk_rms_share, 2), (100 * scores.jerk_peak_share, 1),
        (100 * scores.acceleration_rms_share, 2), (100 * scores.acceleration_peak_share, 1),
        (100 * max(scores.limited.values()), 1), (len(cards), 0), (1e3 * step_rad, 2),
        (scores.time_to_authority_s, 2), (scores.handover_score, 1),
    )  # fmt: skip
    return [f"{value:.{digits}f}" if np.isfinite(value) else "-" for value, digits in numbers]


def _draw_takeover(result: LabResult, path: Path) -> bool:
    found = first_takeover(result.cases)
    if found is None:
        return False
    case, tick, joint = found
    dt = case.limits.dt_s
    rows = slice(max(tick - round(BEFORE_S / dt), 0), min(tick + round(AFTER_S / dt), case.inputs.ticks))
    time_s: Array = (np.arange(case.inputs.ticks, dtype=np.float64)[rows] - tick) * dt
    sent = {run.candidate.name: overlay(case, run.candidate).q_sent_rad[rows, joint] for run in result.runs}
    asked = {
        "policy": case.inputs.q_policy_rad[rows, joint],
        "operator": case.inputs.q_operator_rad[rows, joint],
    }
    plot_takeover(time_s, asked, sent, f"{case.name}: {case.joint_names[joint]} at the first takeover", path)
    return True


def _score_rows(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for candidate in content["candidates"]:
        for session, scores in (("all", candidate["scores"]), *candidate["by_session"].items()):
            row: dict[str, Any] = {"candidate": candidate["name"], "session": session}
            for who in ("operator", "policy"):
                row.update({f"{who}_{key}": value for key, value in scores[who].items()})
            row.update({key: value for key, value in scores.items() if not isinstance(value, dict | list)})
            row.update({f"limited_{name}": scores["limited"][name] for name in LIMITS_MET})
            rows.append({**row, "handovers": len(scores["handovers"]), "on_front": candidate["on_front"]})
    return rows


def _handover_rows(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = [
        {"candidate": candidate["name"], "session": session, **card}
        for candidate in content["candidates"]
        for session, scores in candidate["by_session"].items()
        for card in scores["handovers"]
    ]
    return rows or [dict.fromkeys(("candidate", "session", "tick", *CARD_KEYS), "")]


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror or error})") from error


def make_folder(out: Path) -> None:
    """Make the folder of the results; UsageError when that cannot be."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out}: no folder can be made here ({error.strerror or error})") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file; UsageError when that cannot be."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror or error})") from error
