import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.episodes.dataset import Dataset, WriterLock
from rove_teleop.episodes.layout import pack_operator_frame
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.recorder_session import LAST_ROW_WAIT_S, RecorderSession
from rove_teleop.episodes.record.records import ChunkRecord

from ..conftest import memory_folder
from ..recording_tools import ATTRIBUTES, control_row, jpeg, operator_frame


class Recorder:
    """A session with its answers and what it said unasked."""

    def __init__(self, root: Path) -> None:
        Dataset.create(root)
        self.lock = WriterLock(root)
        self.said: list[dict[str, Any]] = []
        self.session = RecorderSession(root, self.lock, self.said.append, ("ego",))

    def ask(self, command: object) -> dict[str, Any]:
        return self.session.command(json.dumps(command))

    def rows(self, ticks: range, episode: int = 1) -> None:
        for tick in ticks:
            self.session.intake.datagram(b"R" + control_row(tick, episode))


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path / "data")
    yield recorder
    recorder.session.finish()
    recorder.lock.release()


def test_an_episode_from_begin_to_seal(recorder: Recorder) -> None:
    assert recorder.ask({"status": {}})["status"]["acknowledged_tick"] is None
    episode_id = recorder.ask({"begin": ATTRIBUTES})["began"]
    recorder.rows(range(50))
    recorder.session.intake.frame("ego", jpeg(1), 1.0, 2.0)
    recorder.session.intake.chunk(ChunkRecord(0.0, 0.0, np.arange(2.0), np.array([0]), np.zeros((2, 1))))
    recorder.session.intake.tracking(pack_operator_frame(operator_frame(1)), 3.0)
    recorder.session.intake.task_state(1.0, ("x", "y"), np.zeros(2))
    recorder.session.intake.datagram(b'E{"time_s": 1.5, "kind": "pause", "detail": "a person"}')
    failure = {"stamp_s": 1.0, "score": 0.7, "threshold": 0.6, "alarm": True, "detector": "no_progress"}
    recorder.session.intake.datagram(b"F" + json.dumps(failure).encode())
    status = recorder.ask({"status": {}})["status"]
    assert (status["acknowledged_tick"], status["rows"], status["frames"], status["failed"]) == (49, 50, 1, None)
    answer = recorder.ask({"end": {"outcome": "success", "last_tick": 49, "attributes": {"handovers": []}}})
    assert (answer["rows"], answer["lost"], answer["frames"], answer["status"]) == (50, 0, 1, "complete")
    episode = open_episode(Path(answer["sealed"]))
    assert episode.id == episode_id
    assert episode.attributes["feature_names"] == ["x", "y"]
    assert [event.kind for event in episode.events()] == ["pause"]
    assert episode["failure/score"].tolist() == [0.7]
    assert len(episode["policy/valid"]) == len(episode["tracking/sequence"]) == len(episode["task/stamp_s"]) == 1


def test_the_end_waits_for_the_last_row(recorder: Recorder) -> None:
    recorder.ask({"begin": ATTRIBUTES})
    recorder.rows(range(10))
    late = threading.Timer(0.1, lambda: recorder.rows(range(10, 20)))
    late.start()
    answer = recorder.ask({"end": {"outcome": "success", "last_tick": 19}})
    late.join()
    assert (answer["rows"], answer["lost"]) == (20, 0)


def test_a_last_row_that_never_comes_is_waited_for_briefly_and_counted(recorder: Recorder) -> None:
    recorder.ask({"begin": ATTRIBUTES})
    recorder.rows(range(10))
    begin_s = time.monotonic()
    answer = recorder.ask({"end": {"outcome": "success", "last_tick": 12}})
    assert LAST_ROW_WAIT_S <= time.monotonic() - begin_s < LAST_ROW_WAIT_S + 1.0
    assert (answer["rows"], answer["lost"]) == (10, 3)


def test_rows_belong_to_the_episode_they_say(recorder: Recorder) -> None:
    recorder.rows(range(3), episode=1)
    recorder.ask({"begin": ATTRIBUTES})
    recorder.rows(range(5), episode=1)
    assert recorder.ask({"end": {"outcome": "success"}})["rows"] == 5
    recorder.rows(range(5, 8), episode=1)
    recorder.ask({"begin": ATTRIBUTES})
    recorder.rows(range(8, 10), episode=1)
    recorder.rows(range(4), episode=2)
    recorder.rows(range(10, 12), episode=1)
    status = recorder.ask({"status": {}})["status"]
    assert "its episode 1, which is not the one being recorded" in status["refusal"]
    assert (status["counts"]["rows_outside"], status["counts"]["rows_refused"]) == (6, 4)
    sealed = open_episode(Path(recorder.ask({"end": {"outcome": "failure", "last_tick": 3}})["sealed"]))
    assert sealed["control/episode"].tolist() == [2] * 4


def test_a_control_process_that_starts_anew_counts_from_one_again(recorder: Recorder) -> None:
    for _ in range(2):
        recorder.ask({"begin": {**ATTRIBUTES, "first_tick": 0}})
        recorder.rows(range(5), episode=1)
        answer = recorder.ask({"end": {"outcome": "success", "last_tick": 4}})
        assert (answer["rows"], answer["lost"]) == (5, 0)


