"""What is stored of a camera, by codec: JPEG files as received, or an H.264 video in a fragmented MP4 file."""

from __future__ import annotations

from typing import Any

import numpy as np

from .layout import CAMERA_FIELDS, FRAME_ROW, Field

CODECS = ("jpeg", "h264")
PACKS = frozenset(CODECS)
"""Names of the arrays that hold the images' bytes; every other array of a camera has a row per image."""

_PACK, _OFFSET, _LENGTH, _CRC, *_STAMPS, _DUPLICATE, _MISSED = CAMERA_FIELDS
VIDEO_FIELDS: tuple[Field, ...] = (
    Field("h264", "u1", ("byte",), "bytes", "a fragmented MP4 file, one fragment per image, its header in the first"),
    Field(_OFFSET.name, _OFFSET.kind, _OFFSET.dims, _OFFSET.unit, "where each image's fragment starts in h264"),
    _LENGTH,
    Field("h264_crc32c", _CRC.kind, _CRC.dims, _CRC.unit, _CRC.meaning),
    *_STAMPS,
    Field("source_crc32c", "<u4", ("image",), "1", "CRC-32C of the image as the camera sent it, before it was encoded"),
    Field("keyframe", "<i8", ("image",), "bytes", "where the fragment starts from which on this image can be decoded"),
    _DUPLICATE,
    _MISSED,
)
VIDEO_ROW: np.dtype[np.void] = np.dtype([(field.name, field.kind) for field in VIDEO_FIELDS[1:-2]])
"""A row of an H.264 camera's log: ``layout.FRAME_ROW`` under other names, then two fields more."""


def camera_fields(codec: str) -> tuple[Field, ...]:
    """The arrays of ``cameras/<name>``: the pack, then one row per image each."""
    return CAMERA_FIELDS if codec == "jpeg" else VIDEO_FIELDS


def frame_row(codec: str) -> np.dtype[Any]:
    """A row of a camera's log."""
    return FRAME_ROW if codec == "jpeg" else VIDEO_ROW
