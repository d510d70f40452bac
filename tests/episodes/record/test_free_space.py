import threading
import time
from pathlib import Path

import pytest

from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record import free_space
from rove_teleop.episodes.record.free_space import FreeSpaceWatch, check_free_space, free_bytes
from rove_teleop.errors import RecordingFailed

from ..recording_tools import ATTRIBUTES
from .test_recorder_session import Recorder

# Whole files, folders or sockets: too long for the first minute.
pytestmark = pytest.mark.integration


def test_head_room_is_checked_in_a_sentence(tmp_path: Path) -> None:
    check_free_space(tmp_path, free_bytes(tmp_path) // 2)
    with pytest.raises(RecordingFailed, match="the disk is nearly full"):
        check_free_space(tmp_path, 1 << 62)


def test_a_disk_that_fills_up_is_noticed_within_a_second_and_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    noticed = threading.Event()

    def refuse(sentence: str) -> None:
        said.append(sentence)
        noticed.set()

    required = [0]
    watch = FreeSpaceWatch(tmp_path, lambda: required[0], refuse)
    assert not noticed.wait(0.7)
    required[0] = 1 << 62
    assert noticed.wait(1.0)
    watch.stop()
    assert len(said) == 1 and "nearly full" in said[0]


def test_a_place_that_went_away_is_noticed(tmp_path: Path) -> None:
    noticed = threading.Event()
    FreeSpaceWatch(tmp_path / "none", lambda: 0, lambda sentence: noticed.set())
    assert noticed.wait(1.0)


def test_without_head_room_recording_stops_and_the_episode_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path / "data")
    recorder.session._min_free_bytes = 1000
    recorder.ask({"begin": ATTRIBUTES})
    recorder.rows(range(20))
    monkeypatch.setattr(free_space, "free_bytes", lambda root: 900)
    begin_s = time.monotonic()
    while not recorder.said and time.monotonic() - begin_s < 3.0:
        recorder.session.intake.check()
        time.sleep(0.01)
    assert time.monotonic() - begin_s < 1.0
    recorder.rows(range(20, 30))
    (said,) = recorder.said
    assert "nearly full" in said["failed"]
    answer = recorder.ask({"end": {"outcome": "success", "last_tick": 29}})
    assert (answer["rows"], answer["lost"], answer["status"]) == (20, 10, "recovered")
    assert "nearly full" in open_episode(Path(answer["sealed"])).attributes["recording_failure"]
    assert "nearly full" in recorder.ask({"begin": ATTRIBUTES})["error"]
    recorder.lock.release()


def test_a_sync_that_fails_is_noticed_without_another_row(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "data")
    recorder.ask({"begin": ATTRIBUTES})
    recorder.rows(range(3))
    recording = recorder.session.intake.recording
    assert recording is not None
    recording._files._logs["control"].file._failure = "the disk did not accept the data"
    recorder.session.intake.check()
    recorder.session.intake.check()
    assert recorder.said == [{"failed": "the disk did not accept the data"}]
    assert recorder.session.finish() is not None
    recorder.lock.release()
