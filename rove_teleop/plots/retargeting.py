"""What ``rove retarget --plot`` shows: how far off the hands are, and where every joint is inside its range."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..robots.description import RobotDescription
from ..types import Array
from .figure import COLOURS, INK, MUTED, save_png, tidy

RESIDUALS = (("residual_m", "wrist"), ("fingertip_residual_m", "fingertip"))
CLAMPED = "#22262b"


def plot_retargeting(
    result: Mapping[str, NDArray[np.generic]], robot: RobotDescription, path: Path, title: str
) -> None:
    """Draw the arrays of ``retarget_motion`` into a PNG.

    Raises:
        UsageError: the file cannot be written.
    """
    figure = Figure(figsize=(10.0, 9.0))
    top, middle, bottom = figure.subplots(3, 1, height_ratios=(2.0, 5.0, 2.0), sharex=True)
    figure.suptitle(title, color=INK, fontsize=11, x=0.125, ha="left", y=0.92)
    stamp_s = result["stamp_s"].astype(np.float64)
    _residuals(top, stamp_s, result)
    _ranges(middle, stamp_s, result, robot)
    _speeds(bottom, stamp_s, result, robot)
    save_png(figure, path)


def _residuals(axes: Axes, stamp_s: Array, result: Mapping[str, NDArray[np.generic]]) -> None:
    for (key, label), colour in zip(RESIDUALS, COLOURS, strict=False):
        if key in result:
            axes.plot(stamp_s, 1000.0 * result[key].astype(np.float64), color=colour, linewidth=0.8, label=label)
    tidy(axes, "residual, worst [mm]")
    axes.set_ylim(bottom=0.0)
    axes.legend(loc="upper right", fontsize=8, frameon=False, labelcolor=MUTED)


def _ranges(axes: Axes, stamp_s: Array, result: Mapping[str, NDArray[np.generic]], robot: RobotDescription) -> None:
    """One row per joint: blue at its minimum, white in the middle, red at its maximum, black where it met a limit."""
    q_rad, clamped = result["q_rad"].astype(np.float64), result["clamped"].astype(np.bool_)
    centre, half = (robot.q_min_rad + robot.q_max_rad) / 2.0, (robot.q_max_rad - robot.q_min_rad) / 2.0
    share = np.where(result["valid"].astype(np.bool_), (q_rad - centre) / half, np.nan)
    edges_s = np.append(stamp_s, stamp_s[-1] + (stamp_s[-1] - stamp_s[0]) / max(len(stamp_s) - 1, 1))
    rows = np.arange(robot.joint_count + 1)
    axes.set_facecolor("#eceff1")
    axes.pcolormesh(edges_s, rows, share.T, cmap="RdBu_r", vmin=-1.0, vmax=1.0, rasterized=True)
    marks = np.where(clamped & result["valid"].astype(np.bool_), 1.0, np.nan)
    axes.pcolormesh(edges_s, rows, marks.T, cmap="Greys", vmin=0.0, vmax=1.0, rasterized=True)
    tidy(axes, "joint within its range")
    axes.grid(False)
    axes.invert_yaxis()
    axes.set_yticks([float(index.mean()) + 0.5 for index in robot.groups.values()], list(robot.groups))
    for index in list(robot.groups.values())[1:]:
        axes.axhline(float(index.min()), color="white", linewidth=1.5)
    axes.text(
        1.0, 1.01, "blue: at minimum   red: at maximum   black: met a limit   grey: not tracked",
        transform=axes.transAxes, ha="right", fontsize=8, color=MUTED,
    )  # fmt: skip


def _speeds(axes: Axes, stamp_s: Array, result: Mapping[str, NDArray[np.generic]], robot: RobotDescription) -> None:
    """Fastest joint of each group, as a share of its velocity limit."""
    dt_s = np.maximum(np.diff(stamp_s), 1e-4)[:, None]
    share = np.abs(np.diff(result["q_rad"].astype(np.float64), axis=0)) / dt_s / robot.v_max_rad_s
    for (name, index), colour in zip(robot.groups.items(), COLOURS * len(robot.groups), strict=False):
        axes.plot(stamp_s[1:], 100.0 * share[:, index].max(axis=1), color=colour, linewidth=0.7, label=name)
    tidy(axes, "speed, of limit [%]", "time [s]")
    axes.set_ylim(0.0, 105.0)
    axes.legend(loc="upper right", fontsize=7, ncols=3, frameon=False, labelcolor=MUTED)
