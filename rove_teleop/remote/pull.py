"""Pull: into a side folder, every byte against its hash, then one rename. Cameras may stay in the store."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..episodes.absent import absent_files, mark_absent
from ..episodes.dataset import Dataset, WriterLock
from ..episodes.durability import fsync_directory, sync_filesystem
from ..episodes.record.free_space import MIN_FREE_BYTES, check_free_space
from ..errors import DatasetInvalid, RecordingFailed, RoveError
from .commit import Commit, StoredFile, content_of, folder_name
from .overlays import pull_overlays
from .push import OBJECTS_AT_ONCE, Progress, Transfer, check_remote, contents_there, remote_commit
from .store import ObjectStore

SIDE_FOLDER = ".pull"


def pull(
    url: str, root: Path, *, cameras: bool = True, share: tuple[int, int] = (0, 1), progress: Progress | None = None
) -> Transfer:
    """Fetch every episode that is not here, and what people said of them; what is here is never overwritten.

    With ``cameras`` False the images stay in the store; a later pull with them fetches what is missing. ``share``
    (k, n): only the k-th of n parts, counted from 0; which part an episode belongs to follows from its id alone.

    Raises:
        DatasetInvalid: not a dataset at ``url``, or ``root`` holds something else or is being written.
        RemoteUnavailable: the store is away or refuses.
        RecordingFailed: the disk is full.
    """
    store = ObjectStore(url)
    check_remote(store)
    Dataset.create(root)
    moved: list[str] = []
    already: list[str] = []
    problems: list[str] = []
    fetched = 0
    with WriterLock(root):
        there = contents_there(store)
        ids = [name for name in there if _is_of_share(name, share)]
        for number, episode_id in enumerate(ids, start=1):
            try:
                size = None
                if not _is_whole(root, episode_id, there[episode_id], cameras):
                    size = _pull_episode(store, root, remote_commit(store, episode_id), cameras)
                (already if size is None else moved).append(episode_id)
                fetched += size or 0
            except DatasetInvalid as error:
                problems.append(str(error))
            except OSError as error:
                raise RecordingFailed(f"{root}: the disk refused episode {episode_id} ({error.strerror})") from error
            if progress is not None:
                progress(number, len(ids))
        said = pull_overlays(store, root)
        shutil.rmtree(root / SIDE_FOLDER, ignore_errors=True)
    problems += said.problems
    return Transfer(tuple(moved), tuple(already), tuple(problems), said.moved, tuple(said.merged), fetched)


def _is_of_share(episode_id: str, share: tuple[int, int]) -> bool:
    part, parts = share
    return int.from_bytes(hashlib.sha256(episode_id.encode()).digest()[:8]) % parts == part


def _is_whole(root: Path, episode_id: str, folder: str, cameras: bool) -> bool:
    """Whether all that was asked for is here, as far as that can be told without asking the store."""
    path = root / "episodes" / f"{episode_id}.zarr"
    if not path.exists() or (cameras and absent_files(root, episode_id)):
        return False
    return folder == folder_name(episode_id, content_of(path))


def _pull_episode(store: ObjectStore, root: Path, commit: Commit, cameras: bool) -> int | None:
    """Bytes that were fetched; None where all that was asked for is here already."""
    path = root / "episodes" / f"{commit.id}.zarr"
    if path.exists():
        if content_of(path) != commit.content:
            raise DatasetInvalid(f"episode {commit.id}: {store.url} has another episode of this name; yours is kept")
        return _fill_in(store, root, commit, path) if cameras else None
    left = [] if cameras else [file.path for file in commit.files if file.is_images]
    side = root / SIDE_FOLDER / f"{commit.id}-{commit.content[:16]}.zarr"
    size = _fetch(store, root, commit, side, [file for file in commit.files if file.path not in left])
    if content_of(side) != commit.content:
        raise DatasetInvalid(f"episode {commit.id}: what {store.url} holds is not what was committed")
    mark_absent(root, commit.id, left, store.url)
    path.parent.mkdir(exist_ok=True)
    side.rename(path)
    fsync_directory(path.parent)
    return size


def _fill_in(store: ObjectStore, root: Path, commit: Commit, path: Path) -> int | None:
    """Fetch what an earlier pull left in the store."""
    absent = absent_files(root, commit.id)
    if not absent:
        return None
    side = root / SIDE_FOLDER / f"{commit.id}-images"
    size = _fetch(store, root, commit, side, [file for file in commit.files if file.path in absent])
    for name in sorted(absent):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (side / name).rename(path / name)
    sync_filesystem(path)
    mark_absent(root, commit.id, (), store.url)
    return size


def _fetch(store: ObjectStore, root: Path, commit: Commit, side: Path, files: Collection[StoredFile]) -> int:
    """Bring files into ``side`` and to the disk; those that an earlier pull left there whole are kept."""
    check_free_space(root, MIN_FREE_BYTES + sum(file.size for file in files))
    side.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(OBJECTS_AT_ONCE) as pool:
        jobs = [pool.submit(_fetch_file, store, f"{commit.folder}/{file.path}", file, side) for file in files]
        try:
            size = sum(job.result() for job in jobs)
        except (RoveError, OSError):
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    sync_filesystem(side)
    return size


def _fetch_file(store: ObjectStore, key: str, file: StoredFile, side: Path) -> int:
    path = side / file.path
    if path.is_file() and path.stat().st_size == file.size:
        with path.open("rb") as kept:
            if hashlib.file_digest(kept, "sha256").hexdigest() == file.sha256:
                return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("wb") as target:
        for piece in store.pieces(key):
            digest.update(piece)
            target.write(piece)
    if digest.hexdigest() != file.sha256:
        raise DatasetInvalid(f"{store.url}/{key}: does not match its hash; it was damaged there or on the way")
    return file.size
