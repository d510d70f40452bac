"""What people said of episodes, to and from a store: each revision is an object that is created once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..episodes.create_once import create_once, make_folders
from ..episodes.find import checked_name
from ..errors import RecordingFailed, UsageError
from .store import ObjectStore

_REQUESTS_AT_ONCE = 8
_REVISION = "[0-9][0-9][0-9][0-9][0-9][0-9].json"


def push_overlays(store: ObjectStore, root: Path) -> tuple[int, list[str]]:
    """Create the revisions that the store lacks; return how many, and a sentence for each episode that differs."""
    there = store.sizes("overlays/")
    created, conflicts = 0, []
    for folder in _folders(root):
        for path in sorted(folder.glob(_REVISION)):
            key, data = f"overlays/{folder.name}/{path.name}", path.read_bytes()
            if key not in there and store.create(key, data):
                created += 1
            elif store.get(key) != data:
                # Later revisions build on this one: they stay here too.
                conflicts.append(_differs(folder.name, path, store))
                break
    return created, conflicts


def pull_overlays(store: ObjectStore, root: Path) -> tuple[int, list[str]]:
    """Create the revisions that are missing here, of episodes that are here; as ``push_overlays``.

    Raises:
        RecordingFailed: the disk refused one.
    """
    keys = [key for key in sorted(store.sizes("overlays/")) if _is_revision(key, root)]
    created = 0
    differing: dict[str, str] = {}
    with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
        for key, data in zip(keys, pool.map(store.get, keys), strict=True):
            path = root / key
            episode_id = path.parent.name
            if episode_id in differing:
                continue
            try:
                make_folders(root, path.parent)
                if create_once(path, data):
                    created += 1
                elif path.read_bytes() != data:
                    differing[episode_id] = _differs(episode_id, path, store)
            except OSError as error:
                raise RecordingFailed(f"{path}: the disk refused this revision ({error.strerror})") from error
    return created, list(differing.values())


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in (root / "overlays").glob("*") if (root / "episodes" / f"{path.name}.zarr").is_dir())


def _is_revision(key: str, root: Path) -> bool:
    """Keys come from elsewhere: only ``overlays/<id>/<number>.json`` of an episode that is here is written."""
    parts = key.split("/")
    if len(parts) != 3 or not Path(parts[2]).match(_REVISION):
        return False
    try:
        return (root / "episodes" / f"{checked_name(parts[1], 'an episode id')}.zarr").is_dir()
    except UsageError:
        return False


def _differs(episode_id: str, path: Path, store: ObjectStore) -> str:
    return (
        f"episode {episode_id}: its revision {int(path.stem)} here and at {store.url} were said by different people, "
        f"so both stay as they are"
    )
