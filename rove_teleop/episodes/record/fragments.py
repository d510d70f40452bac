"""Boxes of a fragmented MP4 file: one fragment per image, whole the moment it is written.

FFmpeg's own muxer writes the fragment of an image when the next one comes; a crash would then take an image that was
already acknowledged.
"""

from __future__ import annotations

import struct

TIMESCALE_HZ = 90_000
_DURATION = TIMESCALE_HZ // 30  # of an image whose successor is not known yet
_START_CODE = b"\x00\x00\x01"
_DEFAULT_BASE_IS_MOOF = 0x020000
_TRUN = 0x000701  # where the data is; per sample: duration, size, flags
_KEY, _DEPENDS = 0x02000000, 0x01010000


def fragment(sequence: int, time: int, data: bytes, *, key: bool) -> bytes:
    """``moof`` and ``mdat`` of one image: ``sequence`` from 1, ``time`` in ``TIMESCALE_HZ``, ``data`` as FFmpeg's
    encoder returns it (NAL units behind start codes)."""
    payload = _length_prefixed(data)
    moof = _moof(sequence, time, len(payload), 0, key=key)
    # The data begins behind the header of mdat; the size of moof does not depend on that number.
    return _moof(sequence, time, len(payload), len(moof) + 8, key=key) + _box(b"mdat", payload)


def _moof(sequence: int, time: int, size: int, data_offset: int, *, key: bool) -> bytes:
    tfhd = _full(b"tfhd", _DEFAULT_BASE_IS_MOOF, struct.pack(">I", 1))
    tfdt = _full(b"tfdt", 0x01000000, struct.pack(">Q", time))
    sample = struct.pack(">III", _DURATION, size, _KEY if key else _DEPENDS)
    trun = _full(b"trun", _TRUN, struct.pack(">Ii", 1, data_offset) + sample)
    return _box(b"moof", _full(b"mfhd", 0, struct.pack(">I", sequence)) + _box(b"traf", tfhd + tfdt + trun))


def _length_prefixed(data: bytes) -> bytes:
    """NAL units behind start codes to NAL units behind their length, as MP4 holds them."""
    # Some start codes have one zero more; no unit ends with one.
    units = [unit for unit in (part.rstrip(b"\x00") for part in data.split(_START_CODE)) if unit]
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)


def _full(kind: bytes, version_and_flags: int, payload: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version_and_flags) + payload)


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", 8 + len(payload)) + kind + payload
