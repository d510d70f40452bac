"""What a run measured of itself, as plain values: data, labels by phase and kind, losses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ..failure.figures import wilson
from ..training.methods import Method
from ..training.steps import KINDS, EpisodeSteps
from ..training.supervision import Flags
from ..types import Phase
from .critic_metrics import critic_metrics
from .curves import HELD_OUT, read_curves
from .labels import Labels
from .training_data import TrainingData

SOURCES = {Phase.AUTONOMOUS: "the policy", Phase.ADAPTATION: "a person adapting", Phase.RECOVERY: "a person recovering"}
"""Who drove a step, by its phase; in a demonstration nobody recovers from anything."""


def run_metrics(data: TrainingData, method: Method, labels: Labels, gamma: float, out: Path) -> dict[str, Any]:
    """Everything for metrics.json; without a critic there are no figures of one."""
    metrics: dict[str, Any] = {
        "method": method.name,
        "data": data_metrics(data),
        "actor": {"chunks": int(sum(use.sum() for use in labels.used)), "loss": _last_losses(out)},
    }
    if labels.value:
        metrics["labels"] = label_metrics(data.episodes, labels)
        metrics["critic"] = critic_metrics(data.episodes, labels.value, data.step_s, gamma)
    return metrics


def data_metrics(data: TrainingData) -> dict[str, Any]:
    """Counts of what was used and skipped."""
    t_r = Counter(source for item in data.sources for source in item.t_r_sources)
    return {
        "revision": data.revision,
        "episodes": data.counts(),
        "steps": int(sum(len(item) for item in data.episodes)),
        "successes": sum(item.success for item in data.episodes),
        "failures": sum(not item.success for item in data.episodes),
        "skipped": len(data.skipped),
        "skipped_by_reason": dict(Counter(data.skipped.values()).most_common()),
        "t_r_sources": dict(sorted(t_r.items())),
    }


def label_metrics(episodes: list[EpisodeSteps], labels: Labels) -> dict[str, Any]:
    """Shares of positive labels among the steps that have one: in all, by who drove, by kind and outcome."""
    known = [np.isfinite(advantage) for advantage in labels.advantage]
    groups: dict[str, dict[str, Any]] = {"driver": {}, "kind": {}}
    for phase, name in SOURCES.items():
        driven = [mask & (item.source == phase) & _corrected(item) for item, mask in zip(episodes, known, strict=True)]
        _add(groups["driver"], name, driven, labels.positive)
    demonstrated = [mask & (item.kind == "demonstration") for item, mask in zip(episodes, known, strict=True)]
    _add(groups["driver"], "a person demonstrating", demonstrated, labels.positive)
    for kind in KINDS:
        for success in (True, False):
            of = [
                mask & (item.kind == kind and item.success == success)
                for item, mask in zip(episodes, known, strict=True)
            ]
            _add(groups["kind"], f"{kind} {'success' if success else 'failure'}", of, labels.positive)
    thresholds = np.concatenate(labels.threshold)
    return {
        **_share(known, labels.positive),
        "threshold": float(np.nanmedian(thresholds)),
        "by_driver": groups["driver"],
        "by_kind": groups["kind"],
    }


def _corrected(episode: EpisodeSteps) -> bool:
    return episode.kind != "demonstration"


def _add(group: dict[str, Any], name: str, masks: list[Flags], positive: list[Flags]) -> None:
    share = _share(masks, positive)
    if share["steps"]:
        group[name] = share


def _share(masks: list[Flags], positive: list[Flags]) -> dict[str, Any]:
    steps = int(sum(mask.sum() for mask in masks))
    count = int(sum((mask & good).sum() for mask, good in zip(masks, positive, strict=True)))
    rate = wilson(count, steps)
    interval = [rate.low, rate.high] if steps else [0.0, 1.0]
    return {"steps": steps, "positive": count, "share": count / steps if steps else 0.0, "interval": interval}


def _last_losses(out: Path) -> dict[str, float]:
    """Of the held-out critics it is not told: they train at the same time, and any of them may report last."""
    return {stage: points[-1][1] for stage, points in read_curves(out).items() if stage != HELD_OUT}
