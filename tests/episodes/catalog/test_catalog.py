import json
import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rove_teleop.episodes.catalog import catalog
from rove_teleop.episodes.catalog.catalog import Changes, refresh, search
from rove_teleop.episodes.catalog.catalog_file import FILE_NAME, LOCK_NAME
from rove_teleop.episodes.catalog.catalog_row import alarms_raised
from rove_teleop.episodes.edit.edits import ExcludeEdit, NoteEdit, OutcomeEdit, PhaseEdit
from rove_teleop.episodes.edit.overlay_files import commit_revision
from rove_teleop.episodes.read import open_episode
from rove_teleop.errors import DatasetInvalid, UsageError
from rove_teleop.types import Phase

from ..recording_tools import begin, control_row, orphan, record


@pytest.fixture
def root(memory_path: Path) -> Path:
    data = memory_path / "data"
    record(data, task="toaster", operator="ada", policy_id="a")
    record(data, outcome="failure", task="whiteboard", operator="ben", policy_id="a", notes="lamp 50% on")
    record(data, task="toaster", operator="ben", policy_id="b")
    return data


def ids(root: Path, **wanted: object) -> list[int]:
    return [int(row.id[-6:]) for row in search(root, **wanted)]  # type: ignore[arg-type]


def test_a_row_says_what_the_episode_holds(root: Path) -> None:
    row = search(root)[0]
    assert (row.task, row.outcome, row.operator, row.rows, row.frames) == ("toaster", "success", "ada", 60, 8)
    assert (row.duration_s, row.begun_s > 1.7e9, row.flags) == (pytest.approx(0.24), True, ())
    assert row.phase_s == pytest.approx({"autonomous": 40 / 250, "recovery": 20 / 250})
    assert (row.human_share, row.takeovers) == (pytest.approx(1 / 3), 20)
    assert row.size_bytes == sum(
        f.stat().st_size for f in (root / "episodes" / f"{row.id}.zarr").rglob("*") if f.is_file()
    )


def test_search_by_each_and_by_all(root: Path) -> None:
    assert ids(root) == [1, 2, 3]
    assert ids(root, task="toaster") == [1, 3]
    assert ids(root, outcome="failure") == [2]
    assert ids(root, operator="ben", policy="b") == [3]
    assert ids(root, text="LAMP 50%") == [2] and ids(root, text="50_") == []
    assert ids(root, min_share=("recovery", 0.33)) == [1, 2, 3] and ids(root, min_share=("recovery", 0.34)) == []
    assert ids(root, min_share=("human", 0.33)) == [1, 2, 3]
    assert ids(root, limit=2) == [2, 3]
    assert ids(root, since_s=search(root)[1].begun_s) == [2, 3]
    assert ids(root, task="'; DROP TABLE episode; --") == [] and ids(root) == [1, 2, 3]
    for wrong in ({"flags": ["big"]}, {"min_share": ("resting", 0.1)}):
        with pytest.raises(UsageError, match="there is no"):
            search(root, **wrong)  # type: ignore[arg-type]


def test_it_follows_new_removed_replaced_and_annotated_episodes(root: Path) -> None:
    assert refresh(root) == Changes(3, 0) and refresh(root) == Changes(0, 0)
    first, second, third = sorted((root / "episodes").iterdir())
    record(root)
    shutil.rmtree(second)
    shutil.copytree(third, root / "copy")
    shutil.rmtree(third)
    (root / "copy").rename(third)
    assert refresh(root) == Changes(2, 1)
    edits = [OutcomeEdit("failure"), PhaseEdit(Phase.RECOVERY, 0, 60), ExcludeEdit(0, 5), NoteEdit("slipped")]
    commit_revision(root, open_episode(first), "eve", edits)
    assert refresh(root) == Changes(1, 0)
    (row,) = search(root, outcome="failure", flags=["excluded"], text="slip", min_share=("recovery", 1.0))
    assert (row.id, row.recorded_outcome, row.revision) == (first.name[:-5], "success", 1)


