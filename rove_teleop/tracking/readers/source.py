"""Bytes, text and JSON of a motion file, gzipped or not, with one sentence for every way of being damaged."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

from ...errors import MotionFileInvalid

MAX_BYTES = 1 << 29
"""Larger files are refused: half a gigabyte of motion is hours, and a small .gz can claim to be anything."""


def read_bytes(path: Path) -> bytes:
    """The content, unpacked when the file is gzipped (told by its first two bytes, not by its name)."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            content: bytes = file.read(MAX_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise MotionFileInvalid(f"{path}: the gzip data is truncated or damaged ({error})") from error
    except OSError as error:
        raise MotionFileInvalid(f"{path}: cannot be read ({error.strerror or error})") from error
    if len(content) > MAX_BYTES:
        raise MotionFileInvalid(f"{path}: is larger than {MAX_BYTES >> 20} MiB")
    if not content.strip():
        raise MotionFileInvalid(f"{path}: is empty")
    return content


def decode(path: Path, content: bytes) -> str:
    """The content as text (UTF-8, with or without a byte-order mark)."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    text = content.decode("latin-1")  # Windows tools write names in a code page; numbers are ASCII in both
    if "\x00" in text:
        raise MotionFileInvalid(f"{path}: is not a text file")
    return text


def parse_json(path: Path, text: str) -> object:
    """The JSON value of a text."""
    try:
        value: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise MotionFileInvalid(f"{path}:{error.lineno}: is not valid JSON ({error.msg})") from error
    except RecursionError as error:
        raise MotionFileInvalid(f"{path}: is nested too deeply to be a recording") from error
    return value
