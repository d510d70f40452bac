import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rove_teleop.episodes.check.verify import verify_dataset
from rove_teleop.episodes.dataset import Dataset, WriterLock
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.journal import read_journal
from rove_teleop.episodes.record.recording_files import LOG_NAMES
from rove_teleop.episodes.record.recover import recover_dataset
from rove_teleop.episodes.record.seal import seal_recording
from rove_teleop.errors import DatasetInvalid

from ..recording_tools import begin, fill, jpeg, orphan, record

_FILE_EVENTS = {"open", "os.mkdir", "os.rename", "os.link", "os.truncate", "os.remove", "os.rmdir"}


def test_an_orphan_is_sealed_as_recovered_with_everything_in_it(tmp_path: Path) -> None:
    root = tmp_path / "data"
    recording = orphan(root)
    (result,) = recover_dataset(root)
    assert (result.id, result.rows, result.frames, result.bytes_cut) == (recording.name, 60, 8, 0)
    assert result.path is not None and result.problem is None
    episode = open_episode(result.path)
    assert (episode.attributes["status"], episode.attributes["outcome"]) == ("recovered", "unknown")
    assert episode["control/tick"].tolist() == list(range(60))
    assert episode.jpeg("ego", 7) == jpeg(56)
    assert recover_dataset(root) == []
    assert verify_dataset(root).exit_code == 3


def test_a_log_cut_anywhere_is_recovered_up_to_its_last_whole_record(memory_path: Path) -> None:
    root = memory_path / "data"
    data = (orphan(root, 12) / "control.log").read_bytes()
    rng = random.Random(1)
    for length in sorted({0, 1, len(data) - 1, *(rng.randrange(len(data)) for _ in range(25))}):
        shutil.rmtree(root)
        log = orphan(root, 12) / "control.log"
        os.truncate(log, length)
        rows = len(read_journal(log).spans)
        (result,) = recover_dataset(root)
        assert result.rows == rows
        assert result.path is not None
        assert open_episode(result.path)["control/tick"].tolist() == list(range(rows))
        assert not verify_dataset(root).episodes[0].broken


@pytest.mark.parametrize("name", [*LOG_NAMES, "camera.ego"])
def test_damage_in_one_log_cuts_only_that_stream(memory_path: Path, name: str) -> None:
    whole, cut = memory_path / "whole", memory_path / "cut"
    orphan(whole)
    log = orphan(cut) / f"{name}.log"
    data = bytearray(log.read_bytes())
    data[-1] ^= 1
    log.write_bytes(data)
    (reference,), (result,) = recover_dataset(whole), recover_dataset(cut)
    assert reference.path is not None and result.path is not None and result.bytes_cut > 0
    expected, found = open_episode(reference.path), open_episode(result.path)
    group = {"session": "attributes", "camera.ego": "cameras/ego"}.get(name, name)
    shorter = {array.rpartition("/")[0] for array in expected if expected[array].shape != found[array].shape}
    # The last thing of the session's log here is its header.
    assert shorter == (set() if name == "session" else {group})
    assert found.attributes["journals_cut"] == [name]
    # Only as much as is right is in the episode; the log itself is kept.
    assert (cut / "damaged" / result.id / f"{name}.log").read_bytes() == data
    assert not (whole / "damaged").exists()
    assert verify_dataset(cut).exit_code == 3


def test_a_recording_of_another_version_is_refused_in_a_sentence_and_kept(tmp_path: Path) -> None:
    root = tmp_path / "data"
    old, new = orphan(root), orphan(root)
    header = json.loads((old / "header.json").read_text())
    del header["journal_version"]
    (old / "header.json").write_text(json.dumps(header))
    before = sorted(path.name for path in old.iterdir())
    first, second = recover_dataset(root)
    assert first.problem is not None and "journal version 1, this software recovers version 2" in first.problem
    assert sorted(path.name for path in old.iterdir()) == before
    assert second.id == new.name and second.rows == 60


