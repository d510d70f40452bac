"""A disk that fills up under the real recorder: it stops within a second, says so, and what it acknowledged is kept."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rove_teleop.episodes.check.verify import verify_dataset
from rove_teleop.episodes.read import open_episode
from tests.episodes.recording_tools import ATTRIBUTES

from .recorder_process import RecorderProcess, Rows

# CI is root, so it runs there.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root"),
]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def _fill(disk: Path, leave_bytes: int = 0) -> None:
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    # The recorder takes its share meanwhile: what does not fit is what is wanted here.
    with contextlib.suppress(OSError):
        (disk / "somebody_elses").write_bytes(bytes(free - leave_bytes))


def _record_until_full(recorder: RecorderProcess, rows: Rows, disk: Path, leave_bytes: int) -> int:
    """Fill the disk in the middle of an episode; the last tick that was acknowledged before the recorder stopped."""
    recorder.answer()
    recorder.ask({"begin": ATTRIBUTES})
    rows.start()
    time.sleep(0.5)
    _fill(disk, leave_bytes)
    begin_s = time.monotonic()
    said = recorder.answer(5.0)
    assert time.monotonic() - begin_s < 1.0
    assert "nearly full" in said["failed"] or "recording stopped after" in said["failed"]
    sent = rows.tick
    time.sleep(0.2)
    rows.stop()
    assert rows.tick - sent > 20, "control must go on without its recorder"
    assert rows.worst_s < 0.02
    return int(recorder.ask({"status": {}})["status"]["acknowledged_tick"])


@pytest.mark.timeout(60)
def test_a_full_disk_stops_recording_and_recovery_gets_every_acknowledged_row(small_disk: Path) -> None:
    socket = small_disk.parent / "rows.sock"
    recorder, rows = RecorderProcess(small_disk / "data", socket, "--min-free-mb", "0"), Rows(socket)
    last = _record_until_full(recorder, rows, small_disk, leave_bytes=0)
    refused = recorder.ask({"end": {"outcome": "success", "last_tick": rows.tick - 1}})
    assert "kept and sealed by recovery" in refused["error"]
    assert recorder.end() == 0
    assert list((small_disk / "data/episodes").iterdir()) == []
    (small_disk / "somebody_elses").unlink()
    again = RecorderProcess(small_disk / "data", socket, "--min-free-mb", "0")
    (found,) = again.answer()["ready"]["recovered"]
    assert again.end() == 0
    ticks = open_episode(Path(found["path"]))["control/tick"].tolist()
    assert ticks == [tick for tick in rows.accepted if tick <= last]
    assert verify_dataset(small_disk / "data").exit_code == 3


@pytest.mark.timeout(60)
def test_with_head_room_the_episode_is_sealed_at_once(small_disk: Path) -> None:
    socket = small_disk.parent / "rows.sock"
    recorder, rows = RecorderProcess(small_disk / "data", socket, "--min-free-mb", "6"), Rows(socket)
    last = _record_until_full(recorder, rows, small_disk, leave_bytes=1_200_000)
    answer = recorder.ask({"end": {"outcome": "success", "last_tick": rows.tick - 1}})
    assert answer["status"] == "recovered" and answer["rows"] > last - 10
    attributes = open_episode(Path(answer["sealed"])).attributes
    assert "the disk is nearly full" in attributes["recording_failure"]
    assert "the disk is nearly full" in recorder.ask({"begin": ATTRIBUTES})["error"]
    assert recorder.end() == 0
