"""What a critic thinks of an episode: value and advantage over time, phases as bands, positive steps marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ..types import Array, Phase
from .figure import BROWN, GREEN, INK, MUTED, PHASES, RED, save_png, tidy

BAND = 0.14


@dataclass(frozen=True, slots=True)
class ValuePicture:
    """Steps (k,) of an episode in seconds of kept time; NaN where nothing is known."""

    time_s: Sequence[float]
    phase: NDArray[np.uint8]
    value: Array
    advantage: Array
    threshold: Array
    positive: NDArray[np.bool_]
    t_r: NDArray[np.bool_]
    cut_before: NDArray[np.bool_]


def plot_values(picture: ValuePicture, path: Path, title: str) -> None:
    """Draw one episode into a PNG.

    Raises:
        UsageError: the file cannot be written.
    """
    figure = Figure(figsize=(10.0, 5.2))
    top, bottom = figure.subplots(2, 1, sharex=True)
    figure.suptitle(title, color=INK, fontsize=11, x=0.125, ha="left", y=0.97)
    time_s = np.asarray(picture.time_s)
    draw_value(top, time_s, picture.value)
    draw_advantage(bottom, time_s, picture.advantage, picture.threshold, picture.positive)
    for axes in (top, bottom):
        _bands(axes, time_s, picture.phase)
        for at_s in time_s[picture.t_r]:
            axes.axvline(at_s, color=RED, linewidth=1.0)
        for at_s in time_s[picture.cut_before]:
            axes.axvline(at_s, color=MUTED, linewidth=0.8, linestyle=":")
    _legend(top, picture)
    bottom.set_xlabel("time without what was cut [s]", color=INK, fontsize=9)
    save_png(figure, path)


def draw_value(axes: Axes, time_s: Array, value: Array) -> None:
    """Value (t,) in reward units: what is still to pay."""
    axes.plot(time_s, value, color=BROWN, linewidth=1.2)
    tidy(axes, "value\n[reward to come]")


def draw_advantage(axes: Axes, time_s: Array, advantage: Array, threshold: Array, positive: NDArray[np.bool_]) -> None:
    """Advantage (t,), the threshold it had to exceed, and the steps that count as positive."""
    axes.plot(time_s, advantage, color=INK, linewidth=1.0)
    axes.plot(time_s, threshold, "--", color=MUTED, linewidth=0.9)
    marked = np.where(positive, advantage, np.nan)
    axes.plot(time_s, marked, ".", color=GREEN, markersize=4.0)
    # Steps that are positive by decree have no place on the curve.
    forced = positive & ~(advantage > threshold)
    axes.plot(time_s, np.where(forced, advantage, np.nan), "o", color=GREEN, markersize=5.0, fillstyle="none")
    tidy(axes, "advantage\npositive: green")


def _bands(axes: Axes, time_s: Array, phase: NDArray[np.uint8]) -> None:
    edges = [0, *(np.flatnonzero(np.diff(phase.astype(np.int16))) + 1).tolist(), len(phase)]
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    for start, end in pairwise(edges):
        colour = PHASES.get(Phase(int(phase[start])), MUTED)
        axes.axvspan(time_s[start], time_s[end - 1] + step_s, color=colour, alpha=BAND, linewidth=0)


def _legend(axes: Axes, picture: ValuePicture) -> None:
    there = [phase for phase in PHASES if np.any(picture.phase == phase)]
    handles = [Patch(color=PHASES[phase], alpha=3 * BAND, label=phase.name.lower()) for phase in there]
    if np.any(picture.t_r):
        handles.append(Patch(color=RED, label="t_r"))
    axes.legend(
        handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(handles), fontsize=7,
        frameon=False, labelcolor=MUTED, handlelength=1.0,
    )  # fmt: skip
