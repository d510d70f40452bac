"""What the cells came to, as Markdown and pictures: main, ablations, controls."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cells import METHODS, Cell, Plan, Seeds, evaluation_told
from counts import Paired, Success, outcomes
from matplotlib.figure import Figure
from variants import ABLATIONS, CONTROLS, SKILL_METHODS

from rove_teleop.plots.figure import COLOURS, MUTED, save_png, tidy
from rove_teleop.rounds.loop_settings import OPERATOR_SKILL
from rove_teleop.sim.skills import SKILLS

Found = dict[int, tuple[bool, ...]]


def write_reports(
    plan: Plan,
    seeds: Mapping[str, Seeds],
    count: int,
    base: tuple[float, float],
    sections: Sequence[str],
    out: Path,
) -> None:
    """The files of the sections for which there is anything; ``count`` seeds with such a base [%] are wanted."""
    out.mkdir(parents=True, exist_ok=True)
    table = _Table(plan, seeds, count, base)
    texts = {
        "main": _main(table, out) if "main" in sections else None,
        "ablations": _ablations(table, out) if "ablations" in sections else None,
        "controls": _controls(table, out) if {"controls", "skills"} & set(sections) else None,
    }
    for name, text in texts.items():
        if text is not None:
            (out / f"{name}.md").write_text(text, encoding="utf-8")


class _Table:
    """The outcomes of every cell, by seed."""

    def __init__(self, plan: Plan, seeds: Mapping[str, Seeds], count: int, base: tuple[float, float]) -> None:
        self.plan, self.seeds, self.count, self.base = plan, seeds, count, base
        self.tasks = tuple(seeds)

    def of(self, section: str, task: str, name: str, round_number: int | None = None) -> Found:
        """Of seeds that went through all rounds: otherwise one round would be of other seeds than the next."""
        return {seed: outcomes(one) for seed, one in self._told(section, task, name, round_number).items()}

    def auc(
        self, section: str, task: str, name: str, round_number: int | None = None, seeds: Collection[int] = ()
    ) -> str:
        """How the critic's value at mid-episode ranked the evaluated episodes, mean over ``seeds`` (none: all)."""
        told = self._told(section, task, name, round_number)
        wanted = [one for seed, one in told.items() if seed in seeds or not seeds]
        known = [one["value_ranking"]["auc"] for one in wanted if one.get("value_ranking")]
        return f"{np.mean(known):.2f}" if known else ""

    def _told(self, section: str, task: str, name: str, round_number: int | None) -> dict[int, dict[str, Any]]:
        """What the evaluations of a cell said, by seed."""
        cells = [Cell(section, task, seed, name) for seed in self.seeds[task].chosen]
        whole = [cell for cell in cells if section != "main" or evaluation_told(self.plan, cell, self.plan.rounds)]
        told = {cell.seed: evaluation_told(self.plan, cell, round_number) for cell in whole}
        return {seed: one for seed, one in told.items() if one is not None}

    def head(self, title: str, what: str) -> list[str]:
        """What a reader must know before the figures."""
        plan = self.plan
        counts = [f"{task}: {len(self.of('main', task, 'rove', plan.after))}" for task in self.tasks]
        return [
            f"# {title}",
            "",
            what,
            "",
            f"In simulation, the tasks in their form `{plan.form}`; {plan.episodes} episodes collected per round, "
            f"corrected by a simulated person ('{OPERATOR_SKILL}' unless said otherwise); each policy alone over "
            f"{plan.evaluation} fresh episodes per seed, the same ones for all policies of a seed. Figures are percent "
            f"of success with the 95 % Wilson interval over all episodes of the seeds that are in "
            f"({', '.join(counts)} of {self.count}); the interval does not know how much seeds differ, which "
            "the column of single seeds shows, nor trainings on the same episodes (13 points in docs/critic.md, and "
            "more with few: every round of 'sft' is the base's demonstrations trained again). Differences are in "
            "points, in brackets how many episodes only the one and only "
            "the other did, and the p of McNemar's exact test; with this many tests one in twenty is below 0.05 "
            "by chance. 'AUC of the value': how often the critic, heard at mid-episode while its policy was alone over "
            "these episodes, valued one that then succeeded above one that failed.",
            "",
            "The seeds of a task are the first whose base, which is made and evaluated before anything else, succeeds "
            f"in {self.base[0]:g} to {self.base[1]:g} % of its episodes or not surely less or more often (95 %). "
            f"{self._left_out}",
            "",
            "`make paper-tables` computes what is missing and writes this file.",
            "",
        ]

    @property
    def _left_out(self) -> str:
        said = [
            f"{task} {seed} ({percent:.0f} %)"
            for task, seeds in self.seeds.items()
            for seed, percent in seeds.left_out.items()
        ]
        return f"So these seeds are left out: {', '.join(said)}." if said else "No seed had to be left out for it."


