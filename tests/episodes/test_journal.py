import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.episodes.journal import OVERHEAD, Journal, Record, encode, read_journal
from rove_teleop.episodes.layout import Stream
from rove_teleop.errors import RecordingFailed

SMALL = [
    Record(Stream.CONTROL, b"first row"),
    Record(Stream.EVENT, b""),
    Record(Stream.FRAME, bytes(range(40))),
    Record(Stream.END, b"{}"),
]


def _bytes(records: list[Record]) -> bytes:
    return b"".join(encode(record.stream, k, record.payload) for k, record in enumerate(records))


def _read(path: Path, data: bytes) -> list[Record]:
    path.write_bytes(data)
    return read_journal(path).records


@settings(max_examples=50)
@given(st.lists(st.builds(Record, st.sampled_from(Stream), st.binary(max_size=200)), max_size=20))
def test_what_is_appended_is_read(records: list[Record]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal")
        for record in records:
            journal.append(record.stream, record.payload)
        journal.close()
        contents = read_journal(Path(folder) / "journal")
    assert contents.records == records
    assert contents.cut_bytes == 0


def test_cut_at_every_byte_only_whole_records_are_read(tmp_path: Path) -> None:
    data = _bytes(SMALL)
    ends = [len(_bytes(SMALL[:k])) for k in range(len(SMALL) + 1)]
    for length in range(len(data) + 1):
        whole = max(k for k, end in enumerate(ends) if end <= length)
        assert _read(tmp_path / "journal", data[:length]) == SMALL[:whole]


def test_with_any_bit_flipped_no_damaged_record_is_read(tmp_path: Path) -> None:
    data = _bytes(SMALL)
    ends = [len(_bytes(SMALL[: k + 1])) for k in range(len(SMALL))]
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        before = sum(end <= bit // 8 for end in ends)
        assert _read(tmp_path / "journal", bytes(damaged)) == SMALL[:before]


def test_a_hole_a_repetition_and_a_swap_end_the_reading(tmp_path: Path) -> None:
    parts = [encode(record.stream, k, record.payload) for k, record in enumerate(SMALL)]
    path = tmp_path / "journal"
    assert _read(path, parts[0] + parts[2]) == SMALL[:1]
    assert _read(path, parts[0] + parts[0]) == SMALL[:1]
    assert _read(path, parts[0] + parts[2] + parts[1]) == SMALL[:1]
    assert _read(path, parts[0] + bytes(4096)) == SMALL[:1]


def test_several_threads_write_whole_records(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")

    def write(stream: Stream) -> None:
        for k in range(300):
            journal.append(stream, f"{stream.name} {k}".encode())

    threads = [threading.Thread(target=write, args=(stream,)) for stream in (Stream.CONTROL, Stream.FRAME, Stream.TASK)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    contents = read_journal(tmp_path / "journal")
    assert len(contents.records) == 900
    for stream in (Stream.CONTROL, Stream.FRAME, Stream.TASK):
        own = [record.payload for record in contents.records if record.stream is stream]
        assert own == [f"{stream.name} {k}".encode() for k in range(300)]


def test_a_file_at_its_size_limit_keeps_whole_records_and_refuses_the_rest(tmp_path: Path) -> None:
    script = f"""
import resource
from pathlib import Path
from rove_teleop.episodes.journal import Journal
from rove_teleop.episodes.layout import Stream
from rove_teleop.errors import RecordingFailed
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
journal = Journal(Path({str(tmp_path / "journal")!r}))
acknowledged = 0
try:
    for k in range(100):
        journal.append(Stream.CONTROL, bytes(100))
        acknowledged += 1
except RecordingFailed as error:
    print(acknowledged, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    journal.append(Stream.CONTROL, b"short enough")
    print("accepted after the hole")
except RecordingFailed:
    pass
journal.close()
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    acknowledged = 1000 // (100 + OVERHEAD)
    assert result.stdout.startswith(f"{acknowledged} ")
    assert "recording stopped after" in result.stdout
    assert "accepted after the hole" not in result.stdout
    contents = read_journal(tmp_path / "journal")
    assert len(contents.records) == acknowledged
    assert contents.cut_bytes == 0


def test_a_journal_is_never_opened_twice(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    with pytest.raises(FileExistsError):
        Journal(tmp_path / "journal")
    journal.close()


def test_a_full_disk_refuses_the_record_with_a_sentence(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append(Stream.EVENT, b"kept")
    with Path("/dev/full").open("wb") as full:
        _redirect(journal, full.fileno())
        with pytest.raises(RecordingFailed, match="No space left on device"):
            journal.append(Stream.EVENT, b"lost")
        with pytest.raises(RecordingFailed):
            journal.append(Stream.EVENT, b"also lost")
    journal.file.close()
    assert read_journal(tmp_path / "journal").records == [Record(Stream.EVENT, b"kept")]


def _redirect(journal: Journal, fd: int) -> None:
    os.dup2(fd, journal.file._fd)
