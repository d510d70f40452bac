"""The rows of an episode to the value that trainers read: the chosen joints and features, and the targets ahead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..episodes.attributes import HUMAN
from ..errors import DatasetInvalid
from ..models.observation import observe
from ..policy.chunk import MOST_RAD
from ..training.steps import EpisodeSteps, Single
from ..types import Phase
from .episode_rows import EpisodeRows


@dataclass(frozen=True, slots=True)
class Layout:
    """What is taken of every episode, in this order of columns; ``horizon`` targets, one per step."""

    joint_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    horizon: int


def episode_steps(rows: EpisodeRows, layout: Layout) -> EpisodeSteps:
    """The steps of an episode with scene, joints and targets in the columns of ``layout``.

    Raises:
        DatasetInvalid: a feature or joint is missing or not finite; the message is the reason, a phrase.
    """
    labels = rows.labels
    joints, delta_rad, imitable = _nothing(rows, layout) if rows.human else _joints(rows, layout)
    return EpisodeSteps(
        name=rows.id,
        kind=HUMAN if rows.human else kind_of(labels.source),
        success=bool(labels.reward[-1] == labels.constants.success),
        instruction=str(rows.about["instruction"]) or str(rows.about["task"]),
        scene=_scene(rows, layout.feature_names),
        joints=joints,
        source=labels.source,
        reward=labels.reward.astype(np.float32),
        done=labels.done,
        t_r=labels.t_r,
        cut_before=labels.cut_before,
        delta_rad=delta_rad,
        imitable=imitable,
        images=rows.images,
    )


def kind_of(source: NDArray[np.uint8]) -> str:
    """Who drove, by the phases (k,) of the steps that are left: a demonstration is a person from start to end."""
    person = source != Phase.AUTONOMOUS
    if person.all():
        return "demonstration"
    return "intervention" if person.any() else "rollout"


def chunk_rows(cut_before: NDArray[np.bool_], horizon: int) -> NDArray[np.int64]:
    """(k, horizon) the steps whose targets follow each step; at a cut and at the end the last one repeats."""
    stretch = np.cumsum(cut_before)
    last = np.searchsorted(stretch, stretch, side="right") - 1
    ahead = np.arange(len(cut_before))[:, None] + np.arange(1, horizon + 1)
    rows: NDArray[np.int64] = np.minimum(ahead, last[:, None])
    return rows


def _joints(rows: EpisodeRows, layout: Layout) -> tuple[Single, Single, NDArray[np.bool_]]:
    index = _columns(layout.joint_names, rows.joint_names, "it has no joint '{}'")
    measured = rows.measured_rad[:, index]
    # One glitch of an encoder would scale the joint away for all episodes.
    if not (np.abs(measured) <= MOST_RAD).all():
        raise DatasetInvalid(f"a measured joint is not finite or beyond {MOST_RAD:g} rad while somebody drives")
    target = rows.asked_rad[:, index][chunk_rows(rows.labels.cut_before, layout.horizon)]
    delta = target - measured[:, None]
    imitable = np.all(np.isfinite(delta), axis=(1, 2), keepdims=True)[:, 0, 0]
    observed = observe(measured, rows.sent_rad[:, index], np.empty((len(measured), 0))).astype(np.float32)
    delta[~imitable] = 0.0
    return observed, delta.astype(np.float32), imitable


def _nothing(rows: EpisodeRows, layout: Layout) -> tuple[Single, Single, NDArray[np.bool_]]:
    """A person without a robot has nothing that an actor could imitate."""
    steps, joints = len(rows.labels.row), len(layout.joint_names)
    delta_rad = np.zeros((steps, layout.horizon, joints), np.float32)
    return np.zeros((steps, 2 * joints), np.float32), delta_rad, np.zeros(steps, bool)


def _scene(rows: EpisodeRows, names: tuple[str, ...]) -> Single:
    features = rows.features[:, _columns(names, rows.feature_names, "its task does not report '{}'")]
    finite = np.isfinite(features).all(axis=0)
    if not finite.all():
        raise DatasetInvalid(f"feature '{names[int(np.argmin(finite))]}' is not finite at some step")
    return features.astype(np.float32)


def _columns(names: tuple[str, ...], known: tuple[str, ...], missing: str) -> list[int]:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DatasetInvalid(missing.format(unknown[0]))
    return [known.index(name) for name in names]
