import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from rove_teleop.episodes import durability
from rove_teleop.episodes.check.verify import verify_dataset
from rove_teleop.episodes.dataset import Dataset, WriterLock
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.episodes.record.recover import recover_dataset
from rove_teleop.errors import RoveError

from .faults import FAULTS, FaultyDisk, faulty_disk
from .recording_tools import ATTRIBUTES, ROW, control_row, jpeg

TICKS = 6
NEVER = -1


@pytest.fixture(autouse=True)
def _syncs_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sync thread would count operations at random: here each is made where the test says."""
    monkeypatch.setattr(durability, "SYNC_PERIOD_S", 3600.0)


def _record(root: Path, lock: WriterLock, acknowledged: dict[str, list[int]]) -> str | None:
    """Record and seal; note what was acknowledged. The sentence with which it ended before that, if it did."""
    try:
        recording = EpisodeRecording(root, ATTRIBUTES, lock, min_free_bytes=0)
    except RoveError as error:
        return str(error)
    try:
        for tick in range(TICKS):
            acknowledged["row"].append(recording.control_row(control_row(tick)))
            if tick % 2 == 0:
                recording.frame("ego", jpeg(tick), tick, tick, tick // 2)
                acknowledged["frame"].append(tick // 2)
            for file in recording._files._files():
                file.sync()
    except RoveError as error:
        sentence = str(error)
    else:
        sentence = None
    try:
        recording.seal("success", last_tick=TICKS - 1)
    except OSError as error:
        return str(error)
    return sentence or recording.failed


def _check(root: Path, acknowledged: dict[str, list[int]], *, passed: bool) -> None:
    paths = Dataset.open(root).episodes()
    assert Dataset.open(root).recordings() == []
    assert not any(report.broken for report in verify_dataset(root).episodes)
    if not paths:
        assert not acknowledged["row"] and not passed
        return
    (path,) = paths
    episode = open_episode(path)
    rows = np.frombuffer(b"".join(control_row(tick) for tick in episode["control/tick"].tolist()), ROW)
    assert episode["control/tick"].tolist()[: len(acknowledged["row"])] == acknowledged["row"]
    np.testing.assert_array_equal(episode["control/q_sent_rad"], rows["q_sent_rad"])
    assert episode["cameras/ego/sequence"].tolist()[: len(acknowledged["frame"])] == acknowledged["frame"]
    for k in range(len(episode["cameras/ego/sequence"])):
        assert episode.jpeg("ego", k) == jpeg(2 * k)
    if passed:
        assert (len(rows), episode.attributes["status"]) == (TICKS, "complete")


def _fails_at(root: Path, fault: str, n: int) -> FaultyDisk:
    """From beginning to committed episode; the disk is well again when the recorder starts the next time."""
    Dataset.create(root)
    acknowledged: dict[str, list[int]] = {"row": [], "frame": []}
    with WriterLock(root) as lock, faulty_disk(fault, n) as disk:
        sentence = _record(root, lock, acknowledged)
    assert all((path / "zarr.json").exists() for path in Dataset.open(root).episodes())
    recover_dataset(root)
    _check(root, acknowledged, passed=sentence is None)
    assert sentence is None or disk.struck is not None
    shutil.rmtree(root)
    return disk


def _recovery_fails_at(root: Path, kept: Path, fault: str, n: int) -> FaultyDisk:
    shutil.copytree(kept, root)
    with WriterLock(root) as lock, faulty_disk(fault, n) as disk, contextlib.suppress(OSError):
        # Refused where a folder is listed or removed: the recorder ends with it and starts again.
        recover_dataset(root, lock)
    recover_dataset(root)
    _check(root, {"row": list(range(TICKS)), "frame": [0, 1, 2]}, passed=False)
    shutil.rmtree(root)
    return disk


def _orphan(root: Path) -> None:
    Dataset.create(root)
    recording = EpisodeRecording(root, ATTRIBUTES, min_free_bytes=0)
    for tick in range(TICKS):
        recording.control_row(control_row(tick))
    for k in range(3):
        recording.frame("ego", jpeg(2 * k), k, k, k)
    recording.close()


def test_a_disk_that_fails_while_recording_or_at_the_commit_loses_nothing(memory_path: Path) -> None:
    root = memory_path / "data"
    count = _fails_at(root, "ENOSPC", NEVER).count
    steps = [*range(0, 70, 2), *range(70, count, 41), *range(count - 6, count)]
    struck = {_fails_at(root, "ENOSPC", n).struck for n in steps}
    assert {"write", "fsync", "fdatasync", "rename", "mkdir", "syncfs"} <= struck


@pytest.mark.integration
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS)
def test_whichever_operation_fails_what_was_acknowledged_is_recovered(memory_path: Path, fault: str) -> None:
    root, kept = memory_path / "data", memory_path / "kept"
    for n in range(0, _fails_at(root, fault, NEVER).count, 3):
        assert _fails_at(root, fault, n).struck
    _orphan(kept)
    for n in range(0, _recovery_fails_at(root, kept, fault, NEVER).count, 5):
        assert _recovery_fails_at(root, kept, fault, n).struck
