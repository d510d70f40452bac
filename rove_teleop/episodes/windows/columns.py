"""One key of an episode at the training steps: the values, and where they were really recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DatasetInvalid
from ...types import Array
from ..labels import read_derived
from ..read import Episode
from ..record.journal import crc32c
from .decimation import Steps, newest_rows

_CLOCKS = ("receive_s", "stamp_s")


def available_keys(episode: Episode) -> list[str]:
    """Every key that ``column_of`` can read of this episode."""
    arrays = [name for name in episode if not name.startswith(("cameras/", "events/"))]
    return sorted([*arrays, *(f"cameras/{name}" for name in episode.cameras)])


def column_of(episode: Episode, key: str, steps: Steps) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values (steps, ...) of a key, and ``whole`` (steps,): recorded and finite throughout.

    ``control/...`` is read at the steps' rows; any other stream gives its newest row received at or before the step
    (zeros and not whole where there is none yet). float64 becomes float32, except stamps and ages (names in ``_s``).
    ``cameras/NAME`` gives (steps, 4) int64: the newest image's start in the pack, length, age in µs and number;
    ``labels/RUN/NAME`` what a run derived for the steps' rows.

    Raises:
        DatasetInvalid: the episode has no such key, or its bytes do not match their checksum.
        UsageError: the run has not labelled this episode.
    """
    group, _, name = key.rpartition("/")
    if key not in available_keys(episode) and not group.startswith("labels/"):
        raise DatasetInvalid(f"{episode.path.name}: has no '{key}'")
    if group.startswith("labels/"):
        values, there = _derived(episode, group.removeprefix("labels/"), name, steps)
    elif group == "control":
        values = checked_array(episode, key)[steps.row]
        there = np.ones(len(steps.row), np.bool_)
    else:
        stamp_s = checked_array(episode, "control/stamp_s")[steps.row]
        values, there = _camera(episode, name, stamp_s) if group == "cameras" else _held(episode, key, stamp_s)
    if values.dtype == np.float64 and not name.endswith("_s"):
        values = values.astype(np.float32)
    if values.dtype.kind == "f":
        there = there & np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    return values, there


def checked_array(episode: Episode, name: str) -> NDArray[Any]:
    """An array whose bytes match the checksum in the attributes.

    Raises:
        DatasetInvalid: they do not, or the array is not there.
    """
    if name not in episode:
        raise DatasetInvalid(f"{episode.path.name}: has no '{name}'")
    array = episode[name]
    if crc32c(array.reshape(-1).view(np.uint8)) != episode.attributes["crc32c"][name]:
        raise DatasetInvalid(f"{episode.path.name}: {name} does not match its checksum")
    return array


def image_places(episode: Episode, camera: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start and length (k,) in the pack of the bytes that decode to each image: in a video from its key image on."""
    offset, length = (checked_array(episode, f"cameras/{camera}/{part}") for part in ("offset", "length"))
    if episode.codec(camera) == "jpeg":
        return offset, length
    keyframe = checked_array(episode, f"cameras/{camera}/keyframe")
    return keyframe, offset + length - keyframe


def _derived(episode: Episode, run: str, name: str, steps: Steps) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    arrays = read_derived(episode.path.parents[1], run, episode).arrays
    if name not in arrays:
        raise DatasetInvalid(f"{episode.path.name}: run {run} has no '{name}', it has {', '.join(sorted(arrays))}")
    return arrays[name][steps.row], np.ones(len(steps.row), np.bool_)


def _held(episode: Episode, key: str, stamp_s: Array) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Each step's newest row of a stream that has its own clock."""
    group = key.rpartition("/")[0]
    clock = next((f"{group}/{name}" for name in _CLOCKS if f"{group}/{name}" in episode), None)
    if clock is None:
        raise DatasetInvalid(f"{episode.path.name}: '{key}' has no receive_s or stamp_s beside it to place it in time")
    array, row = checked_array(episode, key), newest_rows(checked_array(episode, clock), stamp_s)
    values = np.zeros((len(row), *array.shape[1:]), array.dtype)
    values[row >= 0] = array[row[row >= 0]]
    return values, row >= 0


def _camera(episode: Episode, name: str, stamp_s: Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    receive_s = checked_array(episode, f"cameras/{name}/receive_s")
    start, length = image_places(episode, name)
    row = newest_rows(receive_s, stamp_s)
    there, values = row >= 0, np.zeros((len(row), 4), np.int64)
    seen = row[there]
    age_us = (stamp_s[there] - receive_s[seen]) * 1e6
    values[there] = np.column_stack([start[seen], length[seen], age_us.astype(np.int64), seen])
    return values, there
