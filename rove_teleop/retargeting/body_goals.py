"""How far sites are from their goals, and how the joints change that: the rows of the body's least squares.

A goal's six rows are its position error in metres and its orientation error times a length, so that one sum of squares
weighs both. A swivel, an elbow that may only turn about the line from shoulder to wrist, has one row.
"""

from __future__ import annotations

from math import atan2, sqrt

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..types import Array
from .body_links import speed_of

Ints = NDArray[np.int64]


@njit
def goal_errors(
    swivel: Ints, weight: Array, goals: Array, there: Ints, frame: Array, site: Array, error: Array
) -> float:
    """Weighted errors of all goals (s, 4, 4) into ``error`` (s, 6); returns their sum of squares.

    Arguments here and below are the fields of ``Problem`` and ``Work`` that are needed: whole ones are slow to pass.
    """
    cost = 0.0
    for k in range(len(there)):
        if not there[k]:
            continue
        if swivel[k, 1] >= 0:
            off, _, _, _ = _swivel(site[k], goals[k], frame[swivel[k, 0]], site[swivel[k, 1]])
            error[k, 0] = weight[k, 0] * off
            cost += error[k, 0] ** 2
            continue
        x, y, z = _turn(site[k], goals[k])
        error[k, 3], error[k, 4], error[k, 5] = weight[k, 1] * x, weight[k, 1] * y, weight[k, 1] * z
        for a in range(3):
            error[k, a] = weight[k, 0] * (goals[k, a, 3] - site[k, a, 3])
            cost += error[k, a] ** 2 + error[k, 3 + a] ** 2
    return cost


@njit
def goal_rows(
    depth: Ints,
    above: Ints,
    site_link: Ints,
    serves: Ints,
    swivel: Ints,
    weight: Array,
    goals: Array,
    there: Ints,
    frame: Array,
    site: Array,
    J: Array,
) -> None:
    """Weighted Jacobians (s, 6, m) of all goals, by depth as in ``box_qp``; of a swivel only the first row counts."""
    for k in range(len(there)):
        if not there[k] or site_link[k] < 0:
            continue
        u, v, w, turns = 0.0, 0.0, 0.0, swivel[k, 1] >= 0
        if turns:
            _, u, v, w = _swivel(site[k], goals[k], frame[swivel[k, 0]], site[swivel[k, 1]])
        px, py, pz, linear, angular = site[k, 0, 3], site[k, 1, 3], site[k, 2, 3], weight[k, 0], weight[k, 1]
        for d in range(depth[site_link[k]] + 1):
            i = above[site_link[k], d]
            if not serves[k, i]:
                for a in range(6):
                    J[k, a, d] = 0.0
                continue
            x, y, z = speed_of(frame, i, px, py, pz)
            if turns:
                J[k, 0, d] = linear * (u * x + v * y + w * z)
                continue
            J[k, 0, d], J[k, 1, d], J[k, 2, d] = linear * x, linear * y, linear * z
            for a in range(3):
                J[k, 3 + a, d] = angular * frame[i, a, 2]


@njit
def worst_errors(swivel: Ints, weight: Array, there: Ints, error: Array) -> tuple[float, float]:
    """Largest position error in metres and orientation error in radians of goals that are no swivels."""
    worst_m, worst_rad = 0.0, 0.0
    for k in range(len(there)):
        if there[k] and swivel[k, 1] < 0:
            if weight[k, 0] > 0.0:
                worst_m = max(worst_m, sqrt(error[k, 0] ** 2 + error[k, 1] ** 2 + error[k, 2] ** 2) / weight[k, 0])
            worst_rad = max(worst_rad, sqrt(error[k, 3] ** 2 + error[k, 4] ** 2 + error[k, 5] ** 2) / weight[k, 1])
    return worst_m, worst_rad


@njit
def _dot(A: Array, B: Array, a: int, b: int) -> float:
    """Entry (a, b) of A B' of the rotations of two poses."""
    return float(A[a, 0] * B[b, 0] + A[a, 1] * B[b, 1] + A[a, 2] * B[b, 2])


@njit
def _turn(T_now: Array, T_goal: Array) -> tuple[float, float, float]:
    """Rotation vector in the base frame that takes ``T_now`` to ``T_goal``."""
    xx, yy, zz = _dot(T_goal, T_now, 0, 0), _dot(T_goal, T_now, 1, 1), _dot(T_goal, T_now, 2, 2)
    xy, yx = _dot(T_goal, T_now, 0, 1), _dot(T_goal, T_now, 1, 0)
    xz, zx = _dot(T_goal, T_now, 0, 2), _dot(T_goal, T_now, 2, 0)
    yz, zy = _dot(T_goal, T_now, 1, 2), _dot(T_goal, T_now, 2, 1)
    x, y, z = zy - yz, xz - zx, yx - xy
    sine, cosine = 0.5 * sqrt(x * x + y * y + z * z), 0.5 * (xx + yy + zz - 1.0)
    angle = atan2(sine, cosine)
    if cosine > -0.99:
        scale = 0.5 * (angle / sine if sine > 1e-9 else 1.0)
        return scale * x, scale * y, scale * z
    # Close to half a turn the difference of the off-diagonals vanishes; their sum still knows the axis.
    if xx >= yy and xx >= zz:
        u, v, w = 2.0 * (xx - cosine), xy + yx, xz + zx
    elif yy >= zz:
        u, v, w = xy + yx, 2.0 * (yy - cosine), yz + zy
    else:
        u, v, w = xz + zx, yz + zy, 2.0 * (zz - cosine)
    scale = (1.0 if u * x + v * y + w * z >= 0.0 else -1.0) * angle / sqrt(u * u + v * v + w * w)
    return scale * u, scale * v, scale * w


@njit
def _off_line(T: Array, shoulder: Array, ax: float, ay: float, az: float) -> tuple[float, float, float]:
    """Where the place of ``T`` is off the line through the shoulder with direction (ax, ay, az)."""
    x, y, z = T[0, 3] - shoulder[0, 3], T[1, 3] - shoulder[1, 3], T[2, 3] - shoulder[2, 3]
    along = ax * x + ay * y + az * z
    return x - along * ax, y - along * ay, z - along * az


@njit
def _swivel(T_elbow: Array, T_hint: Array, shoulder: Array, T_wrist: Array) -> tuple[float, float, float, float]:
    """How far along its circle an elbow is from its hint, in metres, and the direction (3 numbers) of that.

    Only the turn about the line from shoulder to wrist counts, so the hint costs the wrist nothing. A hint close to
    that line says little, and is scaled down with its distance from it.
    """
    ax, ay, az = T_wrist[0, 3] - shoulder[0, 3], T_wrist[1, 3] - shoulder[1, 3], T_wrist[2, 3] - shoulder[2, 3]
    length = max(sqrt(ax * ax + ay * ay + az * az), 1e-6)
    ax, ay, az = ax / length, ay / length, az / length
    x, y, z = _off_line(T_elbow, shoulder, ax, ay, az)
    hx, hy, hz = _off_line(T_hint, shoulder, ax, ay, az)
    off_m, hint_off_m = sqrt(x * x + y * y + z * z), sqrt(hx * hx + hy * hy + hz * hz)
    inverse = 1.0 / max(off_m, 1e-6)
    u, v, w = inverse * (ay * z - az * y), inverse * (az * x - ax * z), inverse * (ax * y - ay * x)
    share = min(1.0, hint_off_m * inverse)
    angle = atan2(u * hx + v * hy + w * hz, inverse * (x * hx + y * hy + z * hz))
    return share * off_m * angle, share * u, share * v, share * w
