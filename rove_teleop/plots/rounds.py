"""Pictures of a training run: losses, shares of positive labels, calibration of the value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .figure import BLUE, BROWN, COLOURS, GREEN, INK, MUTED, save_png, tidy


def plot_losses(curves: Mapping[str, Sequence[tuple[int, float]]], path: Path) -> None:
    """(step, loss) by stage, a panel each: their units differ.

    Raises:
        UsageError: the file cannot be written.
    """
    figure = Figure(figsize=(4.2 * len(curves), 2.8))
    panels = np.atleast_1d(figure.subplots(1, len(curves)))
    for axes, (stage, points), colour in zip(panels, curves.items(), COLOURS * len(curves), strict=False):
        steps, losses = zip(*points, strict=True)
        axes.plot(steps, losses, color=colour, linewidth=1.2, marker="." if len(points) < 3 else "")
        axes.set_title(stage.replace("_", " "), fontsize=10, color=INK, loc="left")
        tidy(axes, "loss", "step")
        if min(losses) > 0.0 and max(losses) > 20.0 * min(losses):
            axes.set_yscale("log")
    figure.tight_layout()
    save_png(figure, path)


def plot_shares(by_driver: Mapping[str, Any], by_kind: Mapping[str, Any], path: Path) -> None:
    """Shares of positive labels with their 95 % intervals, by who drove and by kind of episode.

    Steps of an episode hang together, so the true intervals are wider.

    Raises:
        UsageError: the file cannot be written.
    """
    figure = Figure(figsize=(10.0, 0.9 + 0.34 * max(len(by_driver), len(by_kind), 2)))
    for axes, group, title, colour in zip(
        figure.subplots(1, 2), (by_driver, by_kind), ("who drove", "episode"), (BLUE, GREEN), strict=True
    ):
        _bars(axes, group, colour)
        axes.set_title(title, fontsize=10, color=INK, loc="left")
    figure.tight_layout()
    save_png(figure, path)


def plot_calibration(bins: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Realised over predicted return per bin of steps, with the standard error over episodes where there is one.

    Raises:
        UsageError: the file cannot be written.
    """
    figure = Figure(figsize=(4.2, 4.0))
    axes = figure.subplots()
    predicted, realised = (np.array([item[name] for item in bins]) for name in ("predicted", "realised"))
    error = np.array([item["error"] or 0.0 for item in bins])
    ends = [min(predicted.min(), realised.min()), max(predicted.max(), realised.max())]
    axes.plot(ends, ends, color=MUTED, linewidth=0.9, linestyle="--")
    axes.errorbar(predicted, realised, yerr=1.96 * error, fmt="o", color=BROWN, markersize=4.0, linewidth=1.0)
    tidy(axes, "return that followed", "held-out value")
    save_png(figure, path)


def _bars(axes: Axes, group: Mapping[str, Any], colour: str) -> None:
    names = list(group)[::-1]
    shares = [100.0 * group[name]["share"] for name in names]
    axes.barh(names, shares, color=colour, alpha=0.85, height=0.6)
    for place, name in enumerate(names):
        low, high = group[name]["interval"]
        axes.plot([100.0 * low, 100.0 * high], [place, place], color=INK, linewidth=1.0)
        axes.text(101.0, place, f"{group[name]['steps']}", fontsize=7, color=MUTED, va="center")
    axes.set_xlim(0.0, 100.0)
    tidy(axes, "", "positive [%]; steps at the right")
