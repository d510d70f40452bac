"""Push: every object first, then the commit. What has no commit does not exist, so a push may end anywhere."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..clock import wall_time_s
from ..episodes.absent import absent_files
from ..episodes.dataset import Dataset
from ..episodes.durability import sync_filesystem
from ..episodes.find import checked_name
from ..episodes.layout import FORMAT_VERSION
from ..episodes.read import open_episode
from ..errors import DatasetInvalid, RoveError, UsageError
from .commit import OBJECTS, Commit, commit_key, commit_of, content_of, folder_name, read_commit
from .overlays import push_overlays
from .store import ObjectStore

OBJECTS_AT_ONCE = 8
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a push or a pull did, by episode id; ``problems`` are sentences.

    ``merged``: episodes whose edits here went behind those that others had made meanwhile.
    """

    moved: tuple[str, ...]
    already_there: tuple[str, ...]
    problems: tuple[str, ...]
    revisions: int
    merged: tuple[str, ...]
    bytes: int

    @property
    def exit_code(self) -> int:
        return 1 if self.problems else 0


def push(root: Path, url: str, progress: Progress | None = None) -> Transfer:
    """Push every sealed episode and what people said of it; ``progress(done, total)`` counts episodes.

    Safe to repeat and to run from several machines at once: what is there stays, what was begun goes on.

    Raises:
        DatasetInvalid: not a dataset, or the store holds a newer format.
        RemoteUnavailable: the store is away or refuses.
    """
    dataset, store = Dataset.open(root), ObjectStore(url, make=True)
    check_remote(store, make=True)
    there = contents_there(store)
    moved: list[str] = []
    already: list[str] = []
    problems: list[str] = []
    sent = 0
    paths = dataset.episodes()
    for number, path in enumerate(paths, start=1):
        try:
            episode_id, size = _push_episode(store, root, path, there)
            (already if size is None else moved).append(episode_id)
            sent += size or 0
        except DatasetInvalid as error:
            problems.append(str(error))
        if progress is not None:
            progress(number, len(paths))
    said = push_overlays(store, root)
    return Transfer(tuple(moved), tuple(already), (*problems, *said.problems), said.moved, (), sent)


def check_remote(store: ObjectStore, *, make: bool = False) -> None:
    """Refuse a URL that holds no dataset (``make``: begin one), or one of a newer format.

    Raises:
        DatasetInvalid: as above.
    """
    data = store.read("dataset.json")
    if data is None and make:
        data = json.dumps({"format_version": FORMAT_VERSION, "created_s": wall_time_s()}).encode()
        store.create("dataset.json", data)
    try:
        version = json.loads(data or b"")["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetInvalid(f"{store.url}: is not a dataset") from error
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise DatasetInvalid(f"{store.url}: has format version {version}, this software reads up to {FORMAT_VERSION}")


def contents_there(store: ObjectStore) -> dict[str, str]:
    """The folder of each committed episode by its id, from two listings; empty where only the commit can tell."""
    names = (key.removeprefix("episodes/") for key in store.sizes("episodes/"))
    ids = (name.removesuffix(".commit") for name in names if name.endswith(".commit"))
    found = {name: "" for name in ids if _is_id(name)}
    listed = store.folders(OBJECTS)
    folders = Counter(name.rpartition("-")[0] for name in listed)
    for name in listed:
        episode_id = name.rpartition("-")[0]
        # A second folder: somebody began to push another episode of this name.
        if episode_id in found and folders[episode_id] == 1:
            found[episode_id] = name
    return dict(sorted(found.items()))


def _is_id(name: str) -> bool:
    """Names come from elsewhere: what could not be an episode's is passed over."""
    try:
        return bool(checked_name(name, "an episode id"))
    except UsageError:
        return False


def remote_commit(store: ObjectStore, episode_id: str) -> Commit:
    """The commit of an episode that is in the store.

    Raises:
        DatasetInvalid: there is none, or it cannot be read.
    """
    key = commit_key(episode_id)
    data = store.read(key)
    if data is None:
        raise DatasetInvalid(f"{store.url}: has no episode {episode_id}")
    commit = read_commit(data, f"{store.url}/{key}")
    if commit.id != episode_id:
        raise DatasetInvalid(f"{store.url}/{key}: is the commit of episode {commit.id}")
    return commit


def _push_episode(store: ObjectStore, root: Path, path: Path, there: Mapping[str, str]) -> tuple[str, int | None]:
    """Its id and how many bytes were sent; None where the store has it already."""
    episode = open_episode(path)
    if episode.id in there:
        if there[episode.id] != folder_name(episode.id, content_of(path)):
            _check_same(remote_commit(store, episode.id), path, store.url)
        return episode.id, None
    if absent_files(root, episode.id):
        raise DatasetInvalid(f"episode {episode.id}: was pulled without its cameras, so it cannot be pushed elsewhere")
    commit = commit_of(episode)
    sent = _put_files(store, commit, path)
    if store.folder is not None:
        sync_filesystem(store.folder)
    if not store.create(commit_key(episode.id), commit.to_json()):
        _check_same(remote_commit(store, episode.id), path, store.url)
        return episode.id, None
    if store.folder is not None:
        sync_filesystem(store.folder)
    return episode.id, sent


def _check_same(commit: Commit, path: Path, url: str) -> None:
    if commit.content != content_of(path):
        raise DatasetInvalid(
            f"episode {commit.id}: {url} has another episode of this name, so it is kept here only "
            "(push this dataset under another prefix)"
        )


def _put_files(store: ObjectStore, commit: Commit, path: Path) -> int:
    """Send the files that an earlier push did not; objects appear whole, so a size that fits is enough."""
    there = store.sizes(commit.folder + "/")
    missing = [file for file in commit.files if there.get(f"{commit.folder}/{file.path}") != file.size]
    with ThreadPoolExecutor(OBJECTS_AT_ONCE) as pool:
        jobs = [pool.submit(store.put, f"{commit.folder}/{file.path}", path / file.path) for file in missing]
        try:
            for job in jobs:
                job.result()
        except RoveError:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return sum(file.size for file in missing)