def test_a_lost_header_is_reported_and_nothing_is_deleted(tmp_path: Path) -> None:
    root = tmp_path / "data"
    recording = orphan(root)
    (recording / "header.json").unlink()
    (result,) = recover_dataset(root)
    assert result.problem is not None and "header of the recording cannot be read" in result.problem
    assert (recording / "control.log").stat().st_size > 60 * 100


def test_images_whose_bytes_did_not_reach_the_disk_are_counted_as_lost(tmp_path: Path) -> None:
    root = tmp_path / "data"
    pack = orphan(root) / "camera.ego.pack"
    os.truncate(pack, pack.stat().st_size - 1)
    (result,) = recover_dataset(root)
    assert result.path is not None
    episode = open_episode(result.path)
    assert episode["cameras/ego/sequence"].tolist() == list(range(7))
    assert episode.attributes["frames_lost"] == {"ego": 1}
    assert [episode.jpeg("ego", k) for k in range(7)] == [jpeg(8 * k) for k in range(7)]
    assert not verify_dataset(root).episodes[0].broken


def test_a_crash_after_the_end_keeps_the_outcome(tmp_path: Path) -> None:
    root = tmp_path / "data"
    recording = begin(root)
    fill(recording, range(20))
    _dies(lambda: recording.seal("success", {"handovers": 1}, last_tick=19), 25)
    recording.close()
    (result,) = recover_dataset(root)
    assert result.path is not None
    attributes = open_episode(result.path).attributes
    assert (attributes["outcome"], attributes["status"], attributes["handovers"]) == ("success", "recovered", 1)


def test_a_recording_that_never_began_is_removed(tmp_path: Path) -> None:
    root = tmp_path / "data"
    (Dataset.create(root).begin_recording() / "header.json.tmp").write_text("{")
    assert recover_dataset(root) == []
    assert Dataset.open(root).recordings() == []


def test_a_damaged_header_is_reported_and_kept_and_the_others_are_recovered(tmp_path: Path) -> None:
    root = tmp_path / "data"
    bad, good = orphan(root), orphan(root)
    (bad / "header.json").write_text('{"id": ')
    first, second = recover_dataset(root)
    assert first.path is None and first.problem is not None and "header" in first.problem
    assert second.id == good.name and second.problem is None
    assert bad.exists()
    assert verify_dataset(root).orphans == (bad.name,)


@pytest.mark.parametrize("key", ["id", "clock"])
@pytest.mark.parametrize("wrong", [None, 5, "20261123-120000-000009"])
def test_a_header_that_is_not_this_recordings_is_reported_and_kept(memory_path: Path, key: str, wrong: object) -> None:
    root = memory_path / "data"
    bad, good = orphan(root, 5), orphan(root, 5)
    header = json.loads((bad / "header.json").read_text())
    for content in ({**header, key: wrong}, {name: value for name, value in header.items() if name != key}):
        (bad / "header.json").write_text(json.dumps(content))
        (first, *_) = recover_dataset(root)
        assert first.problem is not None and "header.json" in first.problem and bad.exists()
    assert not good.exists()


@pytest.mark.parametrize(("one", "other"), [("policy", "failure"), ("control", "tracking"), ("camera.a", "camera.b")])
def test_logs_that_were_exchanged_are_kept_and_told_of(memory_path: Path, one: str, other: str) -> None:
    root = memory_path / "data"
    recording = begin(root, cameras=["ego", "a", "b"])
    fill(recording, range(20))
    recording.frame("a", jpeg(1), 1.7e9, 100.0, 0)
    recording.frame("b", jpeg(2), 1.7e9, 100.0, 0)
    recording.close()
    folder = root / "recording" / recording.id
    (folder / f"{one}.log").rename(folder / "x")
    (folder / f"{other}.log").rename(folder / f"{one}.log")
    (folder / "x").rename(folder / f"{other}.log")
    (result,) = recover_dataset(root)
    assert result.problem is not None and f"is log {other} of recording" in result.problem
    assert read_journal(folder / f"{one}.log").spans


