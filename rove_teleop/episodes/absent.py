"""Files of sealed episodes that were left elsewhere on purpose: ``absent/<id>.json`` says which, and where they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..errors import DatasetInvalid
from .durability import fsync_directory, write_durable_json
from .find import checked_name


def absent_files(root: Path, episode_id: str) -> frozenset[str]:
    """Paths inside the episode that are not here, such as ``cameras/ego/jpeg/c/0``; empty for a whole episode.

    Raises:
        DatasetInvalid: the note about it cannot be read.
    """
    path = _path(root, episode_id)
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        if not isinstance(files, list):
            raise TypeError(f"files is {files!r}, not a list")
        return frozenset(map(str, files))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetInvalid(f"{path}: cannot be read ({error})") from error


def absent_arrays(root: Path, episode_id: str) -> frozenset[str]:
    """The arrays that those files belong to, such as ``cameras/ego/jpeg``.

    Raises:
        DatasetInvalid: as ``absent_files``.
    """
    return frozenset(name.partition("/c/")[0] for name in absent_files(root, episode_id))


def mark_absent(root: Path, episode_id: str, files: Sequence[str], url: str) -> None:
    """Say durably that these files of an episode are at ``url`` only; no files: that nothing is missing any more."""
    path = _path(root, episode_id)
    if files:
        path.parent.mkdir(exist_ok=True)
        write_durable_json(path, {"url": url, "files": sorted(files)})
    elif path.exists():
        path.unlink()
        fsync_directory(path.parent)


def _path(root: Path, episode_id: str) -> Path:
    return root / "absent" / f"{checked_name(episode_id, 'an episode id')}.json"
