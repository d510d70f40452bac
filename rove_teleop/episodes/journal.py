"""The journal: an append-only log of checked records, read back up to the first record that is not whole."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from google_crc32c import value

from .durability import AppendFile
from .layout import Stream

MAGIC = 0x524A
_CRC = struct.Struct("<I")  # over everything that follows
_HEAD = struct.Struct("<HBBII")  # magic, stream, zero, length of the payload, sequence
OVERHEAD = _CRC.size + _HEAD.size
_STREAMS = {int(stream): stream for stream in Stream}


class Record(NamedTuple):
    """One whole record."""

    stream: Stream
    payload: bytes


def encode(stream: Stream, sequence: int, payload: bytes) -> bytes:
    """CRC-32C, header, payload."""
    body = _HEAD.pack(MAGIC, stream, 0, len(payload), sequence) + payload
    return _CRC.pack(value(body)) + body


class Journal:
    """Writer of one journal. When ``append`` returns the kernel has the record: a killed process loses none."""

    def __init__(self, path: Path) -> None:
        self.file = AppendFile(path)
        self.sequence = 0
        self._lock = threading.Lock()

    def append(self, stream: Stream, payload: bytes) -> None:
        """Write one record; safe to call from several threads.

        Raises:
            RecordingFailed: the disk refused it; no half record stays behind.
        """
        with self._lock:
            self.file.append(encode(stream, self.sequence, payload))
            self.sequence += 1

    def close(self) -> None:
        self.file.sync()
        self.file.close()


@dataclass(frozen=True, slots=True)
class JournalContents:
    """The whole records of a journal, and how many bytes they fill of ``total_bytes``."""

    records: list[Record]
    good_bytes: int
    total_bytes: int

    @property
    def cut_bytes(self) -> int:
        return self.total_bytes - self.good_bytes


def read_journal(path: Path) -> JournalContents:
    """Every record up to the first that is cut short, damaged or out of sequence."""
    data = path.read_bytes()
    records = list(_scan(data))
    good = sum(OVERHEAD + len(record.payload) for record in records)
    return JournalContents(records, good, len(data))


def _scan(data: bytes) -> Iterator[Record]:
    position = 0
    sequence = 0
    while position + OVERHEAD <= len(data):
        magic, stream, zero, length, number = _HEAD.unpack_from(data, position + _CRC.size)
        end = position + OVERHEAD + length
        if magic != MAGIC or zero != 0 or number != sequence or stream not in _STREAMS or end > len(data):
            return
        body = data[position + _CRC.size : end]
        if value(body) != _CRC.unpack_from(data, position)[0]:
            return
        yield Record(_STREAMS[stream], body[_HEAD.size :])
        position, sequence = end, sequence + 1


def crc32c(data: bytes | memoryview | np.ndarray) -> int:
    """CRC-32C of any contiguous buffer, without a copy."""
    return int(value(np.frombuffer(data, np.uint8))) if len(data) else 0
