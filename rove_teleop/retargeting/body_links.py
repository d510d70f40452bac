"""Where the body's links and sites are, compiled: links turn about their z axes, so an axis is a column of a pose."""

from __future__ import annotations

from math import cos, sin

from ..compiled import njit
from ..types import Array
from .body_problem import LOCAL, PLACE, Ints

POSE = 12
"""First of the columns of a link's pose in the base frame, after those of its T_parent_link; both are (3, 4)."""


@njit
def place_links(m: int, parent: Ints, q_rad: Array, frame: Array) -> None:
    """Pose of each of ``m`` links in the base frame."""
    for i in range(m):
        s, c, up = sin(q_rad[i]), cos(q_rad[i]), parent[i]
        for a in range(POSE, POSE + 12, 4):
            if up < 0:
                x, y, z, p = frame[i, a - 12], frame[i, a - 11], frame[i, a - 10], frame[i, a - 9]
            else:
                x, y, z, p = _row_times(frame, up, a, frame, i, 0)
            frame[i, a], frame[i, a + 1], frame[i, a + 2], frame[i, a + 3] = c * x + s * y, c * y - s * x, z, p


@njit
def place_sites(count: int, site_link: Ints, frame: Array, site: Array) -> None:
    """Pose of each of ``count`` sites in the base frame."""
    for k in range(count):
        link = site_link[k]
        for a in range(0, 12, 4):
            if link < 0:
                for b in range(a, a + 4):
                    site[k, PLACE + b] = site[k, LOCAL + b]
            else:
                x, y, z, p = _row_times(frame, link, POSE + a, site, k, LOCAL)
                site[k, PLACE + a], site[k, PLACE + a + 1] = x, y
                site[k, PLACE + a + 2], site[k, PLACE + a + 3] = z, p


@njit
def _row_times(A: Array, i: int, a: int, B: Array, j: int, b: int) -> tuple[float, float, float, float]:
    """One row, at column ``a`` of row ``i`` of a table, of a pose times another pose, at column ``b`` of row ``j``."""
    u, v, w = A[i, a], A[i, a + 1], A[i, a + 2]
    return (
        u * B[j, b] + v * B[j, b + 4] + w * B[j, b + 8],
        u * B[j, b + 1] + v * B[j, b + 5] + w * B[j, b + 9],
        u * B[j, b + 2] + v * B[j, b + 6] + w * B[j, b + 10],
        u * B[j, b + 3] + v * B[j, b + 7] + w * B[j, b + 11] + A[i, a + 3],
    )


@njit
def speed_of(frame: Array, i: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Velocity of the point (x, y, z) of the base frame while link ``i`` turns by 1 rad/s."""
    x, y, z = x - frame[i, POSE + 3], y - frame[i, POSE + 7], z - frame[i, POSE + 11]
    u, v, w = frame[i, POSE + 2], frame[i, POSE + 6], frame[i, POSE + 10]
    return v * z - w * y, w * x - u * z, u * y - v * x
