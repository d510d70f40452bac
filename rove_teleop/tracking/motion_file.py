"""Any supported motion recording as one Motion: the reader is chosen by what the file holds, then by its name."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from ..errors import MotionFileInvalid
from .motion import Motion, Recording, assemble
from .readers import bvh, egodex, leap, manus, mediapipe, qualisys, rove, webvr
from .readers.source import decode, parse_json, read_bytes

__all__ = ["FORMATS", "Motion", "load_motion"]

FORMATS = (
    "recordings of rove record-motion (.npz)",
    "BVH (.bvh)",
    "Qualisys markers (.tsv)",
    "Manus gloves (.npz)",
    "MediaPipe hand (.npy)",
    "Leap Motion (.json)",
    "WebVR headset and controllers (.json)",
    "EgoDex (.hdf5)",
)
"""What ``load_motion`` reads, for help texts; each may be gzipped."""


def load_motion(path: str | Path, scale_m: float | None = None) -> Motion:
    """Read a recording.

    Args:
        path: the file, gzipped or not.
        scale_m: metres per unit of the file, for formats that do not say (BVH); None lets the reader judge.

    Raises:
        MotionFileInvalid: missing, damaged, empty, or of no format we know; one sentence with file and place.
    """
    path = Path(path)
    if scale_m is not None and not 0.0 < scale_m < 1e4:
        raise MotionFileInvalid(f"{path}: scale of {scale_m} metres per unit is not a positive number")
    content = read_bytes(path)
    try:
        if rove.is_recording(content):
            return rove.read(path, content)
        return assemble(path, _reader(path, content)(scale_m))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, EOFError) as error:
        # A structure no reader thought of is still the file's fault, and its owner needs a sentence, not a traceback.
        raise MotionFileInvalid(f"{path}: does not have the structure of its format ({error})") from error
    except (struct.error, zipfile.BadZipFile, NotImplementedError) as error:
        raise MotionFileInvalid(f"{path}: the archive is truncated or damaged ({error})") from error


def _reader(path: Path, content: bytes) -> Callable[[float | None], Recording]:
    if content.startswith(egodex.MAGIC):
        return lambda _scale: egodex.read(path, content)
    if content.startswith(b"PK\x03\x04"):
        return lambda _scale: manus.read(path, content)
    if content.startswith(b"\x93NUMPY"):
        return lambda _scale: mediapipe.read(path, content)
    text = decode(path, content)
    start = text.lstrip()[:64]
    if start[:9].upper() == "HIERARCHY":
        return lambda scale: bvh.read(path, text, scale)
    if start[:1] in "{[":
        return lambda _scale: _json_reader(path, parse_json(path, text))
    if qualisys.is_markers(text):
        return lambda _scale: qualisys.read(path, text)
    raise MotionFileInvalid(f"{path}:1: is none of the known formats: {', '.join(FORMATS)}")


def _json_reader(path: Path, value: object) -> Recording:
    if isinstance(value, dict) and isinstance(value.get("frames"), list):
        return leap.read(path, value["frames"])
    if isinstance(value, dict) and webvr.is_session(value):
        return webvr.read(path, value)
    raise MotionFileInvalid(f"{path}: is JSON, but neither Leap frames nor a WebVR recording of poses")
