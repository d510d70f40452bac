"""What a trainer needs of one sealed episode, read at the training rate: labels checked, what was cut left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..episodes.attributes import HUMAN
from ..episodes.camera_layout import PACKS
from ..episodes.edit.overlay import labels_key, read_labels
from ..episodes.read import Episode
from ..episodes.windows.columns import checked_array
from ..errors import DatasetInvalid
from ..failure.step_labels import LabelConstants, StepLabels, refusal, step_labels
from ..types import Array, Authority, Phase
from ..virtual_time.trajectories import asked
from .episode_images import Size, image_age_s, images_at
from .mislabelled import contradiction, unconfirmed
from .takeovers import Takeover, used_phase

POLICY_DRIVES = 1
"""In ``control/driver``."""
OLDEST_SCENE_S = 0.5
"""Ticks whose newest task state or image is older than this are cut: nobody knows what a policy would have seen."""
Eyes = Mapping[str, Size]
"""Cameras that are looked through instead of reading the task's features, and the size of their images."""


@dataclass(frozen=True, slots=True)
class EpisodeRows:
    """The steps (k,) of an episode, all joints (n) and features (f) of it.

    ``labels`` says at which control ticks they begin, what they cost and where something was cut. ``measured_rad``,
    ``sent_rad`` and ``asked_rad`` are (k, n), ``features`` (k, f), ``images`` by camera
    (k, height, width, 3). ``t_r_sources`` says whose word counted, per
    takeover; ``edits_key`` which edits were known. A person without a robot has no joints.
    """

    root: Path
    id: str
    about: dict[str, Any]
    labels: StepLabels
    t_r_sources: tuple[str, ...]
    edits_key: str
    joint_names: tuple[str, ...]
    measured_rad: Array
    sent_rad: Array
    asked_rad: Array
    feature_names: tuple[str, ...]
    features: Array
    images: dict[str, NDArray[np.uint8]]

    @property
    def human(self) -> bool:
        return self.about.get("embodiment") == HUMAN


def read_rows(
    root: Path,
    episode: Episode,
    constants: LabelConstants,
    takeovers: Callable[[Episode, str], list[Takeover]],
    eyes: Eyes = MappingProxyType({}),
) -> EpisodeRows:
    """An episode of the dataset ``root`` at the rate of ``constants``, as the newest edits have it.

    With ``eyes`` the images of these cameras are read, and nothing of the task's features.

    Raises:
        DatasetInvalid: it cannot be learnt from; the message is the reason, a phrase.
    """
    opened = Opened(episode.path, episode.attributes)
    human = episode.attributes.get("embodiment") == HUMAN
    key = labels_key(root, episode.id)
    said = read_labels(root, opened)
    stamp_s, authority = np.asarray(opened["control/stamp_s"]), np.asarray(opened["control/authority"])
    _refuse(refusal(str(episode.attributes["status"]), authority, said))
    found: list[Takeover] = []
    if not human:
        _refuse(contradiction(said.phase, authority))
        found = takeovers(opened, key)
        _refuse(unconfirmed(said.phase, found))
    seen = np.where(_scene_known(opened, stamp_s, eyes), used_phase(said.phase, found), np.uint8(Phase.UNLABELLED))
    try:
        labels = step_labels(stamp_s, authority, replace(said, phase=seen), constants)
    except ValueError as error:
        raise DatasetInvalid(str(error)) from error
    row = labels.row
    nothing = np.empty((len(row), 0))
    measured_rad, sent_rad = (nothing, nothing) if human else (_at(opened, "measured", row), _at(opened, "sent", row))
    return EpisodeRows(
        root=root,
        id=episode.id,
        about=episode.attributes,
        labels=labels,
        t_r_sources=tuple(item.source for item in found),
        edits_key=key,
        joint_names=() if human else tuple(episode.attributes["joint_names"]),
        measured_rad=measured_rad,
        sent_rad=np.where(np.isfinite(sent_rad), sent_rad, measured_rad),
        asked_rad=nothing if human else _asked_rad(opened, row, authority[row], sent_rad),
        feature_names=() if eyes else tuple(episode.attributes["feature_names"]),
        features=nothing if eyes else np.asarray(opened["task/features"])[_newest(opened, stamp_s[row])],
        images={camera: images_at(opened, camera, stamp_s[row], size) for camera, size in eyes.items()},
    )


class Opened(Episode):
    """An episode whose arrays are opened, and compared with their checksums, once.

    The bytes of images are not: each image has a checksum of its own, and is compared when it is looked at.
    """

    def __init__(self, path: Path, attributes: dict[str, Any]) -> None:
        super().__init__(path, attributes)
        self._arrays: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._arrays:
            recorded, images = Episode(self.path, self.attributes), name.rpartition("/")[2] in PACKS
            # A plain view: rows of a memmap are slow to take one by one.
            self._arrays[name] = (recorded[name] if images else checked_array(recorded, name)).view(np.ndarray)
        return self._arrays[name]


def _refuse(why: str | None) -> None:
    if why is not None:
        raise DatasetInvalid(why)


def _at(episode: Episode, name: str, row: NDArray[np.int64]) -> Array:
    """Rows of a mapped file: only their pages are read."""
    values: Array = np.asarray(episode[f"control/q_{name}_rad"][row], dtype=np.float64)
    return values


def _asked_rad(episode: Episode, row: NDArray[np.int64], authority: NDArray[np.uint8], sent_rad: Array) -> Array:
    """(k, n) what the driver of each joint asked for; NaN where nobody drove the robot.

    Joints that the driver does not speak for are held where they are: their target is what was sent. Groups that a
    takeover left to the policy are the policy's.
    """
    policy_rad = _at(episode, "policy", row)
    target_rad = asked(authority, policy_rad, _at(episode, "operator", row))
    kept = (authority[:, None] == Authority.HUMAN) & (_driver(episode, row) == POLICY_DRIVES)
    target_rad = np.where(kept, policy_rad, target_rad)
    somebody = np.isfinite(target_rad).any(axis=1, keepdims=True)
    return np.where(somebody & np.isnan(target_rad), sent_rad, target_rad)


def _driver(episode: Episode, row: NDArray[np.int64]) -> NDArray[np.uint8]:
    """(k, n) who should drive each joint, from the columns per group."""
    names = list(episode.attributes["joint_names"])
    per_group = episode["control/driver"][row]
    driver = np.zeros((len(row), len(names)), np.uint8)
    for column, members in enumerate(episode.attributes["groups"].values()):
        driver[:, [names.index(name) for name in members]] = per_group[:, [column]]
    return driver


def _newest(episode: Episode, stamp_s: Array) -> NDArray[np.int64]:
    """The newest task state received at or before each moment; -1: none."""
    return np.searchsorted(episode["task/stamp_s"], stamp_s, side="right") - 1


def _scene_known(episode: Episode, stamp_s: Array, eyes: Eyes) -> NDArray[np.bool_]:
    """(ticks,) whether a task state, or an image of each camera, was received at or before each tick, not long ago."""
    if eyes:
        oldest_s = np.max([image_age_s(episode, camera, stamp_s) for camera in eyes], axis=0)
        seen: NDArray[np.bool_] = oldest_s <= OLDEST_SCENE_S
        return seen
    task_s = episode["task/stamp_s"]
    _refuse(None if len(task_s) else "its task was not recorded, so there is no scene")
    newest = _newest(episode, stamp_s)
    known: NDArray[np.bool_] = (newest >= 0) & (stamp_s - task_s[np.maximum(newest, 0)] <= OLDEST_SCENE_S)
    return known
