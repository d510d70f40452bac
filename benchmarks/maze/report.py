"""What the cells came to, as Markdown: a table per question, and a sentence per comparison."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from methods import BETAS, TAU
from scipy.stats import t as student

READING = """## Reading it

Figures in this section are of seed 0 of large-diverse, measured once.

- What theory demands: who regresses returns learns what becomes of whoever walked there. No episode from far away ever
  reached the goal, so far away all returns are those of failures, later or earlier, and of the chunks that Monte-Carlo
  calls positive one in five leads away. The bootstrapped expectile hands values on from errand to errand, over ways
  that nobody walked in one go. Monte-Carlo's network is about as close to its exact answer as OVE's to its own: it is
  the wrong question, not a bad fit.
- Optimism: every errand ends in a failure somewhere, and many turn back. From 18 cells from the goal to the start, a
  walk of 150 steps, the exact value falls by 150 at tau 0.9 and by 76 at tau 0.7; at tau 0.5 it rises at first. That
  is a property of the backup, not of a network, and success follows it. The paper's 0.7 is not enough here.
- A target that lags: with decay 0.995, learning rate 1e-3 and 3000 steps the value had not arrived at the start (60
  steps RMSE, and rising towards the start, where runs got stuck); with 6000 it had (9 steps). With decay 0.98 and
  3e-3 it takes 3000 (11 steps), which all critics got here. H 4 needs four times as many backups and fails for that
  reason alone: 66 steps RMSE after 3000, 7 after 9000. A long task wants as many time constants of the target as
  there are backups from its end to its start.
- Tags: one pooled percentile leaves stretches in which hardly a chunk is positive although nearly all lead nearer (2 %
  between 30 and 35 cells from the goal, where the only way is on). There the positive tag is a guess, and beta 2
  exaggerates it: in large-play runs get stuck. Filtered BC, which sees positive chunks alone, gets through with the
  same labels. So what OVE with tags loses beside it is lost in extraction, not in the critic.
