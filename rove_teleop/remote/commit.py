"""What a pushed episode consists of: the small object whose creation makes it exist in the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..episodes.camera_layout import PACKS
from ..episodes.find import checked_name
from ..episodes.read import Episode
from ..episodes.record.journal import crc32c
from ..episodes.record.seal import metadata_crc32c
from ..errors import DatasetInvalid, UsageError

FORMAT_VERSION = 1
ROOT_METADATA = "zarr.json"
OBJECTS = "objects/"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of an episode: its path inside it, bytes, and their SHA-256 in hexadecimal."""

    path: str
    size: int
    sha256: str

    @property
    def is_images(self) -> bool:
        """Whether it is a camera's pack of images, which is nearly all of an episode's bytes."""
        parts = PurePosixPath(self.path).parts
        return len(parts) > 3 and parts[0] == "cameras" and parts[2] in PACKS and parts[3] == "c"


@dataclass(frozen=True, slots=True)
class StoredArray:
    """Shape and NumPy type of one array, so that reading it takes one request."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Commit:
    """An episode in the store. ``folder`` holds its files; ``content`` is the SHA-256 of its own ``zarr.json``.

    That file has the checksum of everything else in it, so two episodes with the same ``content`` are the same.
    """

    id: str
    content: str
    folder: str
    files: tuple[StoredFile, ...]
    arrays: dict[str, StoredArray]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    def to_json(self) -> bytes:
        return json.dumps({"format_version": FORMAT_VERSION, **asdict(self)}, allow_nan=False).encode()


def commit_key(episode_id: str) -> str:
    """Where the commit of an episode is."""
    return f"episodes/{checked_name(episode_id, 'an episode id')}.commit"


def folder_name(episode_id: str, content: str) -> str:
    """Two episodes of one name never share a folder, so that neither can overwrite the other."""
    return f"{episode_id}-{content[:16]}.zarr"


def content_of(path: Path) -> str:
    """What tells a sealed episode on disk from every other.

    Raises:
        DatasetInvalid: it cannot be read.
    """
    try:
        return hashlib.sha256((path / ROOT_METADATA).read_bytes()).hexdigest()
    except OSError as error:
        raise DatasetInvalid(f"{path / ROOT_METADATA}: cannot be read ({error.strerror})") from error


def commit_of(episode: Episode) -> Commit:
    """Read every byte of a sealed episode on disk.

    Raises:
        DatasetInvalid: a checksum does not match, so it must not be spread.
    """
    _check(episode)
    files = sorted(path for path in episode.path.rglob("*") if path.is_file())
    content = content_of(episode.path)
    return Commit(
        id=episode.id,
        content=content,
        folder=f"{OBJECTS}{folder_name(episode.id, content)}",
        files=tuple(_stored(file, episode.path) for file in files),
        arrays={name: StoredArray(episode[name].shape, episode[name].dtype.str) for name in episode},
    )


def read_commit(data: bytes, where: str) -> Commit:
    """The commit of ``Commit.to_json``; ``where`` names it in messages.

    Raises:
        DatasetInvalid: not a commit, of a newer version, or naming files outside of an episode.
    """
    try:
        value: Mapping[str, Any] = json.loads(data)
        if value["format_version"] > FORMAT_VERSION:
            raise ValueError(f"format version {value['format_version']}, this software reads up to {FORMAT_VERSION}")
        files = tuple(StoredFile(str(f["path"]), int(f["size"]), str(f["sha256"])) for f in value["files"])
        arrays = {n: StoredArray(tuple(a["shape"]), np.dtype(a["dtype"]).str) for n, a in value["arrays"].items()}
        commit = Commit(checked_name(value["id"], "an id"), value["content"], value["folder"], files, arrays)
        if not commit.folder.startswith(OBJECTS):
            raise ValueError(f"its folder is {commit.folder!r}")
        for name in (commit.folder, *(file.path for file in files)):
            if name.startswith("/") or not {".", ".."}.isdisjoint(name.split("/")) or "\\" in name:
                raise ValueError(f"it names {name!r}")
        return commit
    except (RecursionError, ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
        raise DatasetInvalid(f"{where}: is not the commit of an episode ({error})") from error


def _check(episode: Episode) -> None:
    attributes = episode.attributes
    if metadata_crc32c(episode.path) != attributes.get("metadata_crc32c"):
        raise DatasetInvalid(f"episode {episode.id}: a zarr.json does not match its checksum")
    for name, expected in attributes["crc32c"].items():
        if crc32c(episode[name].reshape(-1).view(np.uint8)) != expected:
            raise DatasetInvalid(f"episode {episode.id}: {name} does not match its checksum")


def _stored(path: Path, root: Path) -> StoredFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return StoredFile(path.relative_to(root).as_posix(), path.stat().st_size, digest)