def test_nothing_is_looked_at_where_nothing_changed_and_everything_where_it_did(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_episode(min((root / "episodes").iterdir()))
    commit_revision(root, first, "eve", [NoteEdit("one")])
    monkeypatch.setattr(catalog, "_SETTLED_S", -1.0)
    assert refresh(root) == Changes(3, 0)

    def forbidden(root: Path) -> dict[str, str]:
        raise AssertionError("the episodes are listed though their folder is as it was")

    with monkeypatch.context() as patch:
        patch.setattr(catalog, "_present", forbidden)
        assert refresh(root) == Changes(0, 0)
        commit_revision(root, first, "eve", [NoteEdit("two")])
        assert refresh(root) == Changes(1, 0)
    record(root)
    assert refresh(root) == Changes(1, 0)
    (root / "overlays" / "nobody").mkdir()
    assert refresh(root) == Changes(0, 0) and ids(root, text="two") == [1]


def test_what_was_lost_recovered_or_is_broken_has_a_flag(memory_path: Path) -> None:
    root = memory_path / "data"
    recording = begin(root)
    for tick in (0, 1, 4):
        recording.control_row(control_row(tick))
    recording.seal("success")
    (record(root) / "zarr.json").write_text("{}")
    damaged = record(root)
    commit_revision(root, open_episode(damaged), "eve", [NoteEdit("x")])
    (root / "overlays" / damaged.name[:-5] / "000001.json").write_text("{")
    assert [row.flags for row in search(root)] == [("lossy",), ("broken",), ("broken",)]
    assert "000001.json: this revision cannot be read" in search(root, flags=["broken"])[1].problem


def test_a_catalog_that_is_damaged_foreign_or_of_another_version_is_built_anew(root: Path) -> None:
    refresh(root)
    path = root / FILE_NAME
    whole = path.read_bytes()
    for damage in (b"", b"not a database" * 500, whole[:100] + b"\xff" * (len(whole) - 100), whole[: len(whole) // 2]):
        for left in root.glob(FILE_NAME + "*"):
            left.unlink()
        path.write_bytes(damage)
        assert ids(root, task="toaster") == [1, 3]
    rows = search(root)
    changes = ("PRAGMA user_version = 9", "ALTER TABLE episode DROP COLUMN split", "DROP TABLE episode")
    for change in changes:
        with sqlite3.connect(path) as connection:
            connection.execute(change)
        connection.close()
        assert search(root) == rows and refresh(root) == Changes(0, 0)


def test_a_dataset_that_cannot_be_written_is_searched_in_memory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refresh(root)
    record(root)
    before = {path.name: path.stat().st_mtime_ns for path in root.iterdir()}
    (root / LOCK_NAME).unlink()
    (root / LOCK_NAME).mkdir()  # nobody, not even root, can open a folder for writing
    assert ids(root) == [1, 2, 3, 4]
    after = {path.name: path.stat().st_mtime_ns for path in root.iterdir()}
    assert after.pop(LOCK_NAME) and before.pop(LOCK_NAME) and after == before


@pytest.mark.parametrize("name", [".DS_Store", "a b"])
def test_what_strangers_leave_among_the_overlays_disturbs_nobody(root: Path, name: str) -> None:
    (root / "overlays").mkdir()
    (root / "overlays" / name).mkdir()
    assert ids(root) == [1, 2, 3]


def test_two_at_once_agree(root: Path) -> None:
    for _ in range(5):
        for left in root.glob(FILE_NAME + "*"):
            left.unlink()
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(ids, [root] * 4)) == [[1, 2, 3]] * 4
    assert refresh(root) == Changes(0, 0)


def test_a_rebuild_that_is_broken_off_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_PART", 1)

    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refresh(root, interrupt)
    assert refresh(root) == Changes(2, 0)


def test_recordings_do_not_count_and_no_dataset_is_an_error(tmp_path: Path) -> None:
    orphan(tmp_path / "data")
    assert search(tmp_path / "data") == []
    with pytest.raises(DatasetInvalid, match="is not a dataset"):
        search(tmp_path)
    (tmp_path / "dataset.json").write_text(json.dumps({"format_version": 2}))
    with pytest.raises(DatasetInvalid, match="has format version 2, this software reads up to 1"):
        refresh(tmp_path)
    assert not os.path.exists(tmp_path / FILE_NAME)


def test_detectors_that_speak_in_turns_raise_each_alarm_once():
    """One is alarmed all the time, another never, a third twice."""
    alarm = np.array([[1, 0, 0], [1, 0, 1], [1, 0, 1], [1, 0, 0], [1, 0, 1]], np.uint8)
    names = np.frombuffer(b"overtime\0probe\0\0\0\0stalled\0\0", np.uint8).reshape(3, 9)
    assert alarms_raised(np.tile(names, (5, 1)), alarm.ravel()) == 3
    assert alarms_raised(names[:0], alarm[:0].ravel()) == 0
