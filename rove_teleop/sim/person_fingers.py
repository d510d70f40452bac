"""The fingers of a simulated person: the points that a glove or a camera would report of a right hand that closes."""

from __future__ import annotations

import numpy as np

from ..types import Array

_KNUCKLES_M = {
    "index": (0.091, 0.027, 0.0),
    "middle": (0.093, 0.004, 0.002),
    "ring": (0.086, -0.018, 0.0),
    "little": (0.078, -0.037, -0.004),
}
_BONES_M = {
    "index": (0.044, 0.026, 0.023),
    "middle": (0.048, 0.030, 0.024),
    "ring": (0.044, 0.028, 0.024),
    "little": (0.034, 0.021, 0.021),
}
"""An adult's hand, wrist frame: knuckles, and the bones from them to the tip."""
_THUMB_M = (0.026, 0.026, -0.012)
_THUMB_BONES_M = (0.046, 0.035, 0.028)
_CLOSED_RAD = np.array([0.50, 0.36, 0.20])
"""How far knuckle, middle and end joint are bent when the hand is closed around an object of a few centimetres."""
_THUMB_SPREAD_RAD, _THUMB_CLOSED_RAD = 0.75, 0.35


def finger_points(closure: float) -> Array:
    """(21, 3) points in the wrist frame [m], in the order of ``HAND_POINTS``, for a hand open (0) to closed (1)."""
    points = [np.zeros(3), *_thumb(closure)]
    for finger, knuckle_m in _KNUCKLES_M.items():
        points.append(np.array(knuckle_m))
        for bone_m, bend_rad in zip(_BONES_M[finger], np.cumsum(closure * _CLOSED_RAD), strict=True):
            points.append(points[-1] + bone_m * np.array([np.cos(bend_rad), 0.0, -np.sin(bend_rad)]))
    return np.array(points)


def _thumb(closure: float) -> list[Array]:
    """To the side and a little towards the palm when open; closing, it turns under the fingers."""
    points = [np.array(_THUMB_M)]
    across_rad = _THUMB_SPREAD_RAD - 0.5 * closure * _THUMB_SPREAD_RAD
    for k, bone_m in enumerate(_THUMB_BONES_M):
        under_rad = 0.3 + closure * (0.4 + k * _THUMB_CLOSED_RAD)
        along = np.array([np.cos(across_rad), np.sin(across_rad), 0.0])
        down = np.array([0.0, 0.0, np.sin(under_rad)])
        points.append(points[-1] + bone_m * (np.cos(under_rad) * along - down))
    return points
