"""What a person may say of an episode afterwards: one value per kind of edit, as JSON and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ...errors import UsageError
from ...types import Phase
from ..attributes import OUTCOMES
from ..find import checked_name

LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class OutcomeEdit:
    """The episode ended like this."""

    outcome: str


@dataclass(frozen=True, slots=True)
class PhaseEdit:
    """Rows ``[from_row, to_row)`` are of this phase."""

    phase: int
    from_row: int
    to_row: int


@dataclass(frozen=True, slots=True)
class RecoveryEdit:
    """Of the intervention ``[from_row, to_row)``, adaptation ends and recovery begins at ``t_r_row``."""

    from_row: int
    t_r_row: int
    to_row: int


@dataclass(frozen=True, slots=True)
class SplitEdit:
    """The episode belongs to this split; empty: to none."""

    split: str


@dataclass(frozen=True, slots=True)
class ExcludeEdit:
    """Rows ``[from_row, to_row)`` are left out of training."""

    from_row: int
    to_row: int


@dataclass(frozen=True, slots=True)
class NoteEdit:
    """A remark for people."""

    note: str


@dataclass(frozen=True, slots=True)
class UndoEdit:
    """An earlier revision counts no more; undoing an undo makes it count again."""

    revision: int


Edit = OutcomeEdit | PhaseEdit | RecoveryEdit | SplitEdit | ExcludeEdit | NoteEdit | UndoEdit
KINDS: dict[str, type[Edit]] = {
    "outcome": OutcomeEdit,
    "phase": PhaseEdit,
    "t_r": RecoveryEdit,
    "split": SplitEdit,
    "exclude": ExcludeEdit,
    "note": NoteEdit,
    "undo": UndoEdit,
}
_NAMES = {kind: name for name, kind in KINDS.items()}
_TYPES: dict[Any, type] = {"int": int, "str": str}


def edit_json(edit: Edit) -> dict[str, Any]:
    """The edit with its ``kind``."""
    return {"kind": _NAMES[type(edit)], **asdict(edit)}


def edit_of(content: Mapping[str, Any]) -> Edit:
    """The edit of ``edit_json``.

    Raises:
        ValueError: an unknown kind, or keys and types that do not fit it.
    """
    kind = KINDS.get(content.get("kind", ""))
    if kind is None:
        raise ValueError(f"an edit of unknown kind {content.get('kind')!r}")
    values = {key: value for key, value in content.items() if key != "kind"}
    wanted = {field.name: _TYPES[field.type] for field in fields(kind)}
    if {key: type(value) for key, value in values.items()} != wanted:
        raise ValueError(f"an edit of kind '{content['kind']}' with {values}")
    return kind(**values)


def check_edit(edit: Edit, ticks: int, revision: int) -> None:
    """Refuse what cannot be said, in ``revision``, of an episode with this many ticks.

    Raises:
        UsageError: the sentence names the value.
    """
    match edit:
        case OutcomeEdit(outcome) if outcome not in OUTCOMES:
            raise UsageError(f"outcome must be one of {', '.join(OUTCOMES)}, got {outcome!r}")
        case PhaseEdit(phase) if phase not in set(Phase):
            raise UsageError(f"there is no phase {phase}")
        case PhaseEdit() | ExcludeEdit() if not 0 <= edit.from_row < edit.to_row <= ticks:
            raise UsageError(f"rows {edit.from_row} to {edit.to_row} are not inside the episode's {ticks} rows")
        case RecoveryEdit(start, t_r, end) if not (0 <= start <= t_r <= end <= ticks and start < end):
            raise UsageError(f"rows {start}, {t_r}, {end} are not an intervention inside the episode's {ticks} rows")
        case SplitEdit(split) if split:
            checked_name(split, "the name of a split")
        case NoteEdit(note) if not 0 < len(note.strip()) <= LONGEST_NOTE:
            raise UsageError(f"a note has 1 to {LONGEST_NOTE} characters, got {len(note.strip())}")
        case UndoEdit(undone) if not 1 <= undone < revision:
            raise UsageError(f"there is no revision {undone} to undo")
        case _:
            return


def edit_words(edit: Edit) -> str:
    """The edit as a person would say it, rows as numbers."""
    match edit:
        case OutcomeEdit(outcome):
            return f"outcome {outcome}"
        case PhaseEdit(phase, start, end):
            return f"phase {Phase(phase).name.lower()} in rows {start} to {end}"
        case RecoveryEdit(start, t_r, end):
            return f"t_r at row {t_r} of the intervention {start} to {end}"
        case SplitEdit(split):
            return f"split {split or 'none'}"
        case ExcludeEdit(start, end):
            return f"excluded rows {start} to {end}"
        case NoteEdit(note):
            return f"note: {note}"
        case UndoEdit(revision):
            return f"undo of revision {revision}"
