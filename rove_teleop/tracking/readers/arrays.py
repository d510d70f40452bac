"""NumPy containers of recordings, opened without pickle so that a recording can hold nothing but numbers."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import MotionFileInvalid
from ...types import Array


def open_npz(path: Path, content: bytes, keys: tuple[str, ...]) -> dict[str, NDArray[np.generic]]:
    """The named arrays of an .npz; every one must be there."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            missing = [key for key in keys if key not in archive.files]
            if missing:
                raise MotionFileInvalid(
                    f"{path}: array '{missing[0]}' is missing (it holds {', '.join(archive.files)})"
                )
            return {key: archive[key] for key in archive.files}
    except MotionFileInvalid:
        raise
    except Exception as error:  # numpy tokenises headers as Python: damage raises nearly anything
        raise MotionFileInvalid(f"{path}: the archive is truncated or damaged ({error})") from error


def open_npy(path: Path, content: bytes) -> NDArray[np.generic]:
    """The array of an .npy."""
    try:
        array: NDArray[np.generic] = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # as above
        raise MotionFileInvalid(f"{path}: the array is truncated or damaged ({error})") from error
    return array


def checked(path: Path, name: str, array: NDArray[np.generic], shape: tuple[int, ...]) -> Array:
    """The array as float64 of shape (frames, *shape), all finite."""
    values = _numbers(path, name, array, shape)
    for place in np.argwhere(~np.isfinite(values))[:1]:
        raise MotionFileInvalid(f"{path}: frame {place[0]}, {name} {tuple(map(int, place[1:]))} is not finite")
    return values


def checked_frames(
    path: Path, name: str, array: NDArray[np.generic], shape: tuple[int, ...], notes: list[str]
) -> tuple[Array, NDArray[np.bool_]]:
    """The same, but a frame that is not finite is one in which the hand was lost: all NaN in the values, False (n,).

    Raises:
        MotionFileInvalid: as ``checked``, and when no frame is finite.
    """
    values = _numbers(path, name, array, shape)
    whole = np.all(np.isfinite(values).reshape(len(values), -1), axis=1)
    for frame in np.flatnonzero(~whole)[:1]:
        if not np.any(whole):
            place = tuple(map(int, np.argwhere(~np.isfinite(values[frame]))[0]))
            raise MotionFileInvalid(f"{path}: frame {frame}, {name} {place} is not finite, and no other frame is")
        notes.append(f"{int((~whole).sum())} frames are not finite (the first is {frame}): the hand is lost there")
    values[~whole] = np.nan
    return values, whole


def _numbers(path: Path, name: str, array: NDArray[np.generic], shape: tuple[int, ...]) -> Array:
    if array.ndim != 1 + len(shape) or array.shape[1:] != shape or array.dtype.kind not in "fiu":
        raise MotionFileInvalid(
            f"{path}: '{name}' must be numbers of shape (frames, {', '.join(map(str, shape))}), "
            f"got {array.dtype} of shape {array.shape}"
        )
    if len(array) == 0:
        raise MotionFileInvalid(f"{path}: holds no frames")
    with np.errstate(invalid="ignore"):  # a signalling NaN says so when it is widened
        values: Array = array.astype(np.float64)
    return values
