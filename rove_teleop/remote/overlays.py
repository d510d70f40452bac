"""What people said of episodes, to and from a store: each revision is an object that is created once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ..episodes.create_once import create_once, make_folders
from ..episodes.edit.overlay_files import read_revision
from ..episodes.find import checked_name
from ..episodes.read import open_episode
from ..errors import DatasetInvalid, RecordingFailed, UsageError
from .overlay_merge import finish_merges, set_aside
from .store import ObjectStore

_REQUESTS_AT_ONCE = 8
_REVISION = "[0-9][0-9][0-9][0-9][0-9][0-9].json"


@dataclass(slots=True)
class Revisions:
    """How many were moved, which episodes' own ones went behind those of others, and a sentence per problem."""

    moved: int = 0
    merged: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def push_overlays(store: ObjectStore, root: Path) -> Revisions:
    """Create the revisions that the store lacks; where it has others, the own ones stay until they are merged."""
    there = store.sizes("overlays/")
    result = Revisions()
    for folder in sorted(path for path in (root / "overlays").glob("*") if _is_here(root, path.name)):
        for path in sorted(folder.glob(_REVISION)):
            key, data = f"overlays/{folder.name}/{path.name}", path.read_bytes()
            if key not in there and store.create(key, data):
                result.moved += 1
            elif store.get(key) != data:
                # Later revisions build on this one: they stay here too.
                said = f"episode {folder.name}: somebody else said revision {int(path.stem)} at {store.url} before you"
                result.problems.append(f"{said}; pull, which puts yours behind it, and push again")
                break
    return result


def pull_overlays(store: ObjectStore, root: Path) -> Revisions:
    """Create the revisions that are missing here, of episodes that are here.

    Where somebody else said other things under the same numbers, theirs keep the numbers and the own ones are said
    again behind them, with their authors and times.

    Raises:
        RecordingFailed: the disk refused one.
    """
    keys = [key for key in sorted(store.sizes("overlays/")) if _is_revision(key, root)]
    with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
        theirs = dict(zip(keys, pool.map(store.get, keys), strict=True))
    result = Revisions()
    try:
        for episode_id in sorted({key.split("/")[1] for key in keys}):
            mine = {key: data for key, data in theirs.items() if key.split("/")[1] == episode_id}
            try:
                result.moved += _take(root, episode_id, mine)
            except DatasetInvalid as error:
                result.problems.append(str(error))
        result.merged, problems = finish_merges(root)
    except OSError as error:
        raise RecordingFailed(f"{root}: the disk refused a revision ({error.strerror})") from error
    result.problems += problems
    return result


def _take(root: Path, episode_id: str, theirs: dict[str, bytes]) -> int:
    """Create what is missing of one episode; how many revisions that were."""
    _check(root, episode_id, theirs)
    if any((root / key).is_file() and (root / key).read_bytes() != data for key, data in theirs.items()):
        set_aside(root, episode_id)
    make_folders(root, root / "overlays" / episode_id)
    return sum(create_once(root / key, data) for key, data in sorted(theirs.items()))


def _check(root: Path, episode_id: str, theirs: dict[str, bytes]) -> None:
    """Refuse what is damaged before it has a place here."""
    episode = open_episode(root / "episodes" / f"{episode_id}.zarr")
    side = root / ".pull" / "overlays" / episode_id
    side.mkdir(parents=True, exist_ok=True)
    for key, data in theirs.items():
        path = side / key.rpartition("/")[2]
        path.write_bytes(data)
        read_revision(path, episode)


def _is_here(root: Path, episode_id: str) -> bool:
    return (root / "episodes" / f"{episode_id}.zarr").is_dir()


def _is_revision(key: str, root: Path) -> bool:
    """Keys come from elsewhere: only ``overlays/<id>/<number>.json`` of an episode that is here is written."""
    parts = key.split("/")
    if len(parts) != 3 or not Path(parts[2]).match(_REVISION):
        return False
    try:
        return _is_here(root, checked_name(parts[1], "an episode id"))
    except UsageError:
        return False
