"""Turning a file's axes into ours, and wrist frames that are built from the points of a hand."""

from __future__ import annotations

import numpy as np

from ...types import HAND_POINTS, Array, Side

WORLD_FROM_Y_UP: Array = np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""Rotation from y-up, -z-forward axes (OpenXR, WebXR, Leap) to the operator's world (x forward, y left, z up)."""

INDEX_MCP = HAND_POINTS.index("index_mcp")
MIDDLE_MCP = HAND_POINTS.index("middle_mcp")
LITTLE_MCP = HAND_POINTS.index("little_mcp")


def unit(vectors: Array) -> Array:
    """Unit vectors (..., 3); a vector of no length becomes NaN, which means "not tracked" further on."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    result: Array = np.divide(vectors, length, out=np.full_like(vectors, np.nan), where=length > 1e-9)
    return result


def wrist_rotation(along_fingers: Array, to_thumb: Array, side: Side) -> Array:
    """Rotations (..., 3, 3) of the wrist frame: x along the fingers, y across the palm, z out of the back of the hand.

    ``to_thumb`` points from the little finger's side to the thumb's; only its part across the fingers counts.
    """
    x = unit(along_fingers)
    across = to_thumb if side == "right" else -to_thumb
    y = unit(across - np.sum(across * x, axis=-1, keepdims=True) * x)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def wrist_from_points(points_m: Array, side: Side) -> Array:
    """Rotations (..., 3, 3) of the wrist frame from 21 points (..., 21, 3): wrist to knuckles, little to index."""
    knuckles = points_m[..., (INDEX_MCP, MIDDLE_MCP, LITTLE_MCP), :].mean(axis=-2)
    to_thumb = points_m[..., INDEX_MCP, :] - points_m[..., LITTLE_MCP, :]
    return wrist_rotation(knuckles - points_m[..., 0, :], to_thumb, side)


def in_wrist_frame(points_m: Array, rotation: Array, origin_m: Array) -> Array:
    """Points (..., 21, 3) seen from the wrist frame with ``rotation`` (..., 3, 3) at ``origin_m`` (..., 3)."""
    local: Array = np.einsum("...ji,...kj->...ki", rotation, points_m - origin_m[..., None, :])
    return local


def transforms(rotation: Array, position_m: Array) -> Array:
    """(n, 4, 4) from (n, 3, 3) and (n, 3)."""
    result = np.zeros((*position_m.shape[:-1], 4, 4))
    result[..., :3, :3] = rotation
    result[..., :3, 3] = position_m
    result[..., 3, 3] = 1.0
    return result


def facing(forward: Array) -> Array:
    """Rotation (3, 3) about z that turns the horizontal part of ``forward`` (3,) to +x; identity when there is none."""
    length = float(np.hypot(forward[0], forward[1]))
    if not length > 1e-6:
        return np.eye(3)
    cosine, sine = forward[0] / length, forward[1] / length
    return np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def turned(rotation: Array, T_file: Array) -> Array:
    """Transforms (n, 4, 4) whose parent frame is turned by ``rotation`` (3, 3)."""
    result = T_file.copy()
    result[..., :3, :3] = rotation @ T_file[..., :3, :3]
    result[..., :3, 3] = T_file[..., :3, 3] @ rotation.T
    return result