def _main(table: _Table, out: Path) -> str | None:
    plan = table.plan
    if not any(table.of("main", task, "rove", 1) for task in table.tasks):
        return None
    lines = table.head(
        "Five methods, round after round", "The comparison of the paper's section 5: 2 tasks, 5 methods."
    )
    figure = Figure(figsize=(5.0 * len(table.tasks), 3.4))
    all_axes = figure.subplots(1, len(table.tasks), sharey=True, squeeze=False)[0]
    for task, axes in zip(table.tasks, all_axes, strict=True):
        lines += _main_task(table, task, axes)
    drawn = [axes for axes in all_axes if axes.get_legend_handles_labels()[0]]
    for axes in drawn[-1:]:
        axes.legend(fontsize=7, frameon=False)
    save_png(figure, out / "main.png")
    lines += [f"![success by round](main.png)\n\nThe base is round 0; {plan.rounds} rounds follow.", ""]
    return "\n".join(lines)


def _main_task(table: _Table, task: str, axes) -> list[str]:  # type: ignore[no-untyped-def]
    rounds = range(table.plan.rounds + 1)
    lines = [f"## {task}", "", "| method | " + " | ".join(f"round {k}" for k in rounds)]
    lines[-1] += " | last, by seed | AUC of the value, rounds 1, 2, ... |"
    lines += ["|" + " --- |" * (len(rounds) + 3)]
    found = {method: {k: table.of("main", task, method, k) for k in rounds} for method in METHODS}
    found = {method: by_round for method, by_round in found.items() if by_round[0]}
    shared = set.intersection(*(set(by_round[0]) for by_round in found.values())) if found else set()
    said, apart = list[str](), list[str]()
    for method, by_round in found.items():
        same = {k: {seed: one for seed, one in by_round[k].items() if seed in shared or not shared} for k in rounds}
        apart += [_apart(method, seed, by_round) for seed in sorted(set(by_round[0]) - set(same[0]))]
        last = rounds[-1]
        aucs = ", ".join(filter(None, (table.auc("main", task, method, k, set(same[0])) for k in rounds)))
        shown = " | ".join(str(Success(same[k])) for k in rounds)
        lines.append(f"| {method} | {shown} | {Success(same[last]).each} | {aucs} |")
        said.append(_versus(by_round[last], by_round[0], f"{method} after round {last}", "the base"))
        if method != "rove" and "rove" in found:
            said.append(_versus(found["rove"][last], by_round[last], f"rove after round {last}", method))
        _line(axes, method, COLOURS[METHODS.index(method)], {k: Success(same[k]) for k in rounds})
    if apart:
        said.append(f"Only in these sentences, as not every method has these seeds yet: {'; '.join(apart)}.")
    tidy(axes, "success [%]", f"round, {task} ({table.plan.form})")
    axes.set_xticks(list(rounds))
    axes.set_ylim(0, 100)
    return [*lines, "", *(f"- {sentence}" for sentence in said if sentence), ""]


def _apart(method: str, seed: int, by_round: dict[int, Found]) -> str:
    """Success by round of one seed."""
    rates = ", ".join(f"{Success({seed: found[seed]}).percent:.1f}" for found in by_round.values())
    return f"{method}, seed {seed}: {rates}"


def _versus(one: Found, other: Found, what: str, than: str) -> str:
    pair = Paired(one, other)
    return pair.verdict(what, than) if pair.seeds else ""


def _line(axes, label: str, colour: str, found: dict[int, Success]) -> None:  # type: ignore[no-untyped-def]
    x, y = list(found), np.array([one.percent for one in found.values()])
    bounds = np.array([one.interval for one in found.values()])
    offset = (METHODS.index(label) - 2) * 0.04 if label in METHODS else 0.0
    error = np.abs(bounds.T - y)
    axes.errorbar(np.array(x) + offset, y, yerr=error, color=colour, label=label, marker="o", markersize=3, capsize=2)


