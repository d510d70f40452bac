"""Recorded streams of many episodes in one file, so that rollouts are run once and judged again and again."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from ..errors import StreamInvalid
from .streams import Streams

FIELDS = tuple(item.name for item in fields(Streams))


def save_streams(path: Path, episodes: Sequence[Streams]) -> None:
    """Write ``path`` (.npz, compressed), by rename."""
    arrays = {
        f"{number:05d}/{name}": np.asarray(getattr(item, name))
        for number, item in enumerate(episodes)
        for name in FIELDS
    }
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    os.replace(partial, path)


def load_streams(path: Path) -> list[Streams]:
    """Episodes in the order in which they were saved.

    Raises:
        StreamInvalid: unreadable, or not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            numbers = sorted({key.split("/")[0] for key in data.files})
            return [_episode({name: data[f"{number}/{name}"] for name in FIELDS}) for number in numbers]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise StreamInvalid(f"{path}: is not a file of recorded failure streams ({error})") from error


def _episode(values: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]) -> Streams:
    plain = {name: value.item() if value.ndim == 0 else value for name, value in values.items()}
    return Streams(**plain)  # type: ignore[arg-type]
