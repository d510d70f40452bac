"""A typical hand that can open and close: finger points for devices that know only how far a hand is closed."""

from __future__ import annotations

import numpy as np

from ..types import Array, Side

KNUCKLE_M = {
    "index": (0.088, 0.026, 0.0),
    "middle": (0.090, 0.004, 0.003),
    "ring": (0.084, -0.016, 0.0),
    "little": (0.076, -0.034, -0.005),
}
PHALANX_M = {
    "index": (0.042, 0.025, 0.022),
    "middle": (0.047, 0.029, 0.023),
    "ring": (0.043, 0.027, 0.023),
    "little": (0.033, 0.020, 0.020),
}
"""Adult right hand in metres; knuckles in the wrist frame (x along the fingers, y to the thumb, z out of the back)."""
THUMB_BASE_M = (0.025, 0.025, -0.012)
THUMB_M = (0.045, 0.034, 0.027)
FIST_RAD = (1.2, 1.5, 0.9)
"""Flexion of knuckle, middle and end joint of a closed finger."""


def hand_points(side: Side, curl: float) -> Array:
    """Points (21, 3) in metres in the wrist frame of a hand closed by ``curl`` in [0, 1]."""
    curl = min(max(curl, 0.0), 1.0)
    points = [np.zeros(3), *_thumb(curl)]
    for finger, knuckle in KNUCKLE_M.items():
        points += _chain(np.array(knuckle), PHALANX_M[finger], np.cumsum(FIST_RAD) * curl)
    result = np.array(points)
    if side == "left":
        result[:, 1] *= -1.0
    return result


def _chain(start_m: Array, lengths_m: tuple[float, ...], bend_rad: Array) -> list[Array]:
    points = [start_m]
    for length, angle in zip(lengths_m, bend_rad, strict=True):
        points.append(points[-1] + length * np.array([np.cos(angle), 0.0, -np.sin(angle)]))
    return points


def _thumb(curl: float) -> list[Array]:
    points = [np.array(THUMB_BASE_M)]
    for length, bend in zip(THUMB_M, np.cumsum((0.1, 0.5, 0.6)) * curl, strict=True):
        angle = np.deg2rad(40.0) - bend
        direction = np.array([np.cos(angle), np.sin(angle), -0.35 - 0.6 * curl])
        points.append(points[-1] + length * direction / np.linalg.norm(direction))
    return points
