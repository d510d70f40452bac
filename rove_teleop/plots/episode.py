"""What ``rove show --plot`` draws: who drove an episode, what was thought of it, and how the joints moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray

from ..types import Array, Authority, Phase
from .figure import BLUE, BROWN, COLOURS, INK, MUTED, ORANGE, PHASES, RED, VIOLET, save_png, tidy
from .values import draw_advantage, draw_value

AUTHORITIES = {
    Authority.HOLD: MUTED, Authority.POLICY: BLUE, Authority.HUMAN: ORANGE, Authority.STOP: RED,
    Authority.REWIND: VIOLET,
}  # fmt: skip
EXCLUDED = "#22262b"
JUDGED = {"value", "advantage", "threshold", "positive"}
"""Labels of a training run: each has its own scale, so that value and advantage get a place of their own."""
TRAINERS = JUDGED | {"used"}


@dataclass(frozen=True, slots=True)
class Scores:
    """Opinions of failure detectors: when (k,), how much (k,), from where on it is an alarm (k,), and whose (k,)."""

    time_s: Array
    score: Array
    threshold: Array
    detector: Sequence[str]


@dataclass(frozen=True, slots=True)
class EpisodePicture:
    """Everything that is drawn, in seconds from the first row.

    ``time_s``, ``phase``, ``authority``, ``excluded`` (t,); ``weight`` (t, g) of ``groups``; ``q_sent_rad`` and
    ``q_measured_rad`` (t, j) of ``joints``; ``values``: arrays (t,) by name; ``marks``: what happened when.
    """

    time_s: Array
    phase: NDArray[np.uint8]
    authority: NDArray[np.uint8]
    excluded: NDArray[np.bool_]
    weight: Array
    groups: Sequence[str]
    q_sent_rad: Array
    q_measured_rad: Array
    joints: Sequence[str]
    failure: Scores | None = None
    values: Mapping[str, Array] = field(default_factory=dict)
    marks: Sequence[tuple[float, str]] = ()


def plot_episode(picture: EpisodePicture, path: Path, title: str) -> None:
    """Draw one episode into a PNG; values and failure scores get their place only where there are any.

    Raises:
        UsageError: the file cannot be written.
    """
    panels = [(1.1, _bands), (1.6, _weights)]
    judged = JUDGED <= set(picture.values)
    panels += [(1.6, _value), (1.6, _advantage)] if judged else []
    panels += [(1.8, _values)] if set(picture.values) - (TRAINERS if judged else set()) else []
    panels += [(1.6, _failure)] if picture.failure is not None else []
    panels += [(4.0, _joints)]
    heights = [height for height, _ in panels]
    figure = Figure(figsize=(12.0, 1.4 + sum(heights)))
    all_axes = np.atleast_1d(figure.subplots(len(panels), 1, height_ratios=heights, sharex=True))
    figure.suptitle(title, color=INK, fontsize=11, x=0.125, ha="left", y=0.97)
    for axes, (_, draw) in zip(all_axes, panels, strict=True):
        draw(axes, picture)
        for time_s, _ in picture.marks:
            axes.axvline(time_s, color=RED, linewidth=0.8, alpha=0.7)
    _name_marks(all_axes[0], picture.marks)
    all_axes[-1].set_xlabel("time [s]", color=INK, fontsize=9)
    if len(picture.time_s) > 1:
        all_axes[-1].set_xlim(picture.time_s[0], picture.time_s[-1])
    save_png(figure, path)


def _bands(axes: Axes, picture: EpisodePicture) -> None:
    """Two strips of colour: the phase above, who computed the command below; black: left out of training."""
    known = {int(phase) for phase in PHASES}
    phase = np.where(np.isin(picture.phase, list(known)), picture.phase, Phase.UNLABELLED)
    for strip, values, colours in ((1.0, phase, PHASES), (0.0, picture.authority, AUTHORITIES)):
        for value, colour in colours.items():
            there = values == value
            axes.fill_between(picture.time_s, strip, strip + 0.9, where=there.tolist(), step="post", color=colour, lw=0)
    if np.any(picture.excluded):
        axes.fill_between(
            picture.time_s, 0.93, 0.97, where=picture.excluded.tolist(), step="post", color=EXCLUDED, lw=0
        )
    axes.set_ylim(0.0, 1.95)
    tidy(axes, "")
    axes.grid(False)
    axes.set_yticks([0.45, 1.45], ["authority", "phase"])
    # Colours go together: what policy and autonomous share needs one name.
    shown = {colour: value.name.lower() for value, colour in AUTHORITIES.items() if np.any(picture.authority == value)}
    shown.update({colour: value.name.lower() for value, colour in PHASES.items() if np.any(phase == value)})
    if np.any(picture.excluded):
        shown[EXCLUDED] = "excluded"
    handles = [Patch(color=colour, label=name) for colour, name in shown.items()]
    axes.legend(
        handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(handles) or 1, fontsize=7,
        frameon=False, labelcolor=MUTED, handlelength=1.0,
    )  # fmt: skip


def _weights(axes: Axes, picture: EpisodePicture) -> None:
    for k, (name, colour) in enumerate(zip(picture.groups, COLOURS * len(picture.groups), strict=False)):
        axes.plot(picture.time_s, picture.weight[:, k], color=colour, linewidth=1.0, label=name)
    tidy(axes, "share of operator")
    axes.set_ylim(-0.05, 1.05)
    _legend(axes, len(picture.groups))


def _value(axes: Axes, picture: EpisodePicture) -> None:
    draw_value(axes, picture.time_s, picture.values["value"])


def _advantage(axes: Axes, picture: EpisodePicture) -> None:
    advantage, threshold, positive = (picture.values[name] for name in ("advantage", "threshold", "positive"))
    draw_advantage(axes, picture.time_s, advantage, threshold, positive > 0.0)


def _values(axes: Axes, picture: EpisodePicture) -> None:
    judged = JUDGED <= set(picture.values)
    others = {name: values for name, values in picture.values.items() if not (judged and name in TRAINERS)}
    for (name, values), colour in zip(others.items(), (BROWN, *COLOURS) * len(others), strict=False):
        axes.plot(picture.time_s, values, color=colour, linewidth=1.0, label=name)
    tidy(axes, "derived labels")
    _legend(axes, len(others))


def _failure(axes: Axes, picture: EpisodePicture) -> None:
    scores = picture.failure
    if scores is None:
        return
    names = list(dict.fromkeys(scores.detector))
    for name, colour in zip(names, COLOURS * len(names), strict=False):
        mine = np.array([detector == name for detector in scores.detector])
        axes.plot(scores.time_s[mine], scores.score[mine], color=colour, linewidth=1.0, label=name or "detector")
        axes.plot(scores.time_s[mine], scores.threshold[mine], "--", color=colour, linewidth=0.8)
    tidy(axes, "failure score")
    _legend(axes, len(names))


def _joints(axes: Axes, picture: EpisodePicture) -> None:
    """Sent as lines, measured dotted in the same colour."""
    for k, (name, colour) in enumerate(zip(picture.joints, COLOURS * len(picture.joints), strict=False)):
        axes.plot(picture.time_s, picture.q_sent_rad[:, k], color=colour, linewidth=1.1, label=name)
        axes.plot(picture.time_s, picture.q_measured_rad[:, k], ":", color=colour, linewidth=1.0)
    tidy(axes, "position [rad]\nsent, measured dotted")
    _legend(axes, len(picture.joints))


def _legend(axes: Axes, count: int) -> None:
    if count:
        axes.legend(loc="upper right", fontsize=7, ncols=min(count, 6), frameon=False, labelcolor=MUTED)


def _name_marks(axes: Axes, marks: Sequence[tuple[float, str]]) -> None:
    where = blended_transform_factory(axes.transData, axes.transAxes)
    for time_s, name in marks:
        axes.text(time_s, 1.04, name, transform=where, color=RED, fontsize=7, ha="center")
