"""The look that all plots share, and the one way to write them."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..errors import UsageError
from ..types import Phase

INK, MUTED, GRID = "#22262b", "#7a838c", "#e3e6e9"
BLUE, ORANGE, GREEN, RED, VIOLET, BROWN = "#2f6db5", "#d9822b", "#3d9963", "#c4413d", "#7d5ba6", "#8c6d46"
COLOURS = (BLUE, ORANGE, GREEN, RED, VIOLET, BROWN)
PHASES = {
    Phase.AUTONOMOUS: BLUE, Phase.ADAPTATION: ORANGE, Phase.RECOVERY: GREEN, Phase.PAUSED: MUTED,
    Phase.REWIND: VIOLET, Phase.UNLABELLED: "#d5d9dd",
}  # fmt: skip


def tidy(axes: Axes, ylabel: str, xlabel: str = "") -> None:
    """Labels with units, a quiet grid, no box."""
    axes.set_ylabel(ylabel, color=INK, fontsize=9)
    axes.set_xlabel(xlabel, color=INK, fontsize=9)
    axes.tick_params(colors=MUTED, labelsize=8)
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GRID)


def save_png(figure: Figure, path: Path) -> None:
    """Write the figure.

    Raises:
        UsageError: the name does not end in .png, or the file cannot be written.
    """
    if path.suffix != ".png":
        raise UsageError(f"{path}: plots are PNG files, so the name must end in .png")
    FigureCanvasAgg(figure)
    try:
        figure.savefig(path, dpi=130, bbox_inches="tight", facecolor="white")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror or error})") from error
