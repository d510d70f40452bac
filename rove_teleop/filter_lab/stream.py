"""A stream of joint targets from a file: whatever a network can deliver, in the order in which it arrived."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from ..errors import StreamInvalid
from ..robots.description import RobotDescription
from ..types import Array

SOURCES = ("policy", "operator", "hold")
LONGEST_S = 7200.0


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows as they arrived.

    ``stamp_s`` (k,) is when, on the receiver's clock; ``q_rad`` (k, n) in the robot's order, NaN for joints that the
    stream does not have; ``source`` (k,) who sent it, one of ``SOURCES``; ``name`` is for complaints.
    """

    stamp_s: Array
    q_rad: Array
    source: NDArray[np.str_]
    name: str = "the stream"


def load_stream(path: Path, robot: RobotDescription) -> Stream:
    """Read an ``.npz`` with ``joint_names`` (m,), ``stamp_s`` (k,), ``q_rad`` (k, m) and, if wanted, ``source`` (k,).

    Values may be anything; names and shapes may not.

    Raises:
        StreamInvalid: no such file, no archive, a missing key, a wrong shape, an unknown joint or source.
    """
    arrays = _read(path)
    names = _texts(path, arrays, "joint_names")
    stamp_s, q_rad = _numbers(path, arrays, "stamp_s"), _numbers(path, arrays, "q_rad")
    if stamp_s.ndim != 1 or q_rad.shape != (len(stamp_s), len(names)):
        raise StreamInvalid(
            f"{path}: q_rad has shape {q_rad.shape} for stamps of shape {stamp_s.shape} and {len(names)} joint names"
        )
    if len(stamp_s) == 0:
        raise StreamInvalid(f"{path}: holds no rows")
    for name in names:
        if name not in robot.joint_names:
            raise StreamInvalid(f"{path}: joint '{name}' is not a joint of {robot.name}")
    if len(set(names)) != len(names):
        raise StreamInvalid(f"{path}: a joint is named twice in joint_names")
    source = np.array(_texts(path, arrays, "source") if "source" in arrays else ["operator"] * len(stamp_s))
    if source.shape != stamp_s.shape:
        raise StreamInvalid(f"{path}: source has {len(source)} entries for {len(stamp_s)} stamps")
    unknown = sorted(set(source.tolist()) - set(SOURCES))
    if unknown:
        raise StreamInvalid(f"{path}: source {unknown[0]!r} is none of: {', '.join(SOURCES)}")
    wide = np.full((len(stamp_s), robot.joint_count), np.nan)
    wide[:, [robot.index(name) for name in names]] = q_rad
    return Stream(stamp_s, wide, source, str(path))


def _read(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with path.open("rb") as file, NpzFile(file) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise StreamInvalid(f"{path}: no such file") from None
    except Exception as error:  # zip, its compressors and numpy's header, read as Python: damage raises nearly anything
        raise StreamInvalid(f"{path}: is no .npz archive of plain arrays ({error})") from error
    for key in ("joint_names", "stamp_s", "q_rad"):
        if key not in arrays:
            raise StreamInvalid(f"{path}: has no array '{key}' (it has {', '.join(arrays) or 'none'})")
    return arrays


def _texts(path: Path, arrays: dict[str, NDArray[np.generic]], key: str) -> list[str]:
    array = arrays[key]
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise StreamInvalid(f"{path}: {key} must be a list of strings, got {array.dtype} of shape {array.shape}")
    return [text if isinstance(text, str) else text.decode(errors="replace") for text in array.tolist()]


def _numbers(path: Path, arrays: dict[str, NDArray[np.generic]], key: str) -> Array:
    array = arrays[key]
    if array.dtype.kind not in "fiu":
        raise StreamInvalid(f"{path}: {key} must hold numbers, got {array.dtype}")
    with np.errstate(all="ignore"):  # what float64 does not hold becomes an infinity, which is no target
        return array.astype(np.float64)
