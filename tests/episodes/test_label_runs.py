"""Runs of labels say what made them, from exactly which data."""

import json
import shutil

import pytest

from rove_teleop.episodes.edit.edits import NoteEdit
from rove_teleop.episodes.edit.overlay_files import commit_revision
from rove_teleop.episodes.label_runs import create_run, data_revision, read_run, runs
from rove_teleop.episodes.read import open_episode
from rove_teleop.errors import DatasetInvalid, UsageError

from .recording_tools import record


@pytest.fixture
def root(memory_path):
    record(memory_path, 4)
    return memory_path


def test_a_run_says_what_it_was(root):
    about = create_run(root, "ove-1", {"gamma": 1.0}, data_revision=data_revision(root), checkpoint_sha256="ab")
    assert read_run(root, "ove-1") == about
    assert about.config == {"gamma": 1.0}
    assert runs(root) == ["ove-1"]


def test_names_are_taken_once(root):
    create_run(root, "ove-1", {}, data_revision="d")
    with pytest.raises(UsageError, match="there are labels of a run ove-1 already"):
        create_run(root, "ove-1", {}, data_revision="d")
    with pytest.raises(UsageError, match="is not the name of a run"):
        create_run(root, "../ove", {}, data_revision="d")


def test_a_config_that_json_cannot_hold(root):
    for value in (float("nan"), object()):
        with pytest.raises(UsageError, match="must be plain JSON"):
            create_run(root, "ove-1", {"gamma": value}, data_revision="d")
    assert runs(root) == []


def test_a_damaged_run(root):
    create_run(root, "ove-1", {}, data_revision="d")
    path = root / "labels" / "ove-1" / "run.json"
    whole = path.read_text()
    for text in (
        whole[:20],
        "[]",
        "{}",
        json.dumps({**json.loads(whole), "format_version": 2}),
        '{"format_version": 1}',
    ):
        path.write_text(text)
        with pytest.raises(DatasetInvalid, match="run.json: cannot be read"):
            read_run(root, "ove-1")


def test_the_revision_of_the_data_follows_episodes_and_edits(root):
    seen = [data_revision(root)]
    assert seen == [data_revision(root)]
    path = record(root, 4)
    seen.append(data_revision(root))
    commit_revision(root, open_episode(path), "ada", [NoteEdit("fine")])
    seen.append(data_revision(root))
    shutil.rmtree(path)
    seen.append(data_revision(root))
    assert seen[0] == seen[3]
    assert len(set(seen)) == 3