"""

Rates = dict[int, float]
"""Percent of success by seed."""

TITLES = {
    "ove": f"OVE, tau {TAU:g}, H 16",
    "mc": "Monte-Carlo",
    "iql": f"IQL, tau {TAU:g}",
    "filtered bc": "filtered BC, with OVE's labels",
    "bc": "plain BC",
    "ove .7": "OVE, tau 0.7, H 16 (the paper's tau)",
    "ove .5": "OVE, tau 0.5, H 16",
    "ove H4": f"OVE, tau {TAU:g}, H 4",
    "ove H50": f"OVE, tau {TAU:g}, H 50",
    "truth": "told the length of the shortest way",
}


def write_report(
    path: Path,
    found: Sequence[dict[str, Any]],
    agreement: dict[str, tuple[float, float]],
    about: dict[str, dict[str, Any]],
) -> None:
    """``found`` are the files of the cache, ``agreement`` and ``about`` as `maze.py` makes them."""
    table = _Table(found)
    text = [
        _opening(table, about),
        _main(table, list(about)),
        _versus(table),
        _sweep(table),
        _values(agreement),
        READING,
    ]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")


class _Table:
    def __init__(self, found: Sequence[dict[str, Any]]) -> None:
        self.cells: dict[str, dict[tuple[str, str], dict[int, Any]]] = defaultdict(lambda: defaultdict(dict))
        self.minutes = sum(item["cpu_s"] for item in found) / 60.0
        self.seeds = sorted({item["seed"] for item in found})
        for item in found:
            where = f"{item['maze']}-{item['variant']}"
            for name, cell in item["cells"].items():
                for way, runs in cell.items():
                    if way != "nearer":
                        self.cells[where][name, way][item["seed"]] = runs
                if "nearer" in cell:
                    self.cells[where][name, "nearer"][item["seed"]] = cell["nearer"]

    def rates(self, where: str, name: str, way: str) -> Rates:
        return {seed: 100.0 * np.mean(runs["success"]) for seed, runs in self.cells[where][name, way].items()}

    def steps(self, where: str, name: str, way: str) -> str:
        """Mean steps of runs that arrive."""
        runs = self.cells[where][name, way].values()
        arrived = [steps for one in runs for steps, ok in zip(one["steps"], one["success"], strict=True) if ok]
        return f"{np.mean(arrived):.0f}" if arrived else "-"


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and the half-width that Student's t gives over seeds, as mean, low, high."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    half = float(student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def _shown(rates: Rates) -> str:
    """Percent with the interval over seeds, cut where percent end."""
    if not rates:
        return ""
    mean, low, high = interval(list(rates.values()))
    return f"{mean:.0f} [{max(low, 0.0):.0f}, {min(high, 100.0):.0f}]" if len(rates) > 1 else f"{mean:.0f}"


def _opening(table: _Table, about: dict[str, dict[str, Any]]) -> str:
    rows = [
        f"| {where} | {one['episodes']} | {one['steps']} | {100 * one['success']:.0f} % | {one['length']} | "
        f"{one['limit']} | {100 * one['nearer']:.0f} % |"
        for where, one in about.items()
    ]
    return "\n".join(
        [
            "# A setting where optimism matters: mazes in which stitching decides",
            "",
            "A point is pushed through corridors with forks and dead ends, by chunks of 16 velocities of which 8 are "
            "used. The data are errands from place to place, some towards the goal, with wobble and changes of mind: "
            "from the same states good and bad continuations. An episode is over after a time in which nobody can "
            "walk from start to goal, and whoever was near the start never reaches it: no episode solves the task. "
            "Reward as in the paper: -1 per step, 0 at the goal, -500 at the end of every other episode. `play`: "
            "errands between forks and dead ends; `diverse`: between any two cells.",
            "",
            "Every critic is followed by the same extraction: chunks above the 70th percentile of all advantages are "
            "tagged positive, the same flow actor learns all chunks with their tags, decoded with beta 1 (the positive "
            "tag) and beta 2 (guided away from the negative one). OVE and Monte-Carlo are `rove_teleop.training`'s; "
            "IQL was written from its own paper (Q over chunks, two of them, slow copies) and shares nothing.",
            "",
            f"`make maze`: {table.minutes:.0f} minutes of one core. Seeds {', '.join(map(str, table.seeds))}: of data, "
            "networks and runs. Success: percent of 100 runs from the start within half as long again as the shortest "
            "way takes at the data's mean pace; mean over seeds with Student's 95 % interval.",
            "",
            "| data | episodes | steps | reach the goal | longest | limit of a run | chunks that lead nearer |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


_MAIN = ("ove", "iql", "mc", "filtered bc", "bc")


def _main(table: _Table, places: list[str]) -> str:
    lines = ["## Critics", "", "| | | " + " | ".join(places) + " |", "|" + " --- |" * (len(places) + 2)]
    for name in _MAIN:
        for way in [f"beta {beta:g}" for beta in BETAS] + ["plain"]:
            shown = [
                f"{_shown(table.rates(where, name, way))} ({table.steps(where, name, way)})"
                if table.rates(where, name, way)
                else ""
                for where in places
            ]
            if any(shown):
                lines.append(f"| {TITLES[name]} | {way} | " + " | ".join(shown) + " |")
    for name in ("ove", "iql", "mc"):
        told = [list(table.cells[where][name, "nearer"].values()) for where in places]
        shown = [f"{100 * np.mean(one):.1f} %" if one else "" for one in told]
        lines.append(f"| {TITLES[name]} | positive chunks that lead nearer | " + " | ".join(shown) + " |")
    return "\n".join([*lines, "", "In brackets the mean steps of runs that arrive.", ""])


def _versus(table: _Table) -> str:
    """OVE beside the others, paired by data set and seed."""
    lines = [
        "### OVE beside the others, paired by data and seed",
        "",
        "| | | medium | large |",
        "| --- | --- | --- | --- |",
    ]
    for other in ("mc", "iql", "filtered bc", "bc"):
        for way in [f"beta {beta:g}" for beta in BETAS]:
            shown = [_difference(_pairs(table, size, other, way)) for size in ("medium", "large")]
            lines.append(f"| {TITLES[other]} | OVE with {way} | {' | '.join(shown)} |")
    lines += ["", "Points of success, Student's 95 % interval over pairs of a data set and a seed.", ""]
    return "\n".join(lines)


def _pairs(table: _Table, size: str, other: str, way: str) -> list[tuple[float, float]]:
    told = "plain" if other in ("bc", "filtered bc") else way
    return [
        (one, table.rates(where, other, told)[seed])
        for where in table.cells
        if where.startswith(size)
        for seed, one in table.rates(where, "ove", way).items()
        if seed in table.rates(where, other, told)
    ]


def _difference(pairs: Sequence[tuple[float, float]]) -> str:
    if len(pairs) < 2:
        return ""
    mean, low, high = interval([one - other for one, other in pairs])
    verdict = "" if low > 0 else " worse" if high < 0 else " (none shows)"
    return f"{mean:+.0f} [{low:+.0f}, {high:+.0f}]{verdict}, n {len(pairs)}"


def _sweep(table: _Table) -> str:
    where = next((name for name in table.cells if table.cells[name]["truth", "beta 1"]), None)
    if where is None:
        return ""
    lines = [f"## Optimism and horizon ({where})", "", "| | beta 1 | beta 2 | positive chunks that lead nearer |"]
    lines.append("| --- | --- | --- | --- |")
    for name in ("mc", "ove .5", "ove .7", "ove", "ove H4", "ove H50", "iql", "truth"):
        shown = [_shown(table.rates(where, name, f"beta {beta:g}")) for beta in BETAS]
        nearer = list(table.cells[where][name, "nearer"].values())
        if nearer:
            lines.append(f"| {TITLES[name]} | {' | '.join(shown)} | {100 * np.mean(nearer):.1f} % |")
    return "\n".join([*lines, ""])


def _values(agreement: dict[str, tuple[float, float]]) -> str:
    lines = ["## Against the exact answer", "", "![value maps](maze.png)", ""]
    lines.append(
        "The exact answer is the fixed point of the expectile backup on squares of a third of a cell, iterated on the "
        "same segments; for Monte-Carlo the mean return of each square. Weighted by how often the data is there:"
    )
    lines.append("")
    for name, (rmse, correlation) in agreement.items():
        lines.append(f"- {name}: {rmse:.0f} steps RMSE, correlation {correlation:.3f}")
    return "\n".join([*lines, ""])
