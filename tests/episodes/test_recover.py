import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rove_teleop.episodes.dataset import Dataset, WriterLock
from rove_teleop.episodes.journal import read_journal
from rove_teleop.episodes.layout import Stream
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.recover import recover_dataset
from rove_teleop.episodes.seal import JOURNAL_NAME, seal_recording
from rove_teleop.episodes.verify import verify_dataset
from rove_teleop.errors import DatasetInvalid

from .recording_tools import begin, fill, jpeg, orphan, record

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


def test_a_journal_cut_anywhere_is_recovered_up_to_its_last_whole_record(memory_path: Path) -> None:
    root = memory_path / "data"
    data = (orphan(root, 12) / JOURNAL_NAME).read_bytes()
    rng = random.Random(1)
    for length in sorted({0, 1, len(data) - 1, *(rng.randrange(len(data)) for _ in range(25))}):
        shutil.rmtree(root)
        journal = orphan(root, 12) / JOURNAL_NAME
        os.truncate(journal, length)
        rows = sum(record.stream is Stream.CONTROL for record in read_journal(journal).records)
        (result,) = recover_dataset(root)
        assert result.rows == rows
        assert result.path is not None
        assert open_episode(result.path)["control/tick"].tolist() == list(range(rows))
        assert not verify_dataset(root).episodes[0].broken


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

    def refuse(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", refuse)
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
