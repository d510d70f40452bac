"""What ``rove lab`` shows: compromises of lag, jerk and error, and one takeover with every candidate over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..types import Array
from .figure import BLUE, COLOURS, INK, MUTED, ORANGE, save_png, tidy

AXES = (("lag [ms]", 1e3), ("jerk, rms [% of limit]", 1e2), ("error, lag taken out [mrad]", 1e3))
PAIRS = ((0, 1), (0, 2), (1, 2))
MOST_NAMES = 14
STYLES = ("-", "-.", ":")


def plot_fronts(names: Sequence[str], points: Array, on_front: Sequence[bool], path: Path) -> None:
    """Three projections of ``points`` (m, 3): lag [s], jerk share, error [rad]; those on the front stand out.

    Raises:
        UsageError: the file cannot be written.
    """
    figure = Figure(figsize=(13.0, 4.2))
    front = np.array(on_front, dtype=np.bool_)
    for axes, (x, y) in zip(figure.subplots(1, 3), PAIRS, strict=True):
        _projection(axes, names, points, front, x, y)
    figure.tight_layout()
    save_png(figure, path)


def _projection(axes: Axes, names: Sequence[str], points: Array, front: np.ndarray, x: int, y: int) -> None:
    (xlabel, xscale), (ylabel, yscale) = AXES[x], AXES[y]
    px, py = points[:, x] * xscale, points[:, y] * yscale
    axes.scatter(px[~front], py[~front], s=22, color=MUTED, alpha=0.6, linewidths=0)
    axes.scatter(px[front], py[front], s=34, color=BLUE, linewidths=0)
    axes.scatter(px[:1], py[:1], s=90, facecolors="none", edgecolors=ORANGE, linewidths=1.6)
    tidy(axes, ylabel, xlabel)
    for (at_x, at_y), label in _labels(names[: MOST_NAMES if len(names) <= MOST_NAMES else 1], px, py).items():
        axes.annotate(label, (at_x, at_y), (5, 4), textcoords="offset points", fontsize=7, color=INK)


def _labels(names: Sequence[str], px: Array, py: Array) -> dict[tuple[float, float], str]:
    """Names by place; points that nearly coincide share a label."""
    if not np.isfinite(px + py).any():
        return {}
    near = 0.015 * np.array([np.nanmax(px) - np.nanmin(px), np.nanmax(py) - np.nanmin(py)])
    labels: dict[tuple[float, float], str] = {}
    for name, x, y in zip(names, px.tolist(), py.tolist(), strict=False):
        if not np.isfinite(x + y):
            continue
        there = [at for at in labels if abs(at[0] - x) <= near[0] and abs(at[1] - y) <= near[1]]
        place = there[0] if there else (x, y)
        labels[place] = f"{labels[place]}, {name}" if there else name
    return labels


def plot_takeover(time_s: Array, asked: Mapping[str, Array], sent: Mapping[str, Array], title: str, path: Path) -> None:
    """One joint around a takeover at 0 s: what was asked (t,) by whom, and what each candidate sent (t,) [rad].

    Raises:
        UsageError: the file cannot be written.
    """
    figure = Figure(figsize=(10.0, 6.5))
    top, bottom = figure.subplots(2, 1, height_ratios=(3.0, 2.0), sharex=True)
    figure.suptitle(title, color=INK, fontsize=11, x=0.125, ha="left", y=0.94)
    for style, (name, q_rad) in zip((":", "--"), asked.items(), strict=False):
        top.plot(time_s, q_rad, style, color=MUTED, linewidth=1.2, label=f"asked by {name}")
    dt_s = float(time_s[1] - time_s[0]) if len(time_s) > 1 else 1.0
    for k, (name, q_rad) in enumerate(sent.items()):
        colour, style = COLOURS[k % len(COLOURS)], STYLES[k // len(COLOURS) % len(STYLES)]
        top.plot(time_s, q_rad, style, color=colour, linewidth=1.4, label=name)
        bottom.plot(time_s, np.gradient(q_rad, dt_s), style, color=colour, linewidth=1.0)
    for axes in (top, bottom):
        axes.axvline(0.0, color=MUTED, linewidth=0.8)
    tidy(top, "position [rad]")
    tidy(bottom, "velocity [rad/s]", "time since the takeover [s]")
    top.legend(loc="best", fontsize=8, frameon=False, labelcolor=INK)
    save_png(figure, path)
