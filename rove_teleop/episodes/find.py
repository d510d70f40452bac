"""An episode by its id."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import UsageError
from .dataset import Dataset
from .read import Episode, open_named

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def find_episode(root: Path, episode_id: str) -> Episode:
    """Open the sealed episode ``episode_id`` of the dataset ``root``.

    Raises:
        UsageError: no id, or no such episode; the message says whether it is still being recorded.
        DatasetInvalid: not a dataset, or the episode is damaged.
    """
    checked_name(episode_id, "an episode id")
    dataset = Dataset.open(root)
    path = dataset.root / "episodes" / f"{episode_id}.zarr"
    if path.is_dir():
        return open_named(path)
    if (dataset.root / "recording" / episode_id).is_dir():
        raise UsageError(
            f"{root}: episode {episode_id} is not sealed yet (it is being recorded, or waits for recovery)"
        )
    raise UsageError(f"{root}: has no episode {episode_id}")


def checked_name(name: str, what: str) -> str:
    """``name`` where it can be the name of one file: no folder, no dots in a row.

    Raises:
        UsageError: it cannot.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise UsageError(f"{name!r} is not {what} (letters, digits, '_', '-' and single dots)")
    return name
