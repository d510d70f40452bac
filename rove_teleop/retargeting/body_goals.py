"""How far sites are from their goals, and how the joints change that: the rows of the body's least squares.

A goal's six rows are its position error in metres and its orientation error times a length, so that one sum of squares
weighs both. A swivel, an elbow that may only turn about the line from shoulder to wrist, has one row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..types import Array
from .chain import site_jacobian


@njit
def goal_errors(
    swivel: NDArray[np.int64],
    weight: Array,
    goals: Array,
    wanted: NDArray[np.bool_],
    position_m: Array,
    T: Array,
    errors: Array,
) -> float:
    """Weighted errors of all goals (s, 4, 4) into ``errors`` (s, 6); returns their sum of squares.

    Arguments here and below are the fields of ``Problem`` and ``Pose`` that are needed: whole ones are slow to pass.
    """
    cost, row = 0.0, np.empty(3)
    for k in range(len(wanted)):
        if not wanted[k]:
            continue
        error, at_wrist = errors[k], swivel[k, 1]
        error[:] = 0.0
        if at_wrist >= 0:
            error[0] = weight[k, 0] * _swivel(T[k], goals[k], position_m[swivel[k, 0]], T[at_wrist], row)
        else:
            for a in range(3):
                error[a] = weight[k, 0] * (goals[k, a, 3] - T[k, a, 3])
            _turn(T[k], goals[k], error)
            for a in range(3, 6):
                error[a] *= weight[k, 1]
        for a in range(6):
            cost += error[a] * error[a]
    return cost


@njit
def goal_rows(
    serves: NDArray[np.int64],
    axis: Array,
    swivel: NDArray[np.int64],
    weight: Array,
    goals: Array,
    wanted: NDArray[np.bool_],
    rotation: Array,
    position_m: Array,
    T: Array,
    J: Array,
) -> None:
    """Weighted Jacobians (s, 6, m) of all goals; of a swivel only the first row counts."""
    row = np.empty(3)
    for k in range(len(wanted)):
        if not wanted[k]:
            continue
        at_wrist = swivel[k, 1]
        site_jacobian(serves[k], axis, rotation, position_m, T[k, :3, 3], J[k])
        if at_wrist >= 0:
            _swivel(T[k], goals[k], position_m[swivel[k, 0]], T[at_wrist], row)
            for i in range(J.shape[2]):
                J[k, 0, i] = weight[k, 0] * (row[0] * J[k, 0, i] + row[1] * J[k, 1, i] + row[2] * J[k, 2, i])
            continue
        for a in range(6):
            for i in range(J.shape[2]):
                J[k, a, i] *= weight[k, a // 3]


@njit
def worst_errors(
    swivel: NDArray[np.int64], weight: Array, wanted: NDArray[np.bool_], errors: Array, gap_m: Array
) -> tuple[float, float, float]:
    """Largest position error in metres and orientation error in radians of goals, and the smallest gap in metres."""
    worst_m, worst_rad, smallest_m = 0.0, 0.0, np.inf
    for k in range(len(gap_m)):
        smallest_m = min(smallest_m, gap_m[k])
    for k in range(len(wanted)):
        if not wanted[k] or swivel[k, 1] >= 0:
            continue
        error = errors[k]
        if weight[k, 0] > 0.0:
            worst_m = max(worst_m, np.sqrt(error[0] ** 2 + error[1] ** 2 + error[2] ** 2) / weight[k, 0])
        worst_rad = max(worst_rad, np.sqrt(error[3] ** 2 + error[4] ** 2 + error[5] ** 2) / weight[k, 1])
    return worst_m, worst_rad, smallest_m


@njit
def _turn(T_now: Array, T_goal: Array, error: Array) -> None:
    """Rotation vector in the base frame that takes ``T_now`` to ``T_goal``, into error[3:]."""
    R = np.empty((3, 3))
    for a in range(3):
        for b in range(3):
            R[a, b] = T_goal[a, 0] * T_now[b, 0] + T_goal[a, 1] * T_now[b, 1] + T_goal[a, 2] * T_now[b, 2]
    x, y, z = R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]
    sine, cosine = 0.5 * np.sqrt(x * x + y * y + z * z), 0.5 * (R[0, 0] + R[1, 1] + R[2, 2] - 1.0)
    angle = np.arctan2(sine, cosine)
    if cosine > -0.99:
        scale = 0.5 * (angle / sine if sine > 1e-9 else 1.0)
        error[3], error[4], error[5] = scale * x, scale * y, scale * z
        return
    # Close to half a turn the difference of the off-diagonals vanishes; their sum still knows the axis.
    k = 0
    for a in range(1, 3):
        if R[a, a] > R[k, k]:
            k = a
    norm = 0.0
    for a in range(3):
        error[3 + a] = R[a, k] + R[k, a] if a != k else 2.0 * (R[k, k] - cosine)
        norm += error[3 + a] ** 2
    sign = 1.0 if error[3] * x + error[4] * y + error[5] * z >= 0.0 else -1.0
    for a in range(3, 6):
        error[a] *= sign * angle / np.sqrt(norm)


@njit
def _around(T_elbow: Array, shoulder_m: Array, T_wrist: Array, radius_m: Array, tangent: Array) -> float:
    """Where an elbow is off the line from shoulder to wrist (3,), which way it turns about it (3,), and how far off."""
    ax, ay, az = T_wrist[0, 3] - shoulder_m[0], T_wrist[1, 3] - shoulder_m[1], T_wrist[2, 3] - shoulder_m[2]
    length = max(np.sqrt(ax * ax + ay * ay + az * az), 1e-6)
    ax, ay, az = ax / length, ay / length, az / length
    along = 0.0
    for a in range(3):
        radius_m[a] = T_elbow[a, 3] - shoulder_m[a]
    along = ax * radius_m[0] + ay * radius_m[1] + az * radius_m[2]
    radius_m[0] -= along * ax
    radius_m[1] -= along * ay
    radius_m[2] -= along * az
    off_m = np.sqrt(radius_m[0] ** 2 + radius_m[1] ** 2 + radius_m[2] ** 2)
    inverse = 1.0 / max(off_m, 1e-6)
    tangent[0] = inverse * (ay * radius_m[2] - az * radius_m[1])
    tangent[1] = inverse * (az * radius_m[0] - ax * radius_m[2])
    tangent[2] = inverse * (ax * radius_m[1] - ay * radius_m[0])
    return float(off_m)


@njit
def _swivel(T_elbow: Array, T_hint: Array, shoulder_m: Array, T_wrist: Array, row: Array) -> float:
    """How far along its circle an elbow is from its hint, in metres, and the direction (3,) into ``row``.

    Only the turn about the line from shoulder to wrist counts, so the hint costs the wrist nothing. A hint close to
    that line says little, and is scaled down with its distance from it.
    """
    radius_m, hint_m, other = np.empty(3), np.empty(3), np.empty(3)
    off_m = _around(T_elbow, shoulder_m, T_wrist, radius_m, row)
    hint_off_m = _around(T_hint, shoulder_m, T_wrist, hint_m, other)
    across = row[0] * hint_m[0] + row[1] * hint_m[1] + row[2] * hint_m[2]
    along = (radius_m[0] * hint_m[0] + radius_m[1] * hint_m[1] + radius_m[2] * hint_m[2]) / max(off_m, 1e-6)
    share = min(1.0, hint_off_m / max(off_m, 1e-6))
    for a in range(3):
        row[a] *= share
    return float(share * off_m * np.arctan2(across, along))
