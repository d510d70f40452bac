"""MediaPipe hand landmarks of one hand as an .npy: finger points only, because a video gives no wrist pose."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import MotionFileInvalid
from ...types import Array, Side
from ..motion import HandTrack, Recording
from .arrays import checked_frames, open_npy
from .axes import in_wrist_frame, wrist_from_points

VIDEO_HZ = 30.0
FINGERTIPS = (8, 12, 16, 20)


def read(path: Path, content: bytes) -> Recording:
    """Points (frames, 21, 3); MediaPipe's order is ours. The file has no stamps, so it plays at 30 Hz.

    Raises:
        MotionFileInvalid: wrong shape, nowhere finite, or not the size of a hand in metres.
    """
    notes: list[str] = []
    points, whole = checked_frames(path, "landmarks", open_npy(path, content), (21, 3), notes)
    palm_m = float(np.median(np.linalg.norm(points[whole, 9] - points[whole, 0], axis=1)))
    if not 0.03 < palm_m < 0.2:
        raise MotionFileInvalid(f"{path}: wrist to middle knuckle is {palm_m:g}, which is no hand in metres")
    side, how = _side(path, points[whole])
    rotation = wrist_from_points(points, side)
    track = HandTrack(None, in_wrist_frame(points, rotation, points[:, 0]))
    notes += [f"taken as a {side} hand ({how})", f"no timestamps in the file: played at {VIDEO_HZ:g} Hz"]
    return Recording(np.arange(len(points)) / VIDEO_HZ, {side: track}, notes=tuple(notes))


def _side(path: Path, points: Array) -> tuple[Side, str]:
    name = path.name.lower()
    if ("left" in name) != ("right" in name):
        return ("left" if "left" in name else "right"), "from its name"
    local = in_wrist_frame(points, wrist_from_points(points, "right"), points[:, 0])
    above_palm = local[:, FINGERTIPS, 2].mean(axis=1)  # fingers curl to the palm, which is -z
    curled_to_palm = np.sum(above_palm <= 0.0) >= np.sum(above_palm > 0.0)  # frames vote: one bad one decides nothing
    return ("right" if curled_to_palm else "left"), "from the way its fingers curl"
