"""Derived labels (values, advantages, masks): arrays per tick that a run computed, beside the episodes."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetInvalid, RoveError, UsageError
from .create_once import create_once
from .edit.overlay import labels_key
from .find import checked_name, find_episode
from .label_runs import read_run, runs
from .read import Episode

_ARRAY = re.compile(r"[a-z][a-z0-9_]*")
_EPISODE, _EDITS = "episode_crc32c", "edits_key"


@dataclass(frozen=True, slots=True)
class DerivedLabels:
    """Arrays (ticks, ...) by name; ``edits_key`` is the ``overlay.labels_key`` of when they were made."""

    arrays: dict[str, NDArray[Any]]
    edits_key: str


def labelled_episodes(root: Path, run: str) -> list[str]:
    """Ids of the episodes that a run has labelled, sorted; a run that was cut short goes on after them."""
    return sorted(path.stem for path in (root / "labels" / read_run(root, run).name).glob("*.npz"))


def write_labels(
    root: Path, run: str, episode: Episode, arrays: Mapping[str, NDArray[Any]], edits_key: str | None = None
) -> None:
    """Store arrays (ticks, ...) for one episode; all of them appear at once and never change.

    ``edits_key`` is the ``overlay.labels_key`` that was true when the episode was read (None: the newest one).

    Raises:
        UsageError: no such run, or an array whose name, type or length does not fit.
        DatasetInvalid: this run has labelled the episode before, or the disk refuses.
    """
    read_run(root, run)
    for name, array in arrays.items():
        _check_array(name, array, episode)
    key = labels_key(root, episode.id) if edits_key is None else edits_key
    about = {_EPISODE: np.array(episode.attributes["attributes_crc32c"]), _EDITS: np.array(key)}
    path = _labels_path(root, run, episode)
    try:
        created = create_once(path, _npz({**arrays, **about}))
    except OSError as error:
        raise DatasetInvalid(f"{path}: labels cannot be written ({error.strerror or error})") from error
    if not created:
        raise DatasetInvalid(f"{path}: run {run} has labelled this episode before, and labels never change")


def read_derived(root: Path, run: str, episode: Episode) -> DerivedLabels:
    """The labels of one episode.

    Raises:
        UsageError: no such run, or it has not labelled this episode.
        DatasetInvalid: damaged, or made from another recording than this episode.
    """
    path = _labels_path(root, read_run(root, run).name, episode)
    try:
        arrays = _arrays(path)
        made_from, key = int(arrays.pop(_EPISODE)), str(arrays.pop(_EDITS))
    except FileNotFoundError as error:
        raise UsageError(f"{root}: run {run} has not labelled episode {episode.id}") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetInvalid(f"{path}: these labels cannot be read ({error})") from error
    ticks = int(episode.attributes["rows"])
    if made_from != episode.attributes["attributes_crc32c"] or any(len(array) != ticks for array in arrays.values()):
        raise DatasetInvalid(f"{path}: these labels are stale, they were made from another recording of this name")
    return DerivedLabels(arrays, key)


def label_problems(root: Path) -> list[str]:
    """What is wrong with the derived labels of a dataset, one sentence each; empty where all is well."""
    problems = []
    for run in sorted({path.parent.name for path in (root / "labels").glob("*/*.npz")} | set(runs(root))):
        try:
            ids = labelled_episodes(root, run)
        except RoveError as error:
            problems.append(str(error))
            continue
        for episode_id in ids:
            try:
                read_derived(root, run, find_episode(root, episode_id))
            except RoveError as error:
                problems.append(f"labels of run {run}: {error}")
    return problems


def _npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    # As numpy.savez, which cannot take an array called "file" and stores the time of day.
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return buffer.getvalue()


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    # Each member is read whole before it is looked at: zipfile then has compared its checksum.
    with zipfile.ZipFile(path) as archive:
        members = {name.removesuffix(".npy"): io.BytesIO(archive.read(name)) for name in archive.namelist()}
    return {name: np.lib.format.read_array(member, allow_pickle=False) for name, member in members.items()}


def _labels_path(root: Path, run: str, episode: Episode) -> Path:
    return root / "labels" / run / f"{checked_name(episode.id, 'an episode id')}.npz"


def _check_array(name: str, array: NDArray[Any], episode: Episode) -> None:
    if not _ARRAY.fullmatch(name) or name in (_EPISODE, _EDITS):
        raise UsageError(f"labels cannot be named {name!r} (small letters, digits and '_')")
    if array.dtype.kind not in "biuf":
        raise UsageError(f"labels '{name}' of type {array.dtype} are not numbers")
    ticks = int(episode.attributes["rows"])
    if array.ndim == 0 or len(array) != ticks:
        raise UsageError(f"labels '{name}' have shape {array.shape}, episode {episode.id} has {ticks} ticks")
