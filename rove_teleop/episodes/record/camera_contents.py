"""One camera's log and pack to arrays: which images are whole, repeated, or never came."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from google_crc32c import extend, value
from numpy.typing import NDArray

from ..camera_layout import frame_row
from .camera_log import PackSum, camera_log_path, pack_path
from .journal import JournalContents, read_journal

SAME_STAMP, SAME_BYTES = 1, 2
_MISSED_FROM = 1.5  # periods between two capture stamps


@dataclass(frozen=True, slots=True)
class CameraContents:
    """Arrays of one camera; the first ``pack.length`` bytes of its pack file are the array named like the codec.

    ``lost`` counts images that the recorder had and that are not here, ``missed`` those that never came to it,
    ``duplicated`` those with the capture stamp of the one before.
    """

    arrays: dict[str, NDArray[Any]]
    codec: str
    pack: PackSum
    duplicated: int
    lost: int
    missed: int


def read_camera(recording: Path, camera: str, pack_sum: PackSum | None) -> tuple[CameraContents, JournalContents]:
    """The arrays of a camera, and its log. Without a ``pack_sum`` that fits the log every image is read and checked."""
    log = read_journal(camera_log_path(recording, camera))
    codec = str((log.header or {}).get("camera_codec", "jpeg"))
    row, crc_name = frame_row(codec), f"{codec}_crc32c"
    logged = log.rows(row)
    path = pack_path(recording, camera)
    if pack_sum is None or log.damaged or not _fits(logged, pack_sum, path):
        whole, pack_sum = _whole_images(logged, path, crc_name)
        rows = logged[whole if codec == "jpeg" else _decodable(logged, whole)]
    else:
        rows = logged
    arrays: dict[str, NDArray[Any]] = {name: rows[name] for name in row.names or ()}
    arrays["duplicate"] = _repeated(arrays, codec)
    arrays["missed"] = missed_images(arrays["capture_s"])
    contents = CameraContents(
        arrays=arrays,
        codec=codec,
        pack=pack_sum,
        duplicated=int(np.sum(arrays["duplicate"] & SAME_STAMP)),
        lost=max(0, int(logged["sequence"][-1]) + 1 - len(rows)) if len(logged) else 0,
        missed=int(np.sum(arrays["missed"])),
    )
    return contents, log


def duplicates(capture_s: NDArray[Any], length: NDArray[Any], crc32c: NDArray[Any]) -> NDArray[np.uint8]:
    """Per image (k,): 1 where it has the capture stamp of the image before it, plus 2 where it has its bytes."""
    result = np.zeros(len(capture_s), np.uint8)
    result[1:] = SAME_STAMP * (np.diff(capture_s) == 0.0)
    result[1:] |= (SAME_BYTES * ((np.diff(length) == 0) & (crc32c[1:] == crc32c[:-1]))).astype(np.uint8)
    return result


def missed_images(capture_s: NDArray[Any]) -> NDArray[np.uint32]:
    """Per image (k,): how many should have come between the one before it and this.

    The camera's period is the median step of its own stamps; a step of more than one and a half is a gap.
    """
    missed = np.zeros(len(capture_s), "<u4")
    steps = np.diff(capture_s)
    if np.any(steps > 0.0):
        periods = steps / np.median(steps[steps > 0.0])
        missed[1:] = np.where(periods > _MISSED_FROM, np.minimum(np.rint(periods) - 1.0, 2**31), 0.0)
    return missed


def _repeated(arrays: dict[str, NDArray[Any]], codec: str) -> NDArray[np.uint8]:
    """What a video holds of two equal images differs: their bytes are compared as they came."""
    if codec == "jpeg":
        return duplicates(arrays["capture_s"], arrays["length"], arrays["jpeg_crc32c"])
    crc = arrays["source_crc32c"]
    return duplicates(arrays["capture_s"], np.zeros(len(crc)), crc)


def _fits(logged: NDArray[np.void], pack_sum: PackSum, pack: Path) -> bool:
    end = int(logged["offset"][-1] + logged["length"][-1]) if len(logged) else 0
    return end == pack_sum.length and pack.exists() and pack.stat().st_size >= end


def _whole_images(logged: NDArray[np.void], pack: Path, crc_name: str) -> tuple[NDArray[np.bool_], PackSum]:
    """Which rows' bytes are all there, and the checksum of the pack up to the end of the last of them."""
    whole = np.zeros(len(logged), bool)
    crc = position = 0
    total = PackSum(0, 0)
    if not len(logged) or not pack.exists():
        return whole, total
    with pack.open("rb") as file:
        for k, (offset, length) in enumerate(zip(logged["offset"].tolist(), logged["length"].tolist(), strict=True)):
            skipped, data = file.read(offset - position), file.read(length)
            crc = extend(extend(crc, skipped), data)
            position = offset + length
            if value(data) == logged[crc_name][k]:
                whole[k] = True
                total = PackSum(position, crc)
    return whole, total


def _decodable(logged: NDArray[np.void], whole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which images of a video are there with all from their key image on: others would be decoded to rubbish."""
    before = np.concatenate([[0], np.cumsum(~whole)])
    key = np.searchsorted(logged["offset"], logged["keyframe"])
    return np.asarray(before[1:] == before[key], np.bool_)
