"""Where the body's links and sites are, compiled: links turn about their z axes, so an axis is a column of a pose."""

from __future__ import annotations

from math import cos, sin

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..types import Array


@njit
def place_links(parent: NDArray[np.int64], T_parent_link: Array, q_rad: Array, frame: Array) -> None:
    """Pose of every link in the base frame, into ``frame`` (m, 3, 4), from ``T_parent_link`` (m, 3, 4)."""
    for i in range(len(parent)):
        s, c, up = sin(q_rad[i]), cos(q_rad[i]), parent[i]
        for a in range(3):
            if up < 0:
                x, y, z, p = (
                    T_parent_link[i, a, 0], T_parent_link[i, a, 1], T_parent_link[i, a, 2], T_parent_link[i, a, 3],
                )  # fmt: skip
            else:
                x, y, z, p = _row_times(frame[up], a, T_parent_link[i])
            frame[i, a, 0], frame[i, a, 1], frame[i, a, 2], frame[i, a, 3] = c * x + s * y, c * y - s * x, z, p


@njit
def place_sites(site_link: NDArray[np.int64], T_link_site: Array, frame: Array, site: Array) -> None:
    """Pose of every site in the base frame, into ``site`` (s, 3, 4), from ``T_link_site`` (s, 3, 4)."""
    for k in range(len(site_link)):
        link = site_link[k]
        for a in range(3):
            if link < 0:
                for b in range(4):
                    site[k, a, b] = T_link_site[k, a, b]
            else:
                site[k, a, 0], site[k, a, 1], site[k, a, 2], site[k, a, 3] = _row_times(frame[link], a, T_link_site[k])


@njit
def _row_times(A: Array, a: int, B: Array) -> tuple[float, float, float, float]:
    """Row ``a`` of the product of two poses (3, 4)."""
    u, v, w = A[a, 0], A[a, 1], A[a, 2]
    return (
        u * B[0, 0] + v * B[1, 0] + w * B[2, 0],
        u * B[0, 1] + v * B[1, 1] + w * B[2, 1],
        u * B[0, 2] + v * B[1, 2] + w * B[2, 2],
        u * B[0, 3] + v * B[1, 3] + w * B[2, 3] + A[a, 3],
    )


@njit
def speed_of(frame: Array, i: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Velocity of the point (x, y, z) of the base frame while link ``i`` turns by 1 rad/s."""
    x, y, z = x - frame[i, 0, 3], y - frame[i, 1, 3], z - frame[i, 2, 3]
    u, v, w = frame[i, 0, 2], frame[i, 1, 2], frame[i, 2, 2]
    return v * z - w * y, w * x - u * z, u * y - v * x
