"""Two places said different things of one episode: the store's come first, the own ones are said again behind them.

The own ones wait in ``set_aside/`` meanwhile, so that an interruption loses nothing; the next pull goes on.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from ..episodes.durability import fsync_directory
from ..episodes.edit.edits import Edit, UndoEdit
from ..episodes.edit.overlay_files import commit_revision, read_revision, read_revisions
from ..episodes.read import Episode, open_episode
from ..errors import DatasetInvalid

_FOLDER = "set_aside"


def set_aside(root: Path, episode_id: str) -> None:
    """Move the own revisions of an episode out of the way, in one step.

    Raises:
        DatasetInvalid: an earlier merge of this episode is still to be finished.
    """
    aside = root / _FOLDER / episode_id
    if aside.exists():
        raise DatasetInvalid(f"{aside}: waits to be merged, which did not succeed; see its revisions")
    aside.parent.mkdir(exist_ok=True)
    (root / "overlays" / episode_id).rename(aside)
    fsync_directory(aside.parent)
    fsync_directory(root / "overlays")


def finish_merges(root: Path) -> tuple[list[str], list[str]]:
    """Say again what was set aside; ids of the episodes, and a sentence for each that cannot be."""
    merged, problems = [], []
    for aside in sorted(path for path in (root / _FOLDER).glob("*") if path.is_dir()):
        try:
            _say_again(root, open_episode(root / "episodes" / f"{aside.name}.zarr"), aside)
        except DatasetInvalid as error:
            problems.append(f"{error}; what you said is kept in {aside}")
            continue
        shutil.rmtree(aside)
        merged.append(aside.name)
    return merged, problems


def _say_again(root: Path, episode: Episode, aside: Path) -> None:
    """Author and time tell which revisions are there already, so that this may be repeated."""
    known = {(item.author, item.time_s): item.number for item in read_revisions(root, episode)}
    number: dict[int, int] = {}
    for path in sorted(aside.glob("*.json")):
        mine = read_revision(path, episode)
        said = (mine.author, mine.time_s)
        if said not in known:
            edits = [_renumbered(edit, number) for edit in mine.edits]
            known[said] = commit_revision(root, episode, mine.author, edits, mine.time_s).number
        number[mine.number] = known[said]


def _renumbered(edit: Edit, number: dict[int, int]) -> Edit:
    return replace(edit, revision=number[edit.revision]) if isinstance(edit, UndoEdit) else edit
