"""Taking the walking out of a recording: a robot that stands still follows hands as seen from the operator's body."""

from __future__ import annotations

import numpy as np

from ...types import Array

FOLLOW_S = 1.0
"""How slowly the place of a body follows its head: leaning for a second stays a lean, walking does not stay a reach."""


def chest_from_world(left_m: Array, right_m: Array) -> Array:
    """T_chest_world (n, 4, 4) from a pair of joints (n, 3) of a body's two sides, in a world with z up.

    The chest's frame is level, faces x, has its origin under the middle of the pair, and heights are the first frame's:
    jumping does not lift the hands.
    """
    across = left_m - right_m
    middle = (left_m + right_m) / 2.0
    length = np.hypot(across[:, 0], across[:, 1])
    level = length > 1e-6
    cosine = np.divide(across[:, 1], length, out=np.ones(len(length)), where=level)
    sine = np.divide(-across[:, 0], length, out=np.zeros(len(length)), where=level)
    result = np.zeros((len(across), 4, 4))
    result[:, 0, 0] = result[:, 1, 1] = cosine
    result[:, 0, 1], result[:, 1, 0] = sine, -sine
    result[:, 2, 2] = result[:, 3, 3] = 1.0
    result[:, :3, 3] = -np.einsum("nij,nj->ni", result[:, :3, :3], middle)
    result[:, 2, 3] += middle[0, 2]
    return result


def walk_m(stamp_s: Array, head_m: Array) -> Array:
    """Where the body stands (n, 3), without height: the head's place on the floor, followed slowly."""
    result = np.zeros_like(head_m)
    place = head_m[0, :2].copy()
    for k, dt_s in enumerate(np.diff(stamp_s, prepend=stamp_s[0])):
        place += (1.0 - np.exp(-dt_s / FOLLOW_S)) * (head_m[k, :2] - place)
        result[k, :2] = place
    return result
