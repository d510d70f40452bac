import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from rove_teleop.episodes.attributes import attributes_crc32c
from rove_teleop.episodes.catalog.catalog import search
from rove_teleop.episodes.catalog.catalog_row import catalog_row
from rove_teleop.episodes.check.verify import limit_problems, verify_dataset, verify_episode
from rove_teleop.episodes.edit.edits import NoteEdit
from rove_teleop.episodes.edit.overlay_files import commit_revision
from rove_teleop.episodes.find import find_episode
from rove_teleop.episodes.label_runs import create_run
from rove_teleop.episodes.labels import write_labels
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.recover import recover_dataset
from rove_teleop.errors import DatasetInvalid

from ..recording_tools import ATTRIBUTES, begin, control_row, fill, orphan, record


def test_a_clean_dataset_is_clean(tmp_path: Path) -> None:
    root = tmp_path / "data"
    record(root)
    record(root, outcome="failure")
    seen: list[tuple[int, int]] = []
    report = verify_dataset(root, lambda done, total: seen.append((done, total)))
    assert report.exit_code == 0
    assert [(r.broken, r.lossy) for r in report.episodes] == [((), ()), ((), ())]
    assert seen == [(1, 2), (2, 2)]


def test_one_flipped_byte_anywhere_is_found(tmp_path: Path) -> None:
    path = record(tmp_path / "data")
    rng = random.Random(3)
    for file in sorted(file for file in path.rglob("*") if file.is_file() and file.stat().st_size):
        data = bytearray(file.read_bytes())
        place = rng.randrange(len(data))
        data[place] ^= 1 << rng.randrange(8)
        with file.open("r+b") as handle:
            original = handle.read()
            handle.seek(0)
            handle.write(data)
        assert verify_episode(path).broken, f"{file} byte {place}"
        file.write_bytes(original)
    assert not verify_episode(path).broken


@pytest.mark.parametrize("name", ["control/tick", "cameras/ego/jpeg", "events/detail"])
def test_a_missing_or_short_chunk_is_found(tmp_path: Path, name: str) -> None:
    path = record(tmp_path / "data")
    chunk = next(file for file in (path / name / "c").rglob("*") if file.is_file())
    data = chunk.read_bytes()
    chunk.write_bytes(data[:7])
    assert "bytes" in verify_episode(path).broken[0]
    chunk.unlink()
    assert verify_episode(path).broken


def test_what_was_lost_or_recovered_is_lossy_not_broken(tmp_path: Path) -> None:
    root = tmp_path / "data"
    recording = begin(root)
    for tick in (0, 1, 4):
        recording.control_row(control_row(tick))
    recording.seal("success")
    report = verify_dataset(root)
    assert (report.exit_code, report.episodes[0].lossy) == (3, ("2 control ticks lost",))
    shutil.rmtree(root)
    orphan(root)
    report = verify_dataset(root)
    assert (report.exit_code, len(report.orphans)) == (3, 1)


@pytest.mark.parametrize(
    ("key", "value"),
    [("frames_lost", []), ("id", "../../etc"), ("control_hz", 0), ("outcome", "failure"), ("limits", None)],
)
def test_attributes_that_were_changed_are_found_and_believed_by_nobody(tmp_path: Path, key: str, value: object) -> None:
    root = tmp_path / "data"
    record(root)
    metadata = record(root) / "zarr.json"
    group = json.loads(metadata.read_text())
    group["attributes"][key] = value
    metadata.write_text(json.dumps(group))
    report = verify_dataset(root)
    assert [bool(episode.broken) for episode in report.episodes] == [False, True]
    assert "attributes do not match" in report.episodes[1].broken[0]
    assert [row.broken for row in search(root)] == [0, 1]
    with pytest.raises(DatasetInvalid, match="attributes do not match"):
        open_episode(metadata.parent)


def test_attributes_of_a_wrong_type_break_their_episode_only(memory_path: Path) -> None:
    metadata = record(memory_path / "data") / "zarr.json"
    group = json.loads(metadata.read_text())
    for key, wrong in (("frames_lost", []), ("control_hz", 0), ("clocks", "x"), ("groups", None), ("state_names", 7)):
        changed = {**group["attributes"], key: wrong}
        changed["attributes_crc32c"] = attributes_crc32c(changed)
        metadata.write_text(json.dumps({**group, "attributes": changed}))
        assert verify_episode(metadata.parent).broken, key
        catalog_row(memory_path / "data", metadata.parent, "")