def _ablations(table: _Table, out: Path) -> str | None:
    after = table.plan.after
    what = (
        f"One thing of ROVE changed, in round {after}: the same episodes, the same policy to start from, the same "
        "seeds. 'ROVE' is the main table's."
    )
    lines, rows = table.head("Ablations", what), 0
    points: dict[str, dict[str, Success]] = {}
    for task in table.tasks:
        rove = table.of("main", task, "rove", after)
        if not rove:
            continue
        lines += [f"## {task}", "", "| | success | beside ROVE | by seed | AUC of the value |"]
        lines += ["| --- | --- | --- | --- | --- |"]
        lines += [f"| ROVE | {Success(rove)} | | {Success(rove).each} | {table.auc('main', task, 'rove')} |"]
        points[task] = {"ROVE": Success(rove)}
        said = []
        for name, variant in ABLATIONS.items():
            found = table.of("ablations", task, name)
            pair = Paired(found, rove)
            if not pair.seeds:
                continue
            rows += 1
            auc = table.auc("ablations", task, name)
            lines.append(f"| {variant.title} | {Success(found)} | {pair} | {Success(found).each} | {auc} |")
            points[task][variant.title] = Success(found)
            said.append(pair.verdict(variant.title[0].upper() + variant.title[1:], "ROVE"))
        lines += ["", *(f"- {sentence}" for sentence in said), ""]
    if not rows:
        return None
    _bars(points, out / "ablations.png")
    return "\n".join([*lines, "![success by variant](ablations.png)", ""])


def _controls(table: _Table, out: Path) -> str | None:
    after = table.plan.after
    what = (
        f"What ROVE must beat in round {after}, on the same episodes: labels that mean nothing, and no labels. Then "
        "who corrects: from clumsy to expert, each with episodes of their own."
    )
    lines, rows = table.head("Controls", what), 0
    points: dict[str, dict[str, Success]] = {}
    for task in table.tasks:
        base, rove = table.of("main", task, "rove", 0), table.of("main", task, "rove", after)
        if not rove:
            continue
        named = {"the base": base, f"ROVE, round {after}": rove}
        named |= {variant.title: table.of("controls", task, name) for name, variant in CONTROLS.items()}
        for skill in SKILLS:
            for method in SKILL_METHODS:
                default = table.of("main", task, method, after)
                found = default if skill == OPERATOR_SKILL else table.of("skills", task, f"{skill}/{method}")
                named[f"{method}, a person who is {skill}"] = found
        lines += [f"## {task}", "", "| | success | beside the base | beside ROVE | by seed |"]
        lines += ["| --- | --- | --- | --- | --- |"]
        said = []
        for title, found in named.items():
            if not found:
                continue
            rows += title not in ("the base", f"ROVE, round {after}")
            beside = [str(Paired(found, other)) if found is not other else "" for other in (base, rove)]
            lines.append(f"| {title} | {Success(found)} | {' | '.join(beside)} | {Success(found).each} |")
            points.setdefault(task, {})[title] = Success(found)
            if found is not base:
                said.append(_versus(found, base, title[0].upper() + title[1:], "the base"))
        lines += ["", *(f"- {sentence}" for sentence in said if sentence), ""]
    if not rows:
        return None
    _bars(points, out / "controls.png")
    return "\n".join([*lines, "![success by control](controls.png)", ""])


def _bars(points: dict[str, dict[str, Success]], path: Path) -> None:
    """A dot with its interval per row, a column per task."""
    titles = list(dict.fromkeys(title for rows in points.values() for title in rows))
    figure = Figure(figsize=(3.6 * len(points) + 3.0, 0.28 * len(titles) + 0.8))
    all_axes = figure.subplots(1, len(points), sharey=True, squeeze=False)[0]
    for (task, rows), axes in zip(points.items(), all_axes, strict=True):
        for number, title in enumerate(titles):
            if title in rows:
                low, high = rows[title].interval
                axes.plot([low, high], [number, number], color=COLOURS[0], linewidth=2)
                axes.plot(rows[title].percent, number, "o", color=COLOURS[0], markersize=4)
        axes.axvline(rows[next(iter(rows))].percent, color=MUTED, linewidth=0.8, linestyle=":")
        tidy(axes, "", f"{task}: success [%]")
        axes.set_xlim(0, 100)
    all_axes[0].set_yticks(range(len(titles)), titles)
    all_axes[0].invert_yaxis()
    save_png(figure, path)
