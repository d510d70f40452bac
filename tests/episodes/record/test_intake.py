"""The sources of an episode do not wait for each other."""

import threading
from pathlib import Path

import pytest

from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.camera_log import CameraLog

from ..recording_tools import ATTRIBUTES, jpeg
from .test_recorder_session import Recorder


def test_an_image_that_takes_long_holds_up_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path / "data")
    recorder.ask({"begin": ATTRIBUTES})
    started, go_on = threading.Event(), threading.Event()
    append = CameraLog.append

    def slow(log: CameraLog, *image: object) -> None:
        started.set()
        assert go_on.wait(10.0)
        append(log, *image)  # type: ignore[arg-type]

    monkeypatch.setattr(CameraLog, "append", slow)
    image = threading.Thread(target=recorder.session.intake.frame, args=("ego", jpeg(0), 1.0, 2.0))
    image.start()
    assert started.wait(5.0)
    recorder.rows(range(50))
    assert recorder.ask({"status": {}})["status"]["acknowledged_tick"] == 49
    go_on.set()
    image.join()
    answer = recorder.ask({"end": {"outcome": "success", "last_tick": 49}})
    assert (answer["rows"], answer["frames"], answer["status"]) == (50, 1, "complete")
    recorder.lock.release()


def test_an_image_that_is_being_written_when_the_episode_ends_belongs_to_it(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "data")
    recorder.ask({"begin": ATTRIBUTES})
    stop = threading.Event()

    def shoot() -> None:
        while not stop.is_set():
            recorder.session.intake.frame("ego", jpeg(1, 5000), 1.0, 2.0)

    threads = [threading.Thread(target=shoot) for _ in range(2)]
    for thread in threads:
        thread.start()
    recorder.rows(range(30))
    answer = recorder.ask({"end": {"outcome": "success", "last_tick": 29}})
    stop.set()
    for thread in threads:
        thread.join()
    counts = recorder.session.intake.counts
    assert answer["frames"] == counts["frames"] > 0 and counts["frames_lost"] == 0
    sequence = open_episode(Path(answer["sealed"]))["cameras/ego/sequence"].tolist()
    assert sequence == list(range(len(sequence)))
    recorder.lock.release()
