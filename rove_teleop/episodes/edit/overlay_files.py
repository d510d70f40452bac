"""Revisions on disk: ``overlays/<episode id>/000001.json`` and on, each written once and never again."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...clock import wall_time_s
from ...errors import DatasetInvalid, UsageError
from ..create_once import create_once, make_folders
from ..find import checked_name
from ..read import Episode
from ..record.journal import crc32c
from .edits import Edit, check_edit, edit_json, edit_of

FORMAT_VERSION = 1
LONGEST_AUTHOR = 64
_NAME = re.compile(r"(\d{6})\.json")


@dataclass(frozen=True, slots=True)
class Revision:
    """What one person said at one time (``time_s``: seconds since the epoch)."""

    number: int
    author: str
    time_s: float
    edits: tuple[Edit, ...]


def overlay_folder(root: Path, episode_id: str) -> Path:
    """Where the revisions of an episode are, whether there are any or not."""
    return root / "overlays" / checked_name(episode_id, "an episode id")


def newest_revision(root: Path, episode_id: str) -> int:
    """The number of the newest revision; 0 where nobody said anything."""
    try:
        names = os.listdir(overlay_folder(root, episode_id))
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise DatasetInvalid(f"{root}: the overlays of {episode_id} cannot be read ({error.strerror})") from error
    return max((int(match[1]) for match in map(_NAME.fullmatch, names) if match), default=0)


def misnamed_revisions(root: Path, episode_id: str) -> list[Path]:
    """Files beside the revisions of an episode that no reader looks at, because of their names."""
    files = sorted(overlay_folder(root, episode_id).glob("[!.]*"))
    return [path for path in files if not _NAME.fullmatch(path.name)]


def revision_path(root: Path, episode_id: str, number: int) -> Path:
    return overlay_folder(root, episode_id) / f"{number:06d}.json"


def read_revisions(root: Path, episode: Episode, newest: int | None = None) -> list[Revision]:
    """Revisions 1 to ``newest`` of an episode (None: all), in their order.

    Raises:
        UsageError: there is no revision ``newest``.
        DatasetInvalid: a revision is missing, damaged, or was made for another episode of this name.
    """
    there = newest_revision(root, episode.id)
    wanted = there if newest is None else newest
    if not 0 <= wanted <= there:
        raise UsageError(f"{root}: episode {episode.id} has no revision {wanted}, its newest is {there}")
    return [read_revision(revision_path(root, episode.id, number), episode) for number in range(1, wanted + 1)]


def read_revision(path: Path, episode: Episode) -> Revision:
    """One revision.

    Raises:
        DatasetInvalid: as ``read_revisions``.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format_version"] > FORMAT_VERSION:
            raise ValueError(f"format version {content['format_version']}, this software reads up to {FORMAT_VERSION}")
        if content["crc32c"] != _crc32c(content):
            raise ValueError("it does not match its checksum")
        if (content["episode"], content["revision"]) != (episode.id, int(path.stem)):
            raise ValueError(f"it is revision {content['revision']} of {content['episode']}")
        if content["episode_crc32c"] != episode.attributes.get("attributes_crc32c"):
            raise ValueError("it was made for another episode of this name")
        edits = tuple(edit_of(edit) for edit in content["edits"])
        for edit in edits:
            check_edit(edit, int(episode.attributes["rows"]), int(content["revision"]))
        return Revision(int(content["revision"]), str(content["author"]), float(content["time_s"]), edits)
    except FileNotFoundError as error:
        raise DatasetInvalid(f"{path}: this revision is missing, though later ones are there") from error
    except (OSError, RecursionError, ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
        raise DatasetInvalid(f"{path}: this revision cannot be read ({error})") from error


def commit_revision(
    root: Path, episode: Episode, author: str, edits: Sequence[Edit], time_s: float | None = None
) -> Revision:
    """Add a revision. When this returns it survives a power cut; of two writers at once, one gets the next number.

    ``time_s``: when it was said first, where it is said again.

    Raises:
        UsageError: an edit that cannot be, no edit, or no author.
        DatasetInvalid: the overlay cannot be written.
    """
    author = checked_author(author)
    time_s = wall_time_s() if time_s is None else time_s
    if not edits:
        raise UsageError("nothing to change was given")
    folder = overlay_folder(root, episode.id)
    number = newest_revision(root, episode.id) + 1
    for edit in edits:
        check_edit(edit, int(episode.attributes["rows"]), number)
    try:
        make_folders(root, folder)
        while True:
            revision = Revision(number, author, time_s, tuple(edits))
            if create_once(revision_path(root, episode.id, number), _content(revision, episode)):
                return revision
            number += 1
    except OSError as error:
        raise DatasetInvalid(f"{folder}: the overlay cannot be written ({error.strerror or error})") from error


def checked_author(author: str) -> str:
    """A name of 1 to 64 printable characters, else UsageError."""
    author = author.strip()
    if not (0 < len(author) <= LONGEST_AUTHOR and author.isprintable()):
        raise UsageError(f"an author has 1 to {LONGEST_AUTHOR} printable characters, got {author!r}")
    return author


def _content(revision: Revision, episode: Episode) -> bytes:
    content: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "episode": episode.id,
        "episode_crc32c": episode.attributes.get("attributes_crc32c"),
        "revision": revision.number,
        "author": revision.author,
        "time_s": revision.time_s,
        "edits": [edit_json(edit) for edit in revision.edits],
    }
    whole = {**content, "crc32c": _crc32c(content)}
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False).encode()


def _crc32c(content: Mapping[str, Any]) -> int:
    rest = {key: value for key, value in content.items() if key != "crc32c"}
    return crc32c(json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False).encode())