def test_the_number_of_the_episode_may_be_given(recorder: Recorder) -> None:
    recorder.ask({"begin": {**ATTRIBUTES, "episode_number": 7}})
    recorder.rows(range(3), episode=6)
    recorder.rows(range(3), episode=7)
    assert recorder.ask({"abort": {}})["rows"] == 3


def test_images_that_are_refused_leave_a_gap(recorder: Recorder) -> None:
    recorder.ask({"begin": ATTRIBUTES})
    for data in (jpeg(0), b"nothing like it", jpeg(2)):
        recorder.session.intake.frame("ego", data, 1.0, 2.0)
    episode = open_episode(Path(recorder.ask({"end": {"outcome": "success"}})["sealed"]))
    assert episode["cameras/ego/sequence"].tolist() == [0, 2]
    assert episode.attributes["frames_lost"] == {"ego": 1}


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "null", '{"begin": 3}', '{"begin": {}}', '{"jump": {}}', '{"end": {"outcome": NaN}}', "[" * 9999],
)
def test_a_bad_command_is_answered_in_a_sentence(recorder: Recorder, line: str) -> None:
    assert set(recorder.session.command(line)) == {"error"}


@pytest.mark.parametrize(
    "end", [{"outcome": "great"}, {"outcome": "success", "last_tick": "9"}, {"attributes": 3}, {"outcome": ["success"]}]
)
def test_a_bad_end_leaves_the_episode_open(recorder: Recorder, end: dict[str, object]) -> None:
    recorder.ask({"begin": ATTRIBUTES})
    assert "error" in recorder.ask({"end": end})
    recorder.rows(range(3))
    assert recorder.ask({"end": {"outcome": "success"}})["rows"] == 3


def test_only_one_episode_is_open(recorder: Recorder) -> None:
    assert "no open episode" in recorder.ask({"end": {"outcome": "success"}})["error"]
    recorder.ask({"begin": ATTRIBUTES})
    assert "still open" in recorder.ask({"begin": ATTRIBUTES})["error"]


_NASTY = (b'E{"time_s": NaN, "kind": "x", "detail": ""}', b'E{"time_s": "x"}', b"F[]", b"E" + b"[" * 9000)


@settings(max_examples=20, deadline=None)
@given(data=st.lists(st.binary(max_size=40) | st.binary(max_size=30).map(lambda b: b"E" + b), max_size=8))
def test_no_datagram_stops_the_recorder(data: list[bytes]) -> None:
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        recorder = Recorder(Path(folder) / "data")
        recorder.ask({"begin": ATTRIBUTES})
        for datagram in [*data, *_NASTY]:
            recorder.session.intake.datagram(datagram)
        recorder.rows(range(3))
        assert recorder.ask({"end": {"outcome": "success", "last_tick": 2}})["rows"] == 3
        recorder.lock.release()


def test_when_the_session_is_gone_the_episode_is_sealed(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "data")
    assert recorder.session.finish() is None
    recorder.ask({"begin": ATTRIBUTES})
    recorder.rows(range(9))
    answer = recorder.session.finish()
    assert answer is not None and answer["rows"] == 9
    attributes = open_episode(Path(answer["sealed"])).attributes
    assert (attributes["outcome"], attributes["status"], attributes["ended_by"]) == ("unknown", "complete", "stop")
    recorder.lock.release()


def test_a_full_disk_is_said_at_once_and_the_episode_is_kept_to_its_last_row(recorder: Recorder) -> None:
    recorder.ask({"begin": ATTRIBUTES})
    recorder.rows(range(20))
    journal = recorder.session.intake.recording._files._logs["control"].file  # type: ignore[union-attr]
    kept = os.dup(journal._fd)
    with Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), journal._fd)
        recorder.rows(range(20, 25))
    os.dup2(kept, journal._fd)
    os.close(kept)
    assert len(recorder.said) == 1 and "No space left on device" in recorder.said[0]["failed"]
    assert recorder.ask({"status": {}})["status"]["counts"]["rows_lost"] == 5
    answer = recorder.ask({"end": {"outcome": "success", "last_tick": 24}})
    assert (answer["rows"], answer["lost"], answer["status"]) == (20, 5, "recovered")
    attributes = open_episode(Path(answer["sealed"])).attributes
    assert attributes["outcome"] == "success"
    assert "No space left" in attributes["recording_failure"]
    recorder.ask({"begin": ATTRIBUTES})
    recorder.rows(range(5), episode=2)
    assert recorder.ask({"end": {"outcome": "success"}})["status"] == "complete"


def test_a_task_that_changes_its_features_is_refused(recorder: Recorder) -> None:
    recorder.ask({"begin": ATTRIBUTES})
    recorder.session.intake.task_state(1.0, ("x", "y"), np.zeros(2))
    recorder.session.intake.task_state(2.0, ("x", "z"), np.zeros(2))
    recorder.session.intake.task_state(3.0, ("x", "y"), np.ones(2))
    episode = open_episode(Path(recorder.ask({"end": {"outcome": "success"}})["sealed"]))
    assert episode["task/stamp_s"].tolist() == [1.0, 3.0]
    assert recorder.session.intake.counts["task_refused"] == 1
