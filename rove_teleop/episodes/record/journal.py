"""One stream's log: an append-only file of checked records, read back up to the first record that is not whole."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from google_crc32c import value
from numpy.typing import NDArray

from ...errors import DatasetInvalid
from ..durability import AppendFile
from ..layout import Stream

JOURNAL_VERSION = 2
MAGIC = 0x524A
_CRC = struct.Struct("<I")  # over everything that follows
_HEAD = struct.Struct("<HBBII")  # magic, stream, zero, length of the payload, sequence
OVERHEAD = _CRC.size + _HEAD.size
_STREAMS = {int(stream): stream for stream in Stream}


def encode(stream: Stream, sequence: int, payload: bytes) -> bytes:
    """CRC-32C, header, payload."""
    body = _HEAD.pack(MAGIC, stream, 0, len(payload), sequence) + payload
    return _CRC.pack(value(body)) + body


def log_header(name: str, about: Mapping[str, Any], row: np.dtype[np.void] | None = None) -> dict[str, Any]:
    """What the first record of a log says, so that it can be read alone: ``row`` is the layout of fixed-size rows."""
    fields = {} if row is None else {"row_bytes": row.itemsize, "row": _fields(row)}
    return {"format": "rove_teleop.journal", "journal_version": JOURNAL_VERSION, "stream": name, **fields, **about}


def _fields(row: np.dtype[np.void]) -> list[list[object]]:
    described = ((name, row[name]) for name in row.names or ())
    return [[name, kind.base.str, list(kind.shape)] for name, kind in described]


class Journal:
    """Writer of one log. When ``append`` returns the kernel has the record: a killed process loses none.

    Record 0 is ``header`` as JSON. Logs share nothing, so a long write of one holds up no other.

    Raises:
        RecordingFailed: the disk refused the header.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.file = AppendFile(path)
        self.sequence = 0
        self._lock = threading.Lock()
        self.append(Stream.HEADER, json.dumps(header, allow_nan=False).encode())

    def append(self, stream: Stream, payload: bytes) -> None:
        """Write one record; safe to call from several threads.

        Raises:
            RecordingFailed: the disk refused it; no half record stays behind.
        """
        with self._lock:
            self.file.append(encode(stream, self.sequence, payload))
            self.sequence += 1


@dataclass(frozen=True, slots=True)
class JournalContents:
    """The whole records of a log: ``spans`` holds stream, first byte and length of each payload after the header."""

    data: bytes = b""
    header: Mapping[str, Any] | None = None
    spans: tuple[tuple[Stream, int, int], ...] = ()
    good_bytes: int = 0

    @property
    def cut_bytes(self) -> int:
        """Bytes after the last whole record."""
        return len(self.data) - self.good_bytes

    @property
    def damaged(self) -> bool:
        """Whether anything is missing: a tail was cut, or not even the header is there."""
        return self.header is None or self.cut_bytes > 0

    def payloads(self, stream: Stream) -> list[bytes]:
        """The payloads of one kind of record, in order."""
        return [self.data[start : start + length] for kind, start, length in self.spans if kind is stream]

    def rows(self, row: np.dtype[np.void]) -> NDArray[np.void]:
        """Fixed-size payloads (k,) as a view of the file's bytes, nothing copied.

        Raises:
            DatasetInvalid: a record has another size.
        """
        if not self.spans:
            return np.zeros(0, row)
        if any(length != row.itemsize for _, _, length in self.spans):
            raise DatasetInvalid(f"a log of rows with {row.itemsize} bytes holds a record of another size")
        stride = (OVERHEAD + row.itemsize,)
        return np.ndarray((len(self.spans),), row, self.data, self.spans[0][1], stride)


def read_journal(path: Path) -> JournalContents:
    """Every record up to the first that is cut short, damaged or out of sequence; a missing file holds none."""
    data = path.read_bytes() if path.exists() else b""
    spans = list(_scan(data))
    if not spans or spans[0][0] is not Stream.HEADER:
        return JournalContents(data)
    _, start, length = spans[0]
    _, last_start, last_length = spans[-1]
    header = json.loads(data[start : start + length])
    return JournalContents(data, header, tuple(spans[1:]), last_start + last_length)


def _scan(data: bytes) -> Iterator[tuple[Stream, int, int]]:
    position = 0
    sequence = 0
    while position + OVERHEAD <= len(data):
        magic, stream, zero, length, number = _HEAD.unpack_from(data, position + _CRC.size)
        end = position + OVERHEAD + length
        if magic != MAGIC or zero != 0 or number != sequence or stream not in _STREAMS or end > len(data):
            return
        if value(data[position + _CRC.size : end]) != _CRC.unpack_from(data, position)[0]:
            return
        yield _STREAMS[stream], position + OVERHEAD, length
        position, sequence = end, sequence + 1


def crc32c(data: bytes | memoryview | np.ndarray) -> int:
    """CRC-32C of any contiguous buffer, without a copy."""
    return int(value(np.frombuffer(data, np.uint8))) if len(data) else 0
