"""Forward kinematics of a ``Tree``, compiled: a few microseconds instead of a few hundred."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..types import Array


@njit
def forward(
    parent: NDArray[np.int64], T_parent_link: Array, axis: Array, q_rad: Array, rotation: Array, position_m: Array
) -> None:
    """Pose of every link in the root's frame, written into ``rotation`` (m, 3, 3) and ``position_m`` (m, 3)."""
    turn = np.empty((3, 3))
    for i in range(len(parent)):
        s, c = np.sin(q_rad[i]), np.cos(q_rad[i])
        x, y, z = axis[i]
        v = 1.0 - c
        turn[0, 0], turn[0, 1], turn[0, 2] = c + x * x * v, x * y * v - z * s, x * z * v + y * s
        turn[1, 0], turn[1, 1], turn[1, 2] = y * x * v + z * s, c + y * y * v, y * z * v - x * s
        turn[2, 0], turn[2, 1], turn[2, 2] = z * x * v - y * s, z * y * v + x * s, c + z * z * v
        T = T_parent_link[i]
        for a in range(3):
            for b in range(3):
                total = 0.0
                for k in range(3):
                    total += T[a, k] * turn[k, b]
                rotation[i, a, b] = total
            position_m[i, a] = T[a, 3]
        up = parent[i]
        if up >= 0:
            for a in range(3):
                total = position_m[up, a]
                for k in range(3):
                    total += rotation[up, a, k] * T[k, 3]
                position_m[i, a] = total
            for b in range(3):
                r0, r1, r2 = rotation[i, 0, b], rotation[i, 1, b], rotation[i, 2, b]
                for a in range(3):
                    rotation[i, a, b] = rotation[up, a, 0] * r0 + rotation[up, a, 1] * r1 + rotation[up, a, 2] * r2


@njit
def place_sites(
    site_link: NDArray[np.int64], T_link_site: Array, rotation: Array, position_m: Array, T_root_site: Array
) -> None:
    """Pose of every site in the root's frame, written into ``T_root_site`` (sites, 4, 4), after ``forward``."""
    for s in range(len(site_link)):
        link = site_link[s]
        for a in range(3):
            for b in range(4):
                if link < 0:
                    T_root_site[s, a, b] = T_link_site[s, a, b]
                    continue
                total = position_m[link, a] if b == 3 else 0.0
                for k in range(3):
                    total += rotation[link, a, k] * T_link_site[s, k, b]
                T_root_site[s, a, b] = total
        T_root_site[s, 3, 0], T_root_site[s, 3, 1], T_root_site[s, 3, 2], T_root_site[s, 3, 3] = 0.0, 0.0, 0.0, 1.0
