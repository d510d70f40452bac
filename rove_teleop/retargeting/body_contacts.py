"""Capsules around a robot's limbs, and rows that keep pairs of them apart: springs that only ever push."""

from __future__ import annotations

from math import sqrt

from ..compiled import njit
from ..types import Array
from .body_links import POSE, place_links, speed_of
from .body_problem import (
    CAPSULE_LINK,
    ENDS,
    FLOOR,
    GAP,
    MARGIN,
    PARENT,
    SHAPE,
    SIZES,
    TOUCH,
    Ints,
    cut_indices,
    cut_numbers,
)  # fmt: skip

STIFFNESS = 100.0
"""Weight of a metre too close, beside 1 of a metre at the wrist: a hand pulled 20 cm into the body stays 2 mm short."""


@njit
def gaps_m(indices: Ints, numbers: Array, q: Array) -> Array:
    """Gap of every pair (p,) for the angles (m,) of a packed problem's links."""
    tables, table = cut_numbers(indices[SIZES], numbers), cut_indices(indices)
    place_links(len(q), table.whole[PARENT], q, tables.frame)
    place_contacts(table.whole[CAPSULE_LINK], table.pairs, tables.frame, tables.capsule, tables.pair)
    return tables.pair[:, GAP].copy()


@njit
def place_contacts(capsule_link: Ints, pairs: Ints, frame: Array, capsule: Array, pair: Array) -> None:
    """Gaps and closest points of all pairs."""
    for c in range(len(capsule)):
        link = capsule_link[c]
        for end in range(0, 6, 3):
            x, y, z = capsule[c, SHAPE + end], capsule[c, SHAPE + end + 1], capsule[c, SHAPE + end + 2]
            for a in range(3):
                t = POSE + 4 * a
                there = frame[link, t] * x + frame[link, t + 1] * y + frame[link, t + 2] * z + frame[link, t + 3]
                capsule[c, ENDS + end + a] = there if link >= 0 else capsule[c, SHAPE + end + a]
    for k in range(len(pairs)):
        first, second = pairs[k, 0], pairs[k, 1]
        distance_m = _closest(capsule[first], capsule[second], pair[k])
        pair[k, GAP] = distance_m - capsule[first, SHAPE + 6] - capsule[second, SHAPE + 6]


@njit
def set_floors(share: float, pair: Array) -> None:
    """How close pairs may be at the end of the tick: of what is above their margins, they keep a share."""
    for k in range(len(pair)):
        pair[k, FLOOR] = pair[k, MARGIN] + share * max(pair[k, GAP] - pair[k, MARGIN], 0.0)


@njit
def too_close(pair: Array) -> float:
    """Weighted squares of how far pairs are below their floors."""
    cost = 0.0
    for k in range(len(pair)):
        cost += STIFFNESS * max(pair[k, FLOOR] - pair[k, GAP], 0.0) ** 2
    return cost


@njit
def is_tree(m: int, capsule_moves: Ints, pairs: Ints, pair: Array) -> bool:
    """Whether no pair that is too close couples two limbs that both give way."""
    for k in range(len(pairs)):
        if pair[k, FLOOR] > pair[k, GAP]:
            first, second = False, False
            for i in range(m):
                first |= capsule_moves[pairs[k, 0], i] != 0
                second |= capsule_moves[pairs[k, 1], i] != 0
            if first and second:
                return False
    return True


@njit
def add_contacts(
    m: int,
    depth: Ints,
    above: Ints,
    capsule_moves: Ints,
    pairs: Ints,
    frame: Array,
    pair: Array,
    row: Array,
    H: Array,
    g: Array,
) -> None:
    """Add the rows of the pairs that are too close to H and g of a ``box_qp``; ``row`` (m,) is room.

    Two limbs that give way to each other are no tree: then ``depth`` and ``above`` must be those of a chain.
    """
    for k in range(len(pairs)):
        short_m = pair[k, FLOOR] - pair[k, GAP]
        if not short_m > 0.0:
            continue
        u, v, w = pair[k, TOUCH + 6], pair[k, TOUCH + 7], pair[k, TOUCH + 8]
        for i in range(m):
            row[i] = 0.0
        for side in range(2):
            at, sign = TOUCH + 3 * side, 2.0 * side - 1.0
            for i in range(m):
                if capsule_moves[pairs[k, side], i]:
                    x, y, z = speed_of(frame, i, pair[k, at], pair[k, at + 1], pair[k, at + 2])
                    row[i] += sign * (u * x + v * y + w * z)
        for i in range(m):
            if row[i] != 0.0:
                g[i] += STIFFNESS * row[i] * short_m
                for d in range(depth[i] + 1):
                    H[i, d] += STIFFNESS * row[i] * row[above[i, d]]


@njit
def _closest(first: Array, second: Array, pair: Array) -> float:
    """Distance of two capsules' axes, rows of their table; closest points and the direction into a row of pairs."""
    fx, fy, fz, hx, hy, hz = (
        first[ENDS],
        first[ENDS + 1],
        first[ENDS + 2],
        second[ENDS],
        second[ENDS + 1],
        second[ENDS + 2],
    )
    px, py, pz = first[ENDS + 3] - fx, first[ENDS + 4] - fy, first[ENDS + 5] - fz
    qx, qy, qz = second[ENDS + 3] - hx, second[ENDS + 4] - hy, second[ENDS + 5] - hz
    rx, ry, rz = fx - hx, fy - hy, fz - hz
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
    pair[TOUCH], pair[TOUCH + 1], pair[TOUCH + 2] = fx + s * px, fy + s * py, fz + s * pz
    pair[TOUCH + 3], pair[TOUCH + 4], pair[TOUCH + 5] = hx + t * qx, hy + t * qy, hz + t * qz
    pair[TOUCH + 6], pair[TOUCH + 7], pair[TOUCH + 8] = inverse * x, inverse * y, inverse * z
    return distance_m
