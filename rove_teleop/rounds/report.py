"""A run in plain language: what was used, what the labels say, how good the critic is, what a person should check."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..models.card import model_card
from ..models.checkpoint import load_checkpoint
from .critic_metrics import ranking_sentence
from .findings import findings
from .labels import Labels
from .pictures import draw_run
from .training_data import TrainingData

LISTED = 20
"""Skipped episodes that the report names one by one; all are in metrics.json by reason, and in skipped.json."""


def write_report(
    out: Path, data: TrainingData, config: Mapping[str, Any], labels: Labels, metrics: Mapping[str, Any]
) -> None:
    """Plots, report.md and the model card README.md, each by rename."""
    pictures = draw_run(out / "plots", out, data, labels, metrics)
    _write(out / "report.md", report_text(data, config, metrics, pictures))
    header = load_checkpoint(out / "policy.safetensors").header
    _write(out / "README.md", model_card(header, card_metrics(metrics)))


def card_metrics(metrics: Mapping[str, Any]) -> dict[str, str]:
    """What the model card says was measured; success is not among it, `rove evaluate` measures that."""
    said = {"chunks shown": str(metrics["actor"]["chunks"]), "episodes left out": str(metrics["data"]["skipped"])}
    said |= {f"last {stage} loss": f"{loss:.4g}" for stage, loss in metrics["actor"]["loss"].items()}
    if "labels" in metrics:
        said["positive, held out"] = f"{100 * metrics['labels']['share']:.0f} %"
    ranked = metrics.get("critic", {}).get("ranking")
    if ranked is not None:
        low, high = ranked["interval"]
        said["held-out value at mid-episode"] = f"AUC {ranked['auc']:.2f} ({low:.2f} to {high:.2f})"
    return said


def report_text(
    data: TrainingData, config: Mapping[str, Any], metrics: Mapping[str, Any], pictures: Mapping[str, str]
) -> str:
    """The report as Markdown; ``pictures`` maps files in plots/ to what they show."""
    parts = [
        f"# {config['method']} on {config['task']}\n\n"
        f"Preset `{config['preset']['name']}`, seed {config['seed']}, "
        + (f"trained further from `{config['initial']}`." if config["initial"] else "trained from scratch."),
        _check(metrics),
        _data(data, metrics),
        _labels(metrics),
        _critic(metrics),
        _losses(metrics),
        "## Plots\n\n" + "\n\n".join(f"{text}\n\n![{text}](plots/{name})" for name, text in pictures.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _check(metrics: Mapping[str, Any]) -> str:
    found = findings(metrics)
    lines = [f"- {item}" for item in (*found, *metrics["notes"])]
    return "## What to check\n\n" + ("\n".join(lines) if lines else "Nothing stands out.")


def _data(data: TrainingData, metrics: Mapping[str, Any]) -> str:
    counted = metrics["data"]
    rows = [f"| {name} | {count} |" for name, count in counted["episodes"].items()]
    used = (
        f"{len(data.episodes)} episodes were used, {counted['steps']} steps of {data.step_s:g} s "
        f"({counted['successes']} successes, {counted['failures']} failures), data revision `{data.revision}`.\n\n"
        "| episodes | count |\n|---|---|\n" + "\n".join(rows)
    )
    if counted["t_r_sources"]:
        said = ", ".join(f"{count} {name}" for name, count in counted["t_r_sources"].items())
        used += f"\n\nEnd of adaptation (t_r) of the takeovers: {said}."
    if not data.skipped:
        return f"## Data\n\n{used}\n\nNo episode was left out."
    reasons = [f"- {count}: {why}" for why, count in counted["skipped_by_reason"].items()]
    named = [f"- `{name}`: {why}" for name, why in list(data.skipped.items())[:LISTED]]
    more = f"\n- and {len(data.skipped) - LISTED} more" if len(data.skipped) > LISTED else ""
    return (
        f"## Data\n\n{used}\n\n{len(data.skipped)} episodes were left out:\n\n" + "\n".join(reasons)
        + "\n\nOne by one:\n\n" + "\n".join(named) + more
    )  # fmt: skip


def _labels(metrics: Mapping[str, Any]) -> str:
    if "labels" not in metrics:
        return f"## Labels\n\nThis method has no critic; the actor was shown {metrics['actor']['chunks']} chunks."
    found = metrics["labels"]
    rows = [
        f"| {name} | {item['steps']} | {100 * item['share']:.0f} % |"
        for group in ("by_driver", "by_kind")
        for name, item in found[group].items()
    ]
    return (
        f"## Labels\n\n{found['positive']} of {found['steps']} steps ({100 * found['share']:.0f} %) are positive: "
        f"their advantage is above {found['threshold']:.3g}. Values are held out: each episode is judged by a critic "
        f"that did not see it. The actor was shown {metrics['actor']['chunks']} chunks.\n\n"
        "| who drove, or what episode | steps | positive |\n|---|---|---|\n" + "\n".join(rows)
    )


def _critic(metrics: Mapping[str, Any]) -> str:
    if "critic" not in metrics:
        return ""
    found, ranked = metrics["critic"], metrics["critic"]["ranking"]
    if ranked is None:
        text = "The policy does not drive both in episodes that go well and in others, so nothing says how values rank."
    else:
        text = ranking_sentence(ranked, "goes well", "will fail or be taken over")
    if found["miss"] is not None:
        text += f" Values miss the return that followed by {found['miss']:.3g} on average over bins of equal value."
    return f"## Critic\n\n{text}"


def _losses(metrics: Mapping[str, Any]) -> str:
    rows = [f"| {stage.replace('_', ' ')} | {loss:.4g} |" for stage, loss in metrics["actor"]["loss"].items()]
    return "## Losses at the end\n\n| stage | loss |\n|---|---|\n" + "\n".join(rows) if rows else ""


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
