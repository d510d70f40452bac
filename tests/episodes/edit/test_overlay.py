"""Edits lie over what was recorded: any sequence is what a small model says, and no byte of an episode changes."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.episodes.edit.edits import (
    ExcludeEdit,
    NoteEdit,
    OutcomeEdit,
    PhaseEdit,
    RecoveryEdit,
    SplitEdit,
    UndoEdit,
)
from rove_teleop.episodes.edit.overlay import labels_key, orphan_overlays, overlay_problems, read_labels
from rove_teleop.episodes.edit.overlay_files import commit_revision, newest_revision, revision_path
from rove_teleop.episodes.find import find_episode
from rove_teleop.episodes.read import Episode
from rove_teleop.errors import DatasetInvalid, UsageError

from ..conftest import memory_folder
from ..recording_tools import record

TICKS = 12
EDGES = st.tuples(st.integers(0, TICKS), st.integers(0, TICKS), st.integers(0, TICKS)).map(sorted)
ROWS = EDGES.filter(lambda edges: edges[0] < edges[2])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = Path(memory_folder() or tmp_path_factory.getbasetemp()) / tmp_path_factory.mktemp("overlay").name
    record(root, TICKS)
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def root(folder):
    shutil.rmtree(folder / "overlays", ignore_errors=True)
    return folder


@pytest.fixture
def episode(root):
    return only_episode(root)


def only_episode(root):
    (path,) = (root / "episodes").iterdir()
    return find_episode(root, path.stem)


def kinds(newest):
    simple = [
        st.sampled_from(["success", "failure", "discarded", "unknown"]).map(OutcomeEdit),
        st.builds(lambda phase, rows: PhaseEdit(phase, rows[0], rows[2]), st.sampled_from([0, 1, 2, 3, 4, 255]), ROWS),
        ROWS.map(lambda rows: RecoveryEdit(*rows)),
        st.sampled_from(["", "train", "test"]).map(SplitEdit),
        ROWS.map(lambda rows: ExcludeEdit(rows[0], rows[2])),
        st.text(min_size=1, max_size=5).filter(str.strip).map(NoteEdit),
    ]
    return st.one_of(*simple, *([st.integers(1, newest).map(UndoEdit)] * (3 if newest else 0)))


def modelled(recorded, spoken, author=None):
    """What the edits come to, computed tick by tick; ``spoken`` is a list of (author, edits), oldest first."""
    told = {number: edits for number, (name, edits) in enumerate(spoken, start=1) if author in (None, name)}
    counts = {}
    for number in sorted(told, reverse=True):
        undone_by = [n for n in told if counts.get(n) and UndoEdit(number) in told[n]]
        counts[number] = not undone_by
    outcome, split, notes = "success", "", []
    phase, excluded = list(recorded), [False] * len(recorded)
    for edit in [edit for number in sorted(told) if counts[number] for edit in told[number]]:
        if isinstance(edit, OutcomeEdit):
            outcome = edit.outcome
        elif isinstance(edit, SplitEdit):
            split = edit.split
        elif isinstance(edit, NoteEdit):
            notes.append(edit.note)
        elif not isinstance(edit, UndoEdit):
            for row in range(edit.from_row, edit.to_row):
                if isinstance(edit, ExcludeEdit):
                    excluded[row] = True
                elif isinstance(edit, PhaseEdit):
                    phase[row] = edit.phase
                else:
                    phase[row] = 1 if row < edit.t_r_row else 2
    return outcome, split, tuple(notes), phase, excluded


def told_by(labels):
    return labels.outcome, labels.split, labels.notes, labels.phase.tolist(), labels.excluded.tolist()


def digest(root):
    files = sorted(path for path in (root / "episodes").rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_sequence_of_edits_and_undos_is_what_the_model_says(folder, data):
    shutil.rmtree(folder / "overlays", ignore_errors=True)
    episode = only_episode(folder)
    before = digest(folder)
    recorded = episode["control/phase"].tolist()
    spoken, keys = [], {labels_key(folder, episode.id)}
    for newest in range(data.draw(st.integers(1, 8))):
        author = data.draw(st.sampled_from(["ada", "bob"]))
        edits = data.draw(st.lists(kinds(newest), min_size=1, max_size=3))
        assert commit_revision(folder, episode, author, edits).number == newest + 1
        spoken.append((author, edits))
        keys.add(labels_key(folder, episode.id))
        assert told_by(read_labels(folder, episode)) == modelled(recorded, spoken)
    for revision in range(len(spoken) + 1):
        labels = read_labels(folder, episode, revision)
        assert (labels.revision, *told_by(labels)) == (revision, *modelled(recorded, spoken[:revision]))
        assert labels_key(folder, episode.id, revision) in keys
    for author in ("ada", "bob"):
        assert told_by(read_labels(folder, episode, author=author)) == modelled(recorded, spoken, author)
    assert len(keys) == len(spoken) + 1
    assert overlay_problems(folder, episode) == []
    assert digest(folder) == before


def test_nobody_said_anything(root, episode):
    labels = read_labels(root, episode)
    assert (labels.revision, labels.outcome, labels.split, labels.notes) == (0, "success", "", ())
    np.testing.assert_array_equal(labels.phase, episode["control/phase"])
    assert not labels.excluded.any()
    assert labels_key(root, episode.id) == ""
    assert not (root / "overlays").exists()


def test_two_processes_at_once_lose_nothing(root, episode):
    count = 50
    command = [sys.executable, str(Path(__file__).with_name("edit_worker.py")), str(root), episode.id]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    workers = [subprocess.Popen([*command, name, str(count)], **pipes) for name in ("ada", "bob")]
    for worker in workers:
        assert worker.stdout.readline() == b"ready\n"
    for worker in workers:
        worker.stdin.write(b"go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=60)
        assert worker.returncode == 0
    assert newest_revision(root, episode.id) == 2 * count
    for name in ("ada", "bob"):
        assert read_labels(root, episode, author=name).notes == tuple(f"{name} {number}" for number in range(count))


def test_the_adaptation_of_an_intervention_ends_where_a_person_says(root, episode):
    commit_revision(root, episode, "ada", [PhaseEdit(0, 0, TICKS), RecoveryEdit(2, 5, 8), RecoveryEdit(9, 12, 12)])
    labels = read_labels(root, episode)
    assert labels.phase.tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 0, 1, 1, 1]
    stamp_s = episode["control/stamp_s"]
    assert labels.t_r_s == (stamp_s[5], stamp_s[11])


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (OutcomeEdit("great"), "outcome must be one of"),
        (PhaseEdit(7, 0, 3), "there is no phase 7"),
        (PhaseEdit(1, 3, 3), "rows 3 to 3"),
        (ExcludeEdit(0, TICKS + 1), f"the episode's {TICKS} rows"),
        (RecoveryEdit(4, 3, 6), "rows 4, 3, 6"),
        (SplitEdit("../train"), "the name of a split"),
        (NoteEdit(" \n"), "a note has 1 to"),
        (UndoEdit(1), "no revision 1 to undo"),
    ],
)
def test_what_cannot_be_said_is_refused_and_leaves_nothing(root, episode, edit, words):
    with pytest.raises(UsageError, match=words):
        commit_revision(root, episode, "ada", [NoteEdit("fine"), edit])
    assert newest_revision(root, episode.id) == 0


@pytest.mark.parametrize("author", ["", " ", "a\nb", "x" * 65])
def test_every_revision_has_an_author(root, episode, author):
    with pytest.raises(UsageError, match="an author has"):
        commit_revision(root, episode, author, [NoteEdit("fine")])


def test_a_flipped_bit_is_never_read_as_somebody_s_word(root, episode):
    commit_revision(root, episode, "ada", [OutcomeEdit("failure"), NoteEdit("Größe"), ExcludeEdit(3, 5)])
    path = revision_path(root, episode.id, 1)
    whole = path.read_bytes()
    said = told_by(read_labels(root, episode))
    accepted = 0
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1 << position % 8]) + whole[position + 1 :])
        problems = overlay_problems(root, episode)
        if problems:
            assert problems[0].startswith(f"{path}: this revision cannot be read")
        else:
            assert told_by(read_labels(root, episode)) == said
            accepted += 1
        path.write_bytes(whole[:position])
        assert len(overlay_problems(root, episode)) == 1
    assert accepted == 0


def test_a_missing_revision_is_named_and_earlier_ones_can_be_read(root, episode):
    for outcome in ("failure", "discarded", "success"):
        commit_revision(root, episode, "ada", [OutcomeEdit(outcome)])
    path = revision_path(root, episode.id, 2)
    path.unlink()
    with pytest.raises(DatasetInvalid, match="000002.json: this revision is missing"):
        read_labels(root, episode)
    assert read_labels(root, episode, 1).outcome == "failure"
    assert commit_revision(root, episode, "ada", [OutcomeEdit("unknown")]).number == 4


def test_a_revision_belongs_to_one_recording_and_one_number(root, episode):
    commit_revision(root, episode, "ada", [OutcomeEdit("failure")])
    another = Episode(episode.path, {**episode.attributes, "attributes_crc32c": 1})
    assert "made for another episode of this name" in overlay_problems(root, another)[0]
    path = revision_path(root, episode.id, 1)
    path.with_name("000002.json").write_bytes(path.read_bytes())
    assert "it is revision 1" in overlay_problems(root, episode)[0]


def test_a_newer_format_is_refused(root, episode):
    commit_revision(root, episode, "ada", [OutcomeEdit("failure")])
    path = revision_path(root, episode.id, 1)
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 2}))
    with pytest.raises(DatasetInvalid, match="format version 2, this software reads up to 1"):
        read_labels(root, episode)


def test_what_a_killed_writer_left_is_not_read(root, episode):
    commit_revision(root, episode, "ada", [OutcomeEdit("failure")])
    revision_path(root, episode.id, 1).with_name(".half.tmp").write_text('{"format')
    assert read_labels(root, episode).revision == 1


def test_an_overlay_without_its_episode_is_told(root, episode):
    assert orphan_overlays(root) == []
    (root / "overlays" / "20200101-000000-000001").mkdir(parents=True)
    (problem,) = orphan_overlays(root)
    assert problem.endswith("there is no episode 20200101-000000-000001")


def test_a_revision_that_is_not_there(root, episode):
    with pytest.raises(UsageError, match="has no revision 1, its newest is 0"):
        read_labels(root, episode, 1)


def test_a_folder_that_cannot_be_written(root, episode):
    (root / "overlays").write_text("in the way")
    try:
        with pytest.raises(DatasetInvalid, match="overlay"):
            commit_revision(root, episode, "ada", [OutcomeEdit("failure")])
    finally:
        (root / "overlays").unlink()


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a..b", "/etc", "x\0"])
def test_an_id_that_is_no_name_is_refused(root, name):
    with pytest.raises(UsageError, match="is not an episode id"):
        find_episode(root, name)
