"""What a run came to: success of every round with its interval, paired tests, and how much people had to do."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import DatasetInvalid
from ..virtual_time.comparison import Comparison
from ..virtual_time.evaluation import Evaluation
from .alarms import alarms_text
from .collection import Collected
from .critic_metrics import ranking_sentence
from .evaluation import evaluation_of, success_json
from .loop_settings import LoopSettings

MARK = "\n<!-- success -->\n"
"""What is behind it in a report is written anew whenever the round is looked at."""


def collection_json(found: Sequence[Collected]) -> dict[str, Any]:
    """Counts of recorded episodes, and each of them."""
    outcomes = [item.outcome for item in found]
    return {
        "episodes": len(found),
        "outcomes": {name: outcomes.count(name) for name in sorted(set(outcomes))},
        "minutes": round(sum(item.duration_s for item in found) / 60.0, 2),
        "human_time_share": _share(sum(item.human_s for item in found), sum(item.duration_s for item in found)),
        "intervened_share": _share(sum(item.takeovers > 0 for item in found), len(found)),
        "takeovers_per_episode": _share(sum(item.takeovers for item in found), len(found)),
        "each": [asdict(item) for item in found],
    }


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0


def loop_summary(settings: LoopSettings, folders: Sequence[Path]) -> dict[str, Any]:
    """The content of ``summary.json``: nothing in it depends on when, where or on how many cores it was made."""
    evaluations = [_evaluation(folder) for folder in folders]
    return {
        **asdict(settings),
        "rounds": [_round_json(number, evaluations, folder) for number, folder in enumerate(folders)],
    }


def _round_json(number: int, evaluations: Sequence[Evaluation], folder: Path) -> dict[str, Any]:
    this = evaluations[number]
    told: dict[str, Any] = {"round": number, "success": success_json(this), "failures": this.failures}
    if number > 0:
        told["against_base"] = _compared(Comparison(this, evaluations[0]))
        told["against_before"] = _compared(Comparison(this, evaluations[number - 1]))
    evaluated = _result(folder / "evaluation.json") or {}
    told |= {name: evaluated.get(name) for name in ("alarms", "value_ranking")}
    collected = _result(folder / "collection.json")
    told["collection"] = None if collected is None else {k: v for k, v in collected.items() if k != "each"}
    return told


def _compared(pair: Comparison) -> dict[str, Any]:
    return {"only_this": pair.only_one, "only_other": pair.only_other, "p": pair.p_value}


def add_to_report(folders: Sequence[Path]) -> None:
    """The last round's report gets what is known of its policy besides training."""
    path = folders[-1] / "report.md"
    before = path.read_text(encoding="utf-8").split(MARK)[0] if path.exists() else f"# Round {len(folders) - 1}\n"
    partial = path.with_name(path.name + ".partial")
    partial.write_text(before + MARK + success_text(folders), encoding="utf-8")
    os.replace(partial, path)


def success_text(folders: Sequence[Path]) -> str:
    """Success and interventions of the last of these rounds, in Markdown."""
    evaluations = [_evaluation(folder) for folder in folders]
    this, last = evaluations[-1], len(folders) - 1
    lines = ["## Success", "", f"Alone, over fresh episodes: {this.sentence()}.", ""]
    lines += [f"- {count} times: {why}" for why, count in this.failures.items()]
    for name, other in {"round 0 (the base)": 0, f"round {last - 1}": last - 1}.items():
        if last > 0 and (other == 0) == (name == "round 0 (the base)"):
            lines += ["", f"Against {name}, over the same seeds: {Comparison(this, evaluations[other]).sentence()}."]
    collected = _result(folders[-1] / "collection.json")
    if collected is not None:
        lines += ["", "## Collected with it", "", _collection_sentence(collected)]
    evaluated = _result(folders[-1] / "evaluation.json") or {}
    if evaluated.get("value_ranking") is not None:
        lines += ["", "## Its critic, alone", "", ranking_sentence(evaluated["value_ranking"], "succeeds", "fails")]
    alarms = evaluated.get("alarms")
    if alarms is not None:
        lines += alarms_text(alarms, {} if collected is None else collected["trigger_leads"])
    lines += ["", *(f"- {key}: {value}" for key, value in this.notes.items())]
    return "\n".join(lines) + "\n"


def _collection_sentence(collected: dict[str, Any]) -> str:
    outcomes = ", ".join(f"{count} {name}" for name, count in collected["outcomes"].items())
    return (
        f"{collected['episodes']} episodes, {collected['minutes']:g} minutes ({outcomes}). A person drove in "
        f"{100 * collected['intervened_share']:.0f} % of them, {100 * collected['human_time_share']:.1f} % of the "
        f"time, with {collected['takeovers_per_episode']:g} takeovers per episode."
    )


def _evaluation(folder: Path) -> Evaluation:
    found = _result(folder / "evaluation.json")
    if found is None:
        raise DatasetInvalid(f"{folder}: has no evaluation.json")
    return evaluation_of(found, folder)


def _result(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["result"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetInvalid(f"{path}: cannot be read ({error})") from error