@pytest.mark.parametrize("changed", [{"zarr_format": 2}, {"node_type": "array"}])
def test_what_is_no_zarr_group_any_more_is_found(tmp_path: Path, changed: dict[str, object]) -> None:
    metadata = record(tmp_path / "data") / "zarr.json"
    metadata.write_text(json.dumps({**json.loads(metadata.read_text()), **changed}))
    assert "not a Zarr v3 group" in verify_episode(metadata.parent).broken[0]


def test_metadata_without_an_end_is_found(tmp_path: Path) -> None:
    metadata = record(tmp_path / "data") / "zarr.json"
    metadata.write_text("[" * 100_000)
    assert "cannot be read" in verify_episode(metadata.parent).broken[0]


def test_an_episode_under_another_name_is_found(tmp_path: Path) -> None:
    root = tmp_path / "data"
    one, two = record(root), record(root)
    one.rename(tmp_path / "one")
    two.rename(one)
    (tmp_path / "one").rename(two)
    report = verify_dataset(root)
    assert [
        f"is episode {other.stem} under another name" in r.broken[0]
        for r, other in zip(report.episodes, (two, one), strict=True)
    ] == [True, True]
    assert [row.broken for row in search(root)] == [1, 1]
    with pytest.raises(DatasetInvalid, match="under another name"):
        find_episode(root, one.stem)


@pytest.mark.parametrize("name", ["20261123-120000-000001", "20261123-120000-000001.zarr.bak"])
def test_an_episode_that_no_reader_would_find_is_told_of(tmp_path: Path, name: str) -> None:
    root = tmp_path / "data"
    record(root).rename(root / "episodes" / name)
    report = verify_dataset(root)
    assert (report.exit_code, len(report.problems)) == (1, 1) and name in report.problems[0]


def test_a_dataset_without_its_episodes_is_broken_and_can_still_be_recovered(tmp_path: Path) -> None:
    root = tmp_path / "data"
    orphan(root)
    shutil.rmtree(root / "episodes")
    for look in (verify_dataset, search):
        with pytest.raises(DatasetInvalid, match="no folder 'episodes'"):
            look(root)
    assert len(recover_dataset(root)) == 1
    assert len(verify_dataset(root).episodes) == 1


def test_one_broken_episode_makes_the_dataset_broken(tmp_path: Path) -> None:
    root = tmp_path / "data"
    record(root)
    (record(root) / "zarr.json").write_text("{}")
    assert verify_dataset(root).exit_code == 1


def test_no_dataset_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(DatasetInvalid, match="is not a dataset"):
        verify_dataset(tmp_path)


def test_stamps_that_go_back_are_broken(tmp_path: Path) -> None:
    recording = begin(tmp_path / "data")
    fill(recording, range(5))
    recording.control_row(control_row(5, stamp_s=0.0))
    assert verify_episode(recording.seal("success")).broken == ("control/stamp_s does not increase at row 5",)


def _sent(tmp_path: Path, q: np.ndarray, ticks: list[int] | None = None) -> list[str]:
    recording = begin(tmp_path / "data")
    for k, row in enumerate(q):
        recording.control_row(control_row(k if ticks is None else ticks[k], q_sent_rad=row))
    return limit_problems(open_episode(recording.seal("success")))


def test_commands_inside_the_limits_pass_and_each_kind_of_excess_is_named(tmp_path: Path) -> None:
    dt, t = 1 / 250, np.arange(500)[:, None] / 250 * np.ones(3)
    assert _sent(tmp_path / "a", 0.9 * np.sin(2.0 * t)) == []
    (position,) = _sent(tmp_path / "b", 2.1 + 0 * t)
    assert "position limit of waist" in position
    fast = _sent(tmp_path / "c", t[:250] * [0.0, 3.01, 0.0] - 1.5)
    assert len(fast) == 1 and "velocity limit of left by 0.01" in fast[0]
    step = np.zeros((50, 3))
    step[25:, 2] = 3.0 * dt
    assert [p.split("the ")[1].split(" of")[0] for p in _sent(tmp_path / "d", step)] == [
        "acceleration limit",
        "jerk limit",
    ]


