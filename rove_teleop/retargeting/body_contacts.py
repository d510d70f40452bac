"""Capsules around a robot's limbs, and rows that keep pairs of them apart: springs that only ever push."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..types import Array
from .body_links import place_links, speed_of
from .body_problem import unpack_problem, unpack_work

Ints = NDArray[np.int64]
STIFFNESS = 100.0
"""Weight of a metre too close, beside 1 of a metre at the wrist: a hand pulled 20 cm into the body stays 2 mm short."""


@njit
def gaps_m(integers: Ints, numbers: Array, q: Array) -> Array:
    """Gap of every pair (p,) for the angles (m,) of a packed problem's links."""
    problem, work = unpack_problem(integers, numbers), unpack_work(integers, numbers)
    place_links(problem.parent, problem.T_parent_link, q, work.frame)
    place_contacts(
        problem.capsule_link, problem.capsule, problem.pairs, work.frame, work.ends_m, work.gap_m, work.touch
    )
    return work.gap_m.copy()


@njit
def place_contacts(
    capsule_link: Ints, capsule: Array, pairs: Ints, frame: Array, ends_m: Array, gap_m: Array, touch: Array
) -> None:
    """Distances and closest points of all pairs, into ``gap_m`` (p,) and ``touch`` (p, 3, 3)."""
    for c in range(len(capsule)):
        link = capsule_link[c]
        for end in range(2):
            x, y, z = capsule[c, 3 * end], capsule[c, 3 * end + 1], capsule[c, 3 * end + 2]
            for a in range(3):
                if link < 0:
                    ends_m[c, end, a] = capsule[c, 3 * end + a]
                else:
                    T = frame[link]
                    ends_m[c, end, a] = T[a, 0] * x + T[a, 1] * y + T[a, 2] * z + T[a, 3]
    for k in range(len(pairs)):
        first, second = pairs[k, 0], pairs[k, 1]
        gap_m[k] = _closest(ends_m[first], ends_m[second], touch[k]) - capsule[first, 6] - capsule[second, 6]


@njit
def too_close(gap_m: Array, floor_m: Array) -> float:
    """Weighted squares of how far pairs are below the distances that they should keep, ``floor_m`` (p,)."""
    cost = 0.0
    for k in range(len(gap_m)):
        cost += STIFFNESS * max(floor_m[k] - gap_m[k], 0.0) ** 2
    return cost


@njit
def add_contacts(
    depth: Ints,
    above: Ints,
    capsule_moves: Ints,
    pairs: Ints,
    frame: Array,
    gap_m: Array,
    floor_m: Array,
    touch: Array,
    row: Array,
    H: Array,
    g: Array,
) -> None:
    """Add the rows of the pairs that are too close to H (m, m) and g (m,); ``row`` (m,) is room.

    Two limbs that give way to each other are no tree: then ``depth`` and ``above`` must be those of a chain.
    """
    for k in range(len(pairs)):
        short_m = floor_m[k] - gap_m[k]
        if not short_m > 0.0:
            continue
        u, v, w = touch[k, 2, 0], touch[k, 2, 1], touch[k, 2, 2]
        row[:] = 0.0
        for side in range(2):
            sign, px, py, pz = 2.0 * side - 1.0, touch[k, side, 0], touch[k, side, 1], touch[k, side, 2]
            for i in range(len(g)):
                if capsule_moves[pairs[k, side], i]:
                    x, y, z = speed_of(frame, i, px, py, pz)
                    row[i] += sign * (u * x + v * y + w * z)
        for i in range(len(g)):
            if row[i] != 0.0:
                g[i] += STIFFNESS * row[i] * short_m
                for d in range(depth[i] + 1):
                    H[i, d] += STIFFNESS * row[i] * row[above[i, d]]


@njit
def is_tree(capsule_moves: Ints, pairs: Ints, gap_m: Array, floor_m: Array) -> bool:
    """Whether no pair that is too close couples two limbs that both give way."""
    for k in range(len(pairs)):
        if floor_m[k] - gap_m[k] > 0.0:
            first, second = 0, 0
            for i in range(capsule_moves.shape[1]):
                first |= capsule_moves[pairs[k, 0], i]
                second |= capsule_moves[pairs[k, 1], i]
            if first and second:
                return False
    return True


@njit
def _closest(first: Array, second: Array, touch: Array) -> float:
    """Closest points of two segments (2, 3) and the direction from one to the other into ``touch``; their distance."""
    px, py, pz = first[1, 0] - first[0, 0], first[1, 1] - first[0, 1], first[1, 2] - first[0, 2]
    qx, qy, qz = second[1, 0] - second[0, 0], second[1, 1] - second[0, 1], second[1, 2] - second[0, 2]
    rx, ry, rz = first[0, 0] - second[0, 0], first[0, 1] - second[0, 1], first[0, 2] - second[0, 2]
    a, e, f = px * px + py * py + pz * pz, qx * qx + qy * qy + qz * qz, qx * rx + qy * ry + qz * rz
    b, c = px * qx + py * qy + pz * qz, px * rx + py * ry + pz * rz
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
    x, y, z = t * qx - s * px - rx, t * qy - s * py - ry, t * qz - s * pz - rz
    distance_m = sqrt(x * x + y * y + z * z)
    inverse = 1.0 / max(distance_m, 1e-9)
    touch[0, 0], touch[0, 1], touch[0, 2] = first[0, 0] + s * px, first[0, 1] + s * py, first[0, 2] + s * pz
    touch[1, 0], touch[1, 1], touch[1, 2] = second[0, 0] + t * qx, second[0, 1] + t * qy, second[0, 2] + t * qz
    touch[2, 0], touch[2, 1], touch[2, 2] = inverse * x, inverse * y, inverse * z
    return distance_m
