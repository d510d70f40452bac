"""Edits as JSON, and what is refused when somebody else wrote the JSON."""

import pytest

from rove_teleop.episodes.edit.edits import (
    ExcludeEdit,
    NoteEdit,
    OutcomeEdit,
    PhaseEdit,
    RecoveryEdit,
    SplitEdit,
    UndoEdit,
    check_edit,
    edit_json,
    edit_of,
    edit_words,
)

EDITS = [
    OutcomeEdit("failure"),
    PhaseEdit(255, 0, 3),
    RecoveryEdit(0, 0, 4),
    SplitEdit(""),
    SplitEdit("train"),
    ExcludeEdit(1, 2),
    NoteEdit("Größe"),
    UndoEdit(1),
]


@pytest.mark.parametrize("edit", EDITS, ids=edit_words)
def test_an_edit_comes_back_from_its_json(edit):
    check_edit(edit, ticks=4, revision=2)
    assert edit_of(edit_json(edit)) == edit


def test_every_kind_is_said_in_its_own_words():
    assert len({edit_words(edit) for edit in EDITS}) == len(EDITS)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"kind": "paint"},
        {"kind": "outcome"},
        {"kind": "outcome", "outcome": 1},
        {"kind": "outcome", "outcome": "success", "why": "luck"},
        {"kind": "undo", "revision": True},
        {"kind": "exclude", "from_row": 0, "to_row": 1.0},
    ],
)
def test_json_that_is_no_edit_is_refused(content):
    with pytest.raises(ValueError, match="an edit of"):
        edit_of(content)
