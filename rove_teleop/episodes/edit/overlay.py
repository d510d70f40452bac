"""What people say of an episode, laid over what was recorded; the recorded bytes never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import DatasetInvalid
from ...types import Phase
from ..read import Episode
from ..record.journal import crc32c
from .edits import Edit, ExcludeEdit, NoteEdit, OutcomeEdit, PhaseEdit, RecoveryEdit, SplitEdit, UndoEdit
from .interventions import t_r_stamps
from .overlay_files import Revision, misnamed_revisions, newest_revision, read_revisions, revision_path


@dataclass(frozen=True, slots=True)
class Labels:
    """An episode's labels at one revision; 0 is as recorded."""

    revision: int
    outcome: str
    """success, failure, discarded or unknown"""
    phase: NDArray[np.uint8]
    """(ticks,)"""
    t_r_s: tuple[float, ...]
    """The end of adaptation of each intervention, monotonic seconds as ``control/stamp_s``."""
    split: str
    """Empty, or a name such as train or test."""
    excluded: NDArray[np.bool_]
    """(ticks,) left out of training"""
    notes: tuple[str, ...]


def read_labels(root: Path, episode: Episode, revision: int | None = None, author: str | None = None) -> Labels:
    """The labels of an episode of the dataset ``root``: after ``revision`` (None: the newest), of all or one author.

    Raises:
        UsageError: there is no such revision.
        DatasetInvalid: a revision is missing or damaged.
    """
    listed = read_revisions(root, episode, revision)
    return labels_of(episode, [item for item in listed if author is None or item.author == author])


def labels_of(episode: Episode, revisions: Sequence[Revision]) -> Labels:
    """The labels after these revisions, given in their order."""
    phase = np.array(episode["control/phase"])
    newest = revisions[-1].number if revisions else 0
    note = str(episode.attributes.get("notes", ""))
    labels = Labels(
        newest, str(episode.attributes["outcome"]), phase, (), "", np.zeros(len(phase), bool), (note,) if note else ()
    )
    withdrawn = withdrawn_revisions(revisions)
    for revision in revisions:
        for edit in revision.edits if revision.number not in withdrawn else ():
            labels = _after(labels, edit)
    return replace(labels, t_r_s=t_r_stamps(labels.phase, episode["control/stamp_s"]))


def withdrawn_revisions(revisions: Sequence[Revision]) -> set[int]:
    """Numbers of the revisions that count no more, because a later one that counts undoes them."""
    withdrawn: set[int] = set()
    for revision in reversed(revisions):
        if revision.number not in withdrawn:
            withdrawn |= {edit.revision for edit in revision.edits if isinstance(edit, UndoEdit)}
    return withdrawn


def labels_key(root: Path, episode_id: str, revision: int | None = None) -> str:
    """A text that changes whenever ``read_labels`` may change; empty where nobody said anything."""
    newest = newest_revision(root, episode_id)
    count = newest if revision is None else min(revision, newest)
    if count == 0:
        return ""
    try:
        data = b"".join(revision_path(root, episode_id, number).read_bytes() for number in range(1, count + 1))
    except OSError as error:
        raise DatasetInvalid(f"{error.filename}: this revision cannot be read ({error.strerror})") from error
    return f"{count}-{crc32c(data):08x}"


def overlay_problems(root: Path, episode: Episode) -> list[str]:
    """What is wrong with the overlay of an episode, one sentence each; empty where all is well."""
    try:
        read_revisions(root, episode)
    except DatasetInvalid as error:
        return [str(error)]
    return [f"{path}: is not named as a revision is" for path in misnamed_revisions(root, episode.id)]


def orphan_overlays(root: Path) -> list[str]:
    """Overlays of episodes that are not there, one sentence each."""
    folders = sorted(path for path in (root / "overlays").glob("*") if path.is_dir())
    missing = [path for path in folders if not (root / "episodes" / f"{path.name}.zarr").is_dir()]
    return [f"{path}: there is no episode {path.name}" for path in missing]


def _after(labels: Labels, edit: Edit) -> Labels:
    match edit:
        case OutcomeEdit(outcome):
            return replace(labels, outcome=outcome)
        case PhaseEdit(phase, start, end):
            return replace(labels, phase=_filled(labels.phase, start, end, phase))
        case RecoveryEdit(start, t_r, end):
            adapted = _filled(labels.phase, start, t_r, Phase.ADAPTATION)
            return replace(labels, phase=_filled(adapted, t_r, end, Phase.RECOVERY))
        case SplitEdit(split):
            return replace(labels, split=split)
        case ExcludeEdit(start, end):
            excluded = labels.excluded.copy()
            excluded[start:end] = True
            return replace(labels, excluded=excluded)
        case NoteEdit(note):
            return replace(labels, notes=(*labels.notes, note))
        case UndoEdit():
            return labels


def _filled(phase: NDArray[np.uint8], start: int, end: int, value: int) -> NDArray[np.uint8]:
    result = phase.copy()
    result[start:end] = value
    return result
