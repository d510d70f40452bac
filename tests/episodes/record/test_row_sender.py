import time
from pathlib import Path

import pytest

from rove_teleop.episodes.record.records import FailureRecord
from rove_teleop.episodes.record.row_sender import BACKLOG, RowSender
from rove_teleop.episodes.record.row_socket import RowSocket
from rove_teleop.errors import RecordingFailed
from rove_teleop.types import Event


def test_what_is_sent_arrives_in_order(tmp_path: Path) -> None:
    rows, sender = RowSocket(tmp_path / "rows"), RowSender(tmp_path / "rows")
    sender.row(b"a row")
    sender.event(Event(1.5, "pause", "a person"))
    sender.opinion(FailureRecord(2.5, 0.7, 1.0, False, "no_progress"))
    sender.flush()
    assert rows.receive() == b"Ra row"
    assert rows.receive() == b'E{"time_s": 1.5, "kind": "pause", "detail": "a person"}'
    expected = b'F{"stamp_s": 2.5, "score": 0.7, "threshold": 1.0, "alarm": false, "detector": "no_progress"}'
    assert rows.receive() == expected
    assert (sender.sent, sender.dropped, sender.waiting) == (3, 0, 0)
    sender.close()
    rows.close()
    assert not (tmp_path / "rows").exists()


def test_a_recorder_that_is_away_costs_no_time_and_a_full_backlog_drops_its_oldest(tmp_path: Path) -> None:
    sender = RowSender(tmp_path / "rows")
    begin_s = time.thread_time()
    for k in range(BACKLOG + 5):
        sender.row(b"%d" % k)
        sender.flush()
    assert time.thread_time() - begin_s < 1.0
    assert (sender.sent, sender.dropped, sender.waiting) == (0, 5, BACKLOG)
    rows = RowSocket(tmp_path / "rows")
    sender.flush()
    assert rows.receive() == b"R5"
    sender.close()
    rows.close()


def test_a_socket_that_cannot_be_made_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecordingFailed, match="the row socket cannot be opened here"):
        RowSocket(tmp_path / "none" / "rows")