def test_limits_bind_consecutive_ticks_only_and_nothing_sent_is_no_command(tmp_path: Path) -> None:
    q = np.zeros((40, 3))
    q[20:] = 1.0
    assert _sent(tmp_path / "a", q, [*range(20), *range(500, 520)]) == []
    q[15:20] = np.nan
    assert _sent(tmp_path / "b", q) == []
    q[30, 1] = np.nan
    assert _sent(tmp_path / "c", q) == ["control/q_sent_rad has a value that is not finite"]


def test_without_limits_nothing_is_judged(tmp_path: Path) -> None:
    recording = begin(tmp_path / "data", limits=None)
    recording.control_row(control_row(0, q_sent_rad=1e9))
    assert ATTRIBUTES["limits"] is not None
    assert verify_episode(recording.seal("success")).broken == ()


def test_what_control_promises_is_checked_too(tmp_path: Path) -> None:
    recording = begin(tmp_path / "data")
    for tick in range(5):
        recording.control_row(control_row(tick, weight=1.5 if tick == 3 else 0.0))
    assert verify_episode(recording.seal("success")).broken == ("control/weight is not from 0 to 1 (row 3)",)


def test_after_a_fault_commands_may_begin_elsewhere(tmp_path: Path) -> None:
    recording = begin(tmp_path / "data", state_names=["autonomous", "fault", "hold"])
    for tick in range(30):
        state = 1 if tick == 10 else 0 if tick < 10 else 2
        recording.control_row(control_row(tick, q_sent_rad=0.0 if tick <= 10 else 0.2, state=state))
    assert limit_problems(open_episode(recording.seal("success"))) == []


def test_overlays_are_checked(tmp_path: Path) -> None:
    root = tmp_path / "data"
    path = record(root)
    commit_revision(root, open_episode(path), "eve", [NoteEdit("slipped")])
    assert verify_dataset(root).exit_code == 0
    revision = root / "overlays" / path.stem / "000001.json"
    revision.write_text(revision.read_text().replace("slipped", "fell"))
    report = verify_dataset(root)
    assert report.exit_code == 1 and "does not match its checksum" in report.episodes[0].broken[0]
    shutil.rmtree(path)
    report = verify_dataset(root)
    assert (report.exit_code, report.episodes, len(report.problems)) == (1, (), 1)
    assert "there is no episode" in report.problems[0]


@pytest.mark.parametrize("name", ["1.json", "000001.json.bak", "000001.JSON"])
def test_a_revision_that_no_reader_would_find_is_told_of(tmp_path: Path, name: str) -> None:
    root = tmp_path / "data"
    path = record(root)
    commit_revision(root, open_episode(path), "eve", [NoteEdit("slipped")])
    folder = root / "overlays" / path.stem
    (folder / "000001.json").rename(folder / name)
    (folder / ".000002.json.swp").write_text("an editor's")
    report = verify_dataset(root)
    assert report.exit_code == 1 and report.episodes[0].broken[0].endswith(f"{name}: is not named as a revision is")


def test_derived_labels_are_checked(tmp_path: Path) -> None:
    root = tmp_path / "data"
    episode = open_episode(record(root))
    create_run(root, "values", {}, data_revision="")
    write_labels(root, "values", episode, {"value": np.zeros(60)})
    assert verify_dataset(root).exit_code == 0
    labels = root / "labels" / "values" / f"{episode.id}.npz"
    whole = labels.read_bytes()
    labels.write_bytes(whole.replace(bytes(480), b"\1" + bytes(479)))
    assert "cannot be read" in verify_dataset(root).problems[0]
    labels.rename(labels.with_name("20261123-120000-000077.npz"))
    assert "has no episode 20261123-120000-000077" in verify_dataset(root).problems[0]
    (labels.parent / "run.json").unlink()
    assert "no labels of a run values" in verify_dataset(root).problems[0]


@pytest.mark.parametrize("files", ['"abc"', "5", "null"])
def test_a_note_of_absent_files_that_is_no_list_is_broken(tmp_path: Path, files: str) -> None:
    root = tmp_path / "data"
    path = record(root)
    (root / "absent").mkdir()
    (root / "absent" / f"{path.stem}.json").write_text(f'{{"files": {files}}}')
    assert "cannot be read" in verify_dataset(root).episodes[0].broken[0]
