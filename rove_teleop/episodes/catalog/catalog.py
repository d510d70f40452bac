"""What a dataset holds, for searching: ``catalog.sqlite``, derived from episodes and overlays, rebuilt at will."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from ...clock import wall_time_s
from ...errors import UsageError
from ...types import Phase
from ..dataset import Dataset
from .catalog_file import COLUMNS, with_catalog
from .catalog_row import FLAGS, CatalogRow, catalog_row, key_of_labels

Progress = Callable[[int, int], None]

_INSERT = f"INSERT OR REPLACE INTO episode ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_TEXTS = ("id", "task", "instruction", "operator", "policy_id", "notes")
# Rows are written in parts, so that a long rebuild that is broken off goes on where it was.
_PART = 2000
_SETTLED_S = 2.0


@dataclass(frozen=True, slots=True)
class Changes:
    """What a refresh found: rows written (new or changed) and removed."""

    written: int
    removed: int


def refresh(root: Path, progress: Progress | None = None) -> Changes:
    """Bring the catalog of the dataset ``root`` up to date; ``progress(done, total)`` counts rows that are written.

    A catalog that is missing, damaged or of another version is built anew. Where the dataset cannot be written the
    work is done in memory, and is done again the next time.

    Raises:
        DatasetInvalid: not a dataset.
    """
    return with_catalog(root, lambda connection: _refresh(connection, root, progress))


def search(
    root: Path,
    *,
    episode_id: str | None = None,
    task: str | None = None,
    outcome: str | None = None,
    operator: str | None = None,
    policy: str | None = None,
    min_share: tuple[str, float] | None = None,
    flags: Collection[str] = (),
    text: str = "",
    since_s: float | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> list[CatalogRow]:
    """Rows of the episodes that are all of this, in the order they were recorded; refreshes the catalog first.

    Args:
        min_share: a phase's name, or ``human``, and the least share of the episode that it has.
        flags: of ``catalog_row.FLAGS``.
        text: somewhere in id, task, instruction, operator, policy or notes; upper and lower case are the same.
        since_s: begun at or after this, in seconds since the epoch.
        limit: the newest so many.

    Raises:
        UsageError: an unknown phase or flag.
        DatasetInvalid: not a dataset.
    """
    equal = {"id": episode_id, "task": task, "outcome": outcome, "operator": operator, "policy_id": policy}
    where: list[tuple[str, list[object]]] = [
        (f"{column} = ?", [value]) for column, value in equal.items() if value is not None
    ]
    if min_share is not None:
        where.append((f"{_share_of(min_share[0])} >= ?", [min_share[1]]))
    for flag in flags:
        if flag not in FLAGS:
            raise UsageError(f"there is no flag '{flag}' (there are: {', '.join(FLAGS)})")
        where.append((f"{flag} = 1", []))
    if text:
        like = " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in _TEXTS)
        where.append((f"({like})", [f"%{_escaped(text)}%"] * len(_TEXTS)))
    if since_s is not None:
        where.append(("begun_s >= ?", [since_s]))
    condition = " AND ".join(part for part, _ in where) or "1"
    query = f"SELECT {', '.join(COLUMNS)} FROM episode WHERE {condition} ORDER BY id DESC LIMIT ?"
    values = [value for _, given in where for value in given]

    def found(connection: sqlite3.Connection) -> list[CatalogRow]:
        _refresh(connection, root, progress)
        rows = connection.execute(query, [*values, -1 if limit is None else limit]).fetchall()
        return [CatalogRow(*row) for row in reversed(rows)]

    return with_catalog(root, found)


def _share_of(phase: str) -> str:
    names = [known.name.lower() for known in Phase]
    if phase == "human":
        return "human_share"
    if phase not in names:
        raise UsageError(f"there is no phase '{phase}' (there are: human, {', '.join(names)})")
    return f"{phase}_s / max({' + '.join(f'{name}_s' for name in names)}, 1e-9)"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _refresh(connection: sqlite3.Connection, root: Path, progress: Progress | None) -> Changes:
    # Taken before anything is looked at: what changes meanwhile is another mark the next time.
    mark, said = _mark(Dataset(root).sealed), _overlay_marks(root)
    stale: set[str] = set()
    gone: set[str] = set()
    if not mark or connection.execute("SELECT mark FROM folder").fetchone() != (mark,):
        known = dict(connection.execute("SELECT id, mark FROM episode"))
        present = _present(root)
        stale = {name for name in present if known.get(name) != present[name]}
        gone = known.keys() - present.keys()
    heard = dict(connection.execute("SELECT id, overlay_mark FROM episode WHERE overlay_mark > ''"))
    spoken = {name for name in said.keys() | heard.keys() if said.get(name, "") != heard.get(name, "")}
    stale |= {name for name in spoken - gone if _episode_path(root, name).is_dir()}
    _write_rows(connection, root, sorted(stale), said, progress)
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("DELETE FROM episode WHERE id = ?", [(name,) for name in gone])
    connection.execute("DELETE FROM folder")
    connection.execute("INSERT INTO folder VALUES (?)", (mark,))
    connection.execute("COMMIT")
    return Changes(len(stale), len(gone))


def _write_rows(
    connection: sqlite3.Connection, root: Path, names: list[str], said: dict[str, str], progress: Progress | None
) -> None:
    for start in range(0, len(names), _PART):
        rows = []
        for name in names[start : start + _PART]:
            path = _episode_path(root, name)
            row = catalog_row(root, path, key_of_labels(root, name))
            rows.append(astuple(replace(row, mark=_stat_mark(path.lstat()), overlay_mark=said.get(name, ""))))
            if progress is not None:
                progress(start + len(rows), len(names))
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_INSERT, rows)
        connection.execute("COMMIT")


def _episode_path(root: Path, name: str) -> Path:
    return root / "episodes" / f"{name}.zarr"


def _present(root: Path) -> dict[str, str]:
    """Ids of the sealed episodes, each with a mark that is another one when the episode was replaced."""
    with os.scandir(root / "episodes") as entries:
        return {
            entry.name.removesuffix(".zarr"): _stat_mark(entry.stat(follow_symlinks=False))
            for entry in entries
            if entry.name.endswith(".zarr")
        }


def _overlay_marks(root: Path) -> dict[str, str]:
    """Ids of the episodes of which somebody said something, each with a mark that changes when somebody does again."""
    folder = root / "overlays"
    names = os.listdir(folder) if folder.is_dir() else []
    # A revision that came just now may share its time with the next one: then only the words tell.
    return {name: _mark(folder / name) or f"said {key_of_labels(root, name)}" for name in names}


def _mark(folder: Path) -> str:
    """Changes whenever something appears in the folder or goes; empty while the clock of files may be too coarse."""
    info = folder.stat()
    return _stat_mark(info) if wall_time_s() - info.st_mtime > _SETTLED_S else ""


def _stat_mark(info: os.stat_result) -> str:
    return f"{info.st_ino}-{info.st_mtime_ns}"
