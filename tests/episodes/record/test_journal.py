import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.episodes.layout import Stream, control_dtype
from rove_teleop.episodes.record.journal import OVERHEAD, Journal, encode, log_header, read_journal
from rove_teleop.errors import DatasetInvalid, RecordingFailed

HEADER = {"stream": "test"}
HEAD = encode(Stream.HEADER, 0, json.dumps(HEADER).encode())
Payload = tuple[Stream, bytes]
SMALL: list[Payload] = [
    (Stream.CONTROL, b"first row"),
    (Stream.EVENT, b""),
    (Stream.FRAME, bytes(range(40))),
    (Stream.END, b"{}"),
]


def _parts(records: list[Payload]) -> list[bytes]:
    return [HEAD, *(encode(stream, k, payload) for k, (stream, payload) in enumerate(records, start=1))]


def _records(path: Path) -> list[Payload] | None:
    """What is read, or None where not even the header is whole."""
    contents = read_journal(path)
    if contents.header is None:
        assert not contents.spans
        return None
    assert contents.header == HEADER
    return [(stream, contents.data[start : start + length]) for stream, start, length in contents.spans]


def _read(path: Path, data: bytes) -> list[Payload] | None:
    path.write_bytes(data)
    return _records(path)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(Stream), st.binary(max_size=200)), max_size=20))
def test_what_is_appended_is_read(records: list[Payload]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "log", HEADER)
        for stream, payload in records:
            journal.append(stream, payload)
        journal.file.close()
        assert _records(Path(folder) / "log") == records
        assert not read_journal(Path(folder) / "log").damaged


def test_cut_at_every_byte_only_whole_records_are_read(memory_path: Path) -> None:
    parts = _parts(SMALL)
    data = b"".join(parts)
    ends = [len(b"".join(parts[: k + 1])) for k in range(len(parts))]
    for length in range(len(data) + 1):
        whole = sum(end <= length for end in ends)
        assert _read(memory_path / "log", data[:length]) == (SMALL[: whole - 1] if whole else None)
        assert read_journal(memory_path / "log").damaged == (length not in ends)


def test_with_any_bit_flipped_no_damaged_record_is_read(memory_path: Path) -> None:
    parts = _parts(SMALL)
    data = b"".join(parts)
    ends = [len(b"".join(parts[: k + 1])) for k in range(len(parts))]
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        before = sum(end <= bit // 8 for end in ends)
        assert _read(memory_path / "log", bytes(damaged)) == (SMALL[: before - 1] if before else None)
        assert read_journal(memory_path / "log").damaged


def test_a_hole_a_repetition_and_a_swap_end_the_reading(tmp_path: Path) -> None:
    head, *parts = _parts(SMALL)
    path = tmp_path / "log"
    assert _read(path, head + parts[0] + parts[2]) == SMALL[:1]
    assert _read(path, head + parts[0] + parts[0]) == SMALL[:1]
    assert _read(path, head + parts[0] + parts[2] + parts[1]) == SMALL[:1]
    assert _read(path, head + parts[0] + bytes(4096)) == SMALL[:1]
    assert _read(path, b"".join(parts)) is None


def test_a_missing_log_holds_nothing_and_says_so(tmp_path: Path) -> None:
    contents = read_journal(tmp_path / "log")
    assert (contents.spans, contents.damaged, contents.cut_bytes) == ((), True, 0)


def test_rows_of_one_size_are_a_view_and_others_are_refused(tmp_path: Path) -> None:
    row = np.dtype([("tick", "<u4"), ("q_rad", "<f8", (3,))])
    values = np.zeros(5, row)
    values["tick"], values["q_rad"] = np.arange(5), np.arange(15).reshape(5, 3)
    journal = Journal(tmp_path / "log", HEADER)
    for value in values:
        journal.append(Stream.CONTROL, value.tobytes())
    contents = read_journal(tmp_path / "log")
    np.testing.assert_array_equal(contents.rows(row), values)
    assert not contents.rows(row).flags.owndata
    journal.append(Stream.CONTROL, b"short")
    journal.file.close()
    with pytest.raises(DatasetInvalid, match="a record of another size"):
        read_journal(tmp_path / "log").rows(row)


def test_a_log_can_be_read_alone(tmp_path: Path) -> None:
    about = {"id": "20261123-043510-000001", "clock": {"monotonic_s": 1.5}, "config_hashes": {"robot": "abc"}}
    header = log_header("control", about, control_dtype(3, 2))
    Journal(tmp_path / "log", header).file.close()
    read = read_journal(tmp_path / "log").header
    assert read is not None
    rebuilt = np.dtype([(name, kind, tuple(shape)) for name, kind, shape in read["row"]])
    assert rebuilt == control_dtype(3, 2) and read["row_bytes"] == rebuilt.itemsize
    assert (read["stream"], read["journal_version"]) == ("control", 2)
    assert read["config_hashes"] == {"robot": "abc"} and read["clock"] == {"monotonic_s": 1.5}


def test_several_threads_write_whole_records(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log", HEADER)

    def write(stream: Stream) -> None:
        for k in range(300):
            journal.append(stream, f"{stream.name} {k}".encode())

    threads = [threading.Thread(target=write, args=(stream,)) for stream in (Stream.CONTROL, Stream.FRAME, Stream.TASK)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.file.close()
    contents = read_journal(tmp_path / "log")
    assert len(contents.spans) == 900
    for stream in (Stream.CONTROL, Stream.FRAME, Stream.TASK):
        assert contents.payloads(stream) == [f"{stream.name} {k}".encode() for k in range(300)]


def test_a_file_at_its_size_limit_keeps_whole_records_and_refuses_the_rest(tmp_path: Path) -> None:
    script = f"""
import resource
from pathlib import Path
from rove_teleop.episodes.record.journal import Journal
from rove_teleop.episodes.layout import Stream
from rove_teleop.errors import RecordingFailed
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
journal = Journal(Path({str(tmp_path / "log")!r}), {HEADER})
acknowledged = 0
try:
    for k in range(100):
        journal.append(Stream.CONTROL, bytes(100))
        acknowledged += 1
except RecordingFailed as error:
    print(acknowledged, error)
try:
    journal.append(Stream.CONTROL, b"short enough")
    print("accepted after the hole")
except RecordingFailed:
    pass
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    acknowledged = (1000 - len(HEAD)) // (100 + OVERHEAD)
    assert result.stdout.startswith(f"{acknowledged} ")
    assert "recording stopped after" in result.stdout
    assert "accepted after the hole" not in result.stdout
    contents = read_journal(tmp_path / "log")
    assert len(contents.spans) == acknowledged
    assert contents.cut_bytes == 0


def test_a_log_is_never_opened_twice(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log", HEADER)
    with pytest.raises(FileExistsError):
        Journal(tmp_path / "log", HEADER)
    journal.file.close()


def test_a_full_disk_refuses_the_record_with_a_sentence(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log", HEADER)
    journal.append(Stream.EVENT, b"kept")
    with Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), journal.file._fd)
        with pytest.raises(RecordingFailed, match="No space left on device"):
            journal.append(Stream.EVENT, b"lost")
        with pytest.raises(RecordingFailed):
            journal.append(Stream.EVENT, b"also lost")
    journal.file.close()
    assert _records(tmp_path / "log") == [(Stream.EVENT, b"kept")]
