"""Our own recordings: every frame of a device as it was received, as arrays in an .npz."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import MotionFileInvalid
from ...geometry import is_rigid
from ...types import HAND_POINTS, SIDES, Array, HandFrame, OperatorFrame
from ..motion import Motion, check_stamps, name_of
from .arrays import open_npz

VERSION = 1
MARK = "rove_recording"
"""The array that tells our files from other .npz: the version of the layout."""
KEYS: dict[str, tuple[int, ...]] = {
    "stamp_s": (),
    "sequence": (),
    "space": (),
    "engaged": (),
    "T_world_head": (4, 4),
    "T_world_left_wrist": (4, 4),
    "T_world_right_wrist": (4, 4),
    "left_points_m": (len(HAND_POINTS), 3),
    "right_points_m": (len(HAND_POINTS), 3),
    "left_elbow_m": (3,),
    "right_elbow_m": (3,),
}
"""Name and shape per frame of every array (the same as in the group ``tracking`` of an episode); a part that was not
tracked is all NaN."""


def is_recording(content: bytes) -> bool:
    """True for a whole .npz with our mark."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return f"{MARK}.npy" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def pack_frames(frames: Sequence[OperatorFrame]) -> dict[str, NDArray[Any]]:
    """The arrays of a recording, with its mark; ``unpack_frames`` gives back the same frames, bit for bit."""
    parts: dict[str, list[Array | None]] = {"T_world_head": [f.T_world_head for f in frames]}
    for side in SIDES:
        hands = [f.hand(side) for f in frames]
        parts[f"T_world_{side}_wrist"] = [h.T_world_wrist for h in hands]
        parts[f"{side}_points_m"] = [h.points_m for h in hands]
        parts[f"{side}_elbow_m"] = [h.elbow_m for h in hands]
    return {
        MARK: np.array(VERSION),
        "stamp_s": np.array([f.stamp_s for f in frames], dtype=np.float64),
        "sequence": np.array([f.sequence for f in frames], dtype=np.int64),
        "space": np.array([f.space for f in frames], dtype=np.int64),
        "engaged": np.array([f.engaged for f in frames], dtype=np.bool_),
        **{name: _stack(values, KEYS[name]) for name, values in parts.items()},
    }


def unpack_frames(path: Path, arrays: Mapping[str, NDArray[Any]]) -> list[OperatorFrame]:
    """The frames as received. ``space`` and elbows may be absent: recordings are older than they are.

    Raises:
        MotionFileInvalid: an array is missing, of another shape or length, or not numbers.
    """
    count = len(_checked(path, arrays, "stamp_s", -1))
    held = {name: _checked(path, arrays, name, count) for name in KEYS}
    frames = []
    for k in range(count):
        left, right = (
            HandFrame(*(_part(held[n][k]) for n in (f"T_world_{s}_wrist", f"{s}_points_m", f"{s}_elbow_m")))
            for s in SIDES
        )
        frames.append(
            OperatorFrame(
                stamp_s=float(held["stamp_s"][k]),
                sequence=int(held["sequence"][k]),
                left=left,
                right=right,
                T_world_head=_part(held["T_world_head"][k]),
                engaged=bool(held["engaged"][k]),
                space=int(held["space"][k]),
            )
        )
    return frames


def read(path: Path, content: bytes) -> Motion:
    """A recording to play or retarget.

    Raises:
        MotionFileInvalid: a newer layout, damaged arrays, or what ``motion_of`` refuses.
    """
    return motion_of(path, read_frames(path, content))


def read_frames(path: Path, content: bytes) -> list[OperatorFrame]:
    """The frames as they were received.

    Raises:
        MotionFileInvalid: a newer layout, or damaged arrays.
    """
    arrays = open_npz(path, content, (MARK,))
    mark = arrays[MARK]
    if mark.shape != () or mark.dtype.kind not in "iu" or not 1 <= int(mark) <= VERSION:
        raise MotionFileInvalid(f"{path}: has layout version {mark!s:.20}, this software reads up to {VERSION}")
    return unpack_frames(path, arrays)


def motion_of(path: Path, frames: Sequence[OperatorFrame]) -> Motion:
    """What a device saw as a motion whose stamps begin at 0 s; parts whose numbers no device can mean are dropped.

    Raises:
        MotionFileInvalid: no frames, stamps that go back, or never a tracked hand.
    """
    stamp_s = check_stamps(path, np.array([f.stamp_s for f in frames], dtype=np.float64))
    usable = [_usable(f, float(s)) for f, s in zip(frames, stamp_s - stamp_s[0], strict=True)]
    notes = []
    spaces = len({f.space for f in frames})
    if spaces > 1:
        notes.append(f"the device moved its origin {spaces - 1} times; poses before and after do not fit together")
    motion = Motion(name_of(path), tuple(usable), notes=tuple(notes), has_deadman=True)
    if not any(motion.tracks(side) for side in SIDES):
        raise MotionFileInvalid(f"{path}: no hand is tracked in any of its {len(frames)} frames")
    return motion


def _usable(frame: OperatorFrame, stamp_s: float) -> OperatorFrame:
    head = frame.T_world_head if frame.T_world_head is not None and is_rigid(frame.T_world_head) else None
    left, right = (_usable_hand(frame.hand(side)) for side in SIDES)
    return replace(frame, stamp_s=stamp_s, left=left, right=right, T_world_head=head)


def _usable_hand(hand: HandFrame) -> HandFrame:
    T_world_wrist = hand.T_world_wrist if hand.T_world_wrist is not None and is_rigid(hand.T_world_wrist) else None
    return HandFrame(T_world_wrist, _finite(hand.points_m), _finite(hand.elbow_m))


def _finite(values: Array | None) -> Array | None:
    return values if values is not None and np.all(np.isfinite(values)) else None


def _checked(path: Path, arrays: Mapping[str, NDArray[Any]], name: str, count: int) -> NDArray[Any]:
    shape = KEYS[name]
    if name not in arrays and (name == "space" or name.endswith("_elbow_m")):
        return np.zeros(count, dtype=np.int64) if name == "space" else np.full((count, *shape), np.nan)
    if name not in arrays:
        raise MotionFileInvalid(f"{path}: array '{name}' is missing")
    array = arrays[name]
    right_kind = array.dtype.kind in ("biu" if name in ("sequence", "space", "engaged") else "f")
    if not right_kind or array.shape[1:] != shape or array.ndim != 1 + len(shape) or count not in (-1, len(array)):
        wanted = ("frames" if count < 0 else count, *shape)
        raise MotionFileInvalid(f"{path}: '{name}' is {array.dtype} of shape {array.shape}, not numbers of {wanted}")
    return array


def _stack(values: Sequence[Array | None], shape: tuple[int, ...]) -> Array:
    result = np.full((len(values), *shape), np.nan)
    for k, value in enumerate(values):
        if value is not None:
            result[k] = value
    return result


def _part(values: NDArray[Any]) -> Array | None:
    if np.all(np.isnan(values)):
        return None
    part = np.array(values, dtype=np.float64)
    part.setflags(write=False)
    return part
