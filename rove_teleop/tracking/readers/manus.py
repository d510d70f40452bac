"""Manus gloves: 25 nodes of one hand as poses in an .npz; the wrist turns but stays at the origin."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import MotionFileInvalid
from ...types import Array, Side
from ..motion import HandTrack, Recording
from .arrays import checked, checked_frames, open_npz
from .axes import in_wrist_frame, transforms, wrist_from_points

NODE_OF_POINT = (0, 1, 2, 3, 4, *(5 * finger + joint for finger in range(1, 5) for joint in (1, 2, 3, 4)))
"""Node of each of our 21 points; a finger's first node lies inside the palm and is no knuckle."""


def read(path: Path, content: bytes) -> Recording:
    """Wrist orientation and finger points; quaternion signs are irrelevant because rotations are used.

    Raises:
        MotionFileInvalid: arrays missing, of the wrong shape, nowhere finite, or a quaternion that is no orientation.
    """
    arrays = open_npz(path, content, ("data", "timestamps", "chirality"))
    notes = ["the glove has no position: the wrist turns in place"]
    data, whole = checked_frames(path, "data", arrays["data"], (25, 7), notes)
    stamp_s = checked(path, "timestamps", arrays["timestamps"], ())
    if len(stamp_s) != len(data):
        raise MotionFileInvalid(f"{path}: {len(data)} frames but {len(stamp_s)} timestamps")
    side = _side(path, str(arrays["chirality"]))
    order = str(arrays.get("quaternion_order", np.array("wxyz"))).lower()
    if order not in ("wxyz", "xyzw"):
        raise MotionFileInvalid(f"{path}: quaternion_order '{order}' is neither wxyz nor xyzw")
    quats = data[:, 0, 3:] if order == "wxyz" else np.roll(data[:, 0, 3:], 1, axis=-1)
    rotation = _matrices(path, quats)
    points = data[:, NODE_OF_POINT, :3]
    local = in_wrist_frame(points, rotation, points[:, 0])
    offset = wrist_from_points(local[whole][:1], side)[0]
    if np.trace(offset) > 2.0:  # within 60 degrees: the glove's own wrist axes are ours
        offset = np.eye(3)
    track = HandTrack(transforms(rotation @ offset, points[:, 0] * 0.0), local @ offset)
    return Recording(stamp_s, {side: track}, notes=tuple(notes))


def _side(path: Path, chirality: str) -> Side:
    sides: dict[str, Side] = {"left": "left", "right": "right"}
    if chirality.lower() not in sides:
        raise MotionFileInvalid(f"{path}: chirality '{chirality[:20]}' is neither Left nor Right")
    return sides[chirality.lower()]


def _matrices(path: Path, quats_wxyz: Array) -> Array:
    """(n, 3, 3) of quaternions (n, 4), normalised: gloves deliver norms that are off by a percent."""
    norm = np.linalg.norm(quats_wxyz, axis=1)
    for k in np.flatnonzero((norm <= 0.5) | (norm >= 2.0))[:1]:
        raise MotionFileInvalid(f"{path}: frame {k}, wrist quaternion of norm {norm[k]:g} is no orientation")
    w, x, y, z = (quats_wxyz / norm[:, None]).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)
