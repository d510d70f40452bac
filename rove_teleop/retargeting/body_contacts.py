"""Capsules around a robot's limbs, and rows that keep pairs of them apart: springs that only ever push."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..types import Array
from .body_problem import Pose, Problem, empty_pose, unpack
from .chain import forward, site_jacobian

STIFFNESS = 100.0
"""Weight of a metre too close, beside 1 of a metre at the wrist: a hand pulled 20 cm into the body stays 2 mm short."""


@njit
def gaps_m(sizes: tuple[int, int, int, int, int], numbers: Array, indices: NDArray[np.int64], q: Array) -> Array:
    """Gap of every pair (p,) for the angles (m,) of a packed problem's links."""
    problem = unpack(sizes, numbers, indices)
    pose = empty_pose(len(q), 0, len(problem.capsule), len(problem.pairs))
    forward(problem.parent, problem.T_parent_link, problem.axis, q, pose.rotation, pose.position_m)
    place_contacts(problem, problem.margin_m, pose)
    return pose.gap_m


@njit
def place_contacts(problem: Problem, floor_m: Array, pose: Pose) -> float:
    """Distances and closest points of all pairs; returns the weighted squares of how far they are below ``floor_m``."""
    for c in range(len(problem.capsule)):
        link = problem.capsule_link[c]
        for end in range(2):
            for a in range(3):
                if link < 0:
                    pose.ends_m[c, end, a] = problem.capsule[c, 3 * end + a]
                    continue
                total = pose.position_m[link, a]
                for b in range(3):
                    total += pose.rotation[link, a, b] * problem.capsule[c, 3 * end + b]
                pose.ends_m[c, end, a] = total
    cost = 0.0
    for k in range(len(problem.pairs)):
        first, second = problem.pairs[k]
        touch = pose.touch[k]
        distance_m = _closest(pose.ends_m[first], pose.ends_m[second], touch)
        pose.gap_m[k] = distance_m - problem.capsule[first, 6] - problem.capsule[second, 6]
        cost += STIFFNESS * max(floor_m[k] - pose.gap_m[k], 0.0) ** 2
    return cost


@njit
def add_contacts(problem: Problem, floor_m: Array, pose: Pose, H: Array, g: Array) -> None:
    """Add the rows of the pairs that are too close to H (m, m), its lower half, and to g (m,)."""
    m = len(g)
    J, row = np.empty((6, m)), np.empty(m)
    for k in range(len(problem.pairs)):
        short_m = floor_m[k] - pose.gap_m[k]
        if not short_m > 0.0:
            continue
        touch = pose.touch[k]
        row[:] = 0.0
        for side in range(2):
            moves = problem.capsule_moves[problem.pairs[k, side]]
            site_jacobian(moves, problem.axis, pose.rotation, pose.position_m, touch[side], J)
            sign = 2.0 * side - 1.0
            for i in range(m):
                row[i] += sign * (touch[2, 0] * J[0, i] + touch[2, 1] * J[1, i] + touch[2, 2] * J[2, i])
        for i in range(m):
            g[i] += STIFFNESS * row[i] * short_m
            for j in range(i + 1):
                H[i, j] += STIFFNESS * row[i] * row[j]


@njit
def _closest(first: Array, second: Array, touch: Array) -> float:
    """Closest points of two segments (2, 3) and the direction from one to the other into ``touch``; their distance."""
    d1, d2, r = first[1] - first[0], second[1] - second[0], first[0] - second[0]
    a, e, f = _dot(d1, d1), _dot(d2, d2), _dot(d2, r)
    b, c = _dot(d1, d2), _dot(d1, r)
    s, t = 0.0, 0.0
    if a > 1e-12:
        denominator = a * e - b * b
        s = min(max((b * f - c * e) / denominator, 0.0), 1.0) if denominator > 1e-12 * a * e else 0.5
    if e > 1e-12:
        t = (b * s + f) / e
        if not 0.0 <= t <= 1.0:
            t = min(max(t, 0.0), 1.0)
            s = min(max((b * t - c) / a, 0.0), 1.0) if a > 1e-12 else 0.0
    elif a > 1e-12:
        s = min(max(-c / a, 0.0), 1.0)
    squared = 0.0
    for x in range(3):
        touch[0, x] = first[0, x] + s * d1[x]
        touch[1, x] = second[0, x] + t * d2[x]
        squared += (touch[1, x] - touch[0, x]) ** 2
    distance_m = np.sqrt(squared)
    for x in range(3):
        touch[2, x] = (touch[1, x] - touch[0, x]) / max(distance_m, 1e-9)
    return float(distance_m)


@njit
def _dot(u: Array, v: Array) -> float:
    return float(u[0] * v[0] + u[1] * v[1] + u[2] * v[2])
