"""The plots of a run: which episodes are shown, and what is drawn of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..plots.rounds import plot_calibration, plot_losses, plot_shares
from ..plots.values import ValuePicture, plot_values
from .curves import read_curves
from .labels import Labels
from .training_data import TrainingData

SHOWN = (
    ("intervention", True),
    ("rollout", False),
    ("rollout", True),
    ("intervention", False),
    ("demonstration", True),
)
"""Kind and outcome of the episodes that are drawn, one each."""


def draw_run(folder: Path, out: Path, data: TrainingData, labels: Labels, metrics: Mapping[str, Any]) -> dict[str, str]:
    """Draw everything there is to draw; file names to what they show."""
    folder.mkdir(exist_ok=True)
    found = {}
    losses = read_curves(out)
    if losses:
        plot_losses(losses, folder / "losses.png")
        found["losses.png"] = "Losses while training; each curve is scaled to its own range of values."
    if "labels" in metrics:
        plot_shares(metrics["labels"]["by_driver"], metrics["labels"]["by_kind"], folder / "labels.png")
        found["labels.png"] = "Share of positive labels, held out, by who drove and by episode (95 % intervals)."
    if metrics.get("critic", {}).get("calibration"):
        plot_calibration(metrics["critic"]["calibration"], folder / "calibration.png")
        found["calibration.png"] = "Held-out value against the return that followed; on the diagonal it is right."
    return found | _episodes(folder, data, labels)


def _episodes(folder: Path, data: TrainingData, labels: Labels) -> dict[str, str]:
    if not labels.value:
        return {}
    found = {}
    for kind, success in SHOWN:
        numbers = [n for n, item in enumerate(data.episodes) if item.kind == kind and item.success == success]
        if numbers:
            number, outcome = numbers[len(numbers) // 2], "success" if success else "failure"
            name = f"{kind}-{outcome}.png"
            episode = data.episodes[number]
            plot_values(value_picture(data, labels, number), folder / name, f"{episode.name}   {kind}, {outcome}")
            found[name] = f"Value and advantage over {episode.name} ({kind}, {outcome}); positive steps are marked."
    return found


def value_picture(data: TrainingData, labels: Labels, number: int) -> ValuePicture:
    """One episode, in seconds of kept time from its first step."""
    episode = data.episodes[number]
    return ValuePicture(
        time_s=[data.step_s * step for step in range(len(episode))],
        phase=episode.source,
        value=labels.value[number],
        advantage=labels.advantage[number],
        threshold=labels.threshold[number],
        positive=labels.positive[number],
        t_r=episode.t_r,
        cut_before=episode.cut_before,
    )