def test_what_is_not_of_a_recording_is_never_removed(tmp_path: Path) -> None:
    root = tmp_path / "data"
    record(root).rename(root / "recording" / "20261123-120000-000001")
    (root / "recording" / "mine").mkdir()
    (root / "recording" / "mine" / "notes.txt").write_text("remember")
    (root / "recording" / "odd" / "control.log").mkdir(parents=True)
    assert [result.problem is not None for result in recover_dataset(root)] == [True, True, True]
    assert len(Dataset.open(root).recordings()) == 3
    assert (root / "recording" / "mine" / "notes.txt").read_text() == "remember"


def test_a_recording_whose_name_another_episode_has_is_kept(tmp_path: Path) -> None:
    root = tmp_path / "data"
    recording, theirs = orphan(root), tmp_path / "theirs"
    shutil.copytree(root, theirs)
    header = theirs / "recording" / recording.name / "header.json"
    content = json.loads(header.read_text())
    content["clock"]["monotonic_s"] += 1.0
    header.write_text(json.dumps(content))
    recover_dataset(theirs)
    (theirs / "episodes" / f"{recording.name}.zarr").rename(root / "episodes" / f"{recording.name}.zarr")
    (result,) = recover_dataset(root)
    assert result.problem is not None and "another episode of this name" in result.problem
    assert (recording / "control.log").exists()


def test_recovery_waits_for_no_one(tmp_path: Path) -> None:
    root = tmp_path / "data"
    orphan(root)
    with WriterLock(root), pytest.raises(DatasetInvalid, match="another recorder is writing"):
        recover_dataset(root)
    assert len(recover_dataset(root)) == 1


@pytest.mark.integration
def test_killed_before_any_file_operation_of_seal_or_recovery_the_next_recovery_completes(
    memory_path: Path,
) -> None:
    root = memory_path / "data"
    template = orphan(root, 10)
    kept = memory_path / "kept"
    shutil.copytree(root, kept)
    # The first call also imports modules.
    recover_dataset(root)
    shutil.rmtree(root)
    shutil.copytree(kept, root)
    steps = _count_operations(lambda: recover_dataset(root))
    reference = {name: np.array(a) for name, a in open_episode(root / "episodes" / f"{template.name}.zarr").items()}
    for step in [*range(0, steps - 30, 17), *range(max(0, steps - 30), steps)]:
        shutil.rmtree(root)
        shutil.copytree(kept, root)
        assert _dies(lambda: recover_dataset(root), step)
        if step % 2:
            _dies(lambda: recover_dataset(root), step // 3)
        recover_dataset(root)
        (path,) = Dataset.open(root).episodes()
        assert Dataset.open(root).recordings() == []
        episode = open_episode(path)
        assert episode.attributes["status"] == "recovered"
        for name, array in reference.items():
            np.testing.assert_array_equal(episode[name], array)
        assert not verify_dataset(root).episodes[0].broken


def test_a_refused_seal_leaves_the_recording_and_no_half_episode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"
    recording = begin(root)
    fill(recording, range(20))

    def refuse(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("rove_teleop.episodes.zarr_files.write_file", refuse)
        with pytest.raises(OSError, match="No space left"):
            recording.seal("success", last_tick=19)
    assert Dataset.open(root).episodes() == []
    assert list((root / ".seal").iterdir()) == []
    (result,) = recover_dataset(root)
    assert result.rows == 20 and result.path is not None
    assert open_episode(result.path).attributes["outcome"] == "success"


def test_sealing_again_what_is_committed_only_cleans_up(tmp_path: Path) -> None:
    root = tmp_path / "data"
    path = record(root)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    left = root / "recording" / path.name.removesuffix(".zarr")
    left.mkdir()
    assert seal_recording(left, recovered=True) == path
    assert not left.exists()
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def _count_operations(work: Callable[[], object]) -> int:
    counted: list[str] = []
    active = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if active and event in _FILE_EVENTS:
            counted.append(event)

    sys.addaudithook(hook)
    work()
    active = False
    return len(counted)


def _dies(work: Callable[[], object], step: int) -> bool:
    """Run ``work`` in a child that is killed before its ``step``-th file operation; whether it was."""
    child = os.fork()
    if child == 0:
        left = step

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in _FILE_EVENTS:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
