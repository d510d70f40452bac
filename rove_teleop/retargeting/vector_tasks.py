"""Vectors and distances between sites of a tree of joints, and how they change with the joints: compiled.

A task is a row (start, end, kind) of sites (start -1: the root) with a weight and a target (x, y, z) in the root's
frame. The error of a vector task is the length of site_end - site_start - (x, y, z), that of a distance task
|site_end - site_start| - x.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..types import Array

Ints = NDArray[np.int64]
VECTOR, DISTANCE = 0, 1
_TINY = 1e-9


@njit
def place_points(site_link: Ints, site_m: Array, rotation: Array, origin_m: Array, point_m: Array) -> None:
    """Where the sites are, written into ``point_m`` (sites, 3); ``site_m`` (sites, 3) is the same on their links."""
    for s in range(len(site_link)):
        link = site_link[s]
        for a in range(3):
            point_m[s, a] = site_m[s, a]
            if link >= 0:
                point_m[s, a] = origin_m[link, a]
                for b in range(3):
                    point_m[s, a] += rotation[link, a, b] * site_m[s, b]


@njit
def vector_between(point_m: Array, start: int, end: int) -> tuple[float, float, float]:
    """From one site (-1: the root) to another."""
    if start < 0:
        return point_m[end, 0], point_m[end, 1], point_m[end, 2]
    return point_m[end, 0] - point_m[start, 0], point_m[end, 1] - point_m[start, 1], point_m[end, 2] - point_m[start, 2]


@njit
def task_error(point_m: Array, tasks: Ints, target: Array, t: int) -> tuple[float, float, float, float]:
    """The error of a task, and (x, y, z) along which it grows, as long as the error for a vector, 1 for a distance."""
    x, y, z = vector_between(point_m, tasks[t, 0], tasks[t, 1])
    if tasks[t, 2] == VECTOR:
        x, y, z = x - target[t, 0], y - target[t, 1], z - target[t, 2]
        return sqrt(x * x + y * y + z * z), x, y, z
    length = sqrt(x * x + y * y + z * z)
    over = 1.0 / max(length, _TINY)
    return length - target[t, 0], x * over, y * over, z * over


@njit
def tasks_cost(point_m: Array, tasks: Ints, target: Array, weight: Array, huber_m: float, error_m: Array) -> float:
    """Weighted sum of Huber's loss of all errors, which are written into ``error_m`` (tasks,) without sign."""
    total = 0.0
    for t in range(len(tasks)):
        error = abs(task_error(point_m, tasks, target, t)[0])
        error_m[t] = error
        total += weight[t] * (error * error / (2.0 * huber_m) if error < huber_m else error - 0.5 * huber_m)
    return total


@njit
def add_tasks(
    axis: Array, moves: Ints, rotation: Array, origin_m: Array, point_m: Array, tasks: Ints, target: Array,
    weight: Array, huber_m: float, H: Array, S: Array, g: Array,
) -> None:  # fmt: skip
    """Add the tasks' gradient to ``g`` (m,), and the Hessian to the lower triangles of ``H`` and ``S`` (m, m).

    ``H`` gets the part that is positive semidefinite: Gauss-Newton's, with the weights that Huber's loss has at the
    present errors. ``S`` gets the rest: how the Jacobian turns with the joints, and that beyond ``huber_m`` an error
    pulls no harder as it grows.
    """
    m = len(g)
    z, J, along = np.empty((m, 3)), np.empty((m, 3)), np.zeros(m)
    involved = np.empty(m, dtype=np.int64)
    for i in range(m):
        for a in range(3):
            z[i, a] = rotation[i, a, 0] * axis[i, 0] + rotation[i, a, 1] * axis[i, 1] + rotation[i, a, 2] * axis[i, 2]
    for t in range(len(tasks)):
        if weight[t] == 0.0:
            continue
        error, ex, ey, ez = task_error(point_m, tasks, target, t)
        pull = weight[t] / max(huber_m, abs(error))
        count = task_jacobian(moves, z, origin_m, point_m, tasks[t, 0], tasks[t, 1], involved, J)
        start, end = tasks[t, 0], tasks[t, 1]
        across, gain = 1.0, pull
        stretch, saturated = 0.0, -pull / (error * error) if error > huber_m else 0.0
        if tasks[t, 2] == DISTANCE:
            # Across its direction, a distance that is too long is as curved as a vector that is too long. Without this
            # the search follows a bent valley in hundreds of short steps.
            across, gain = max(error, 0.0) / max(error + target[t, 0], _TINY), pull * error
            stretch, saturated = (1.0 - across) * pull, 0.0
        for k in range(count):
            i = involved[k]
            along[k] = J[k, 0] * ex + J[k, 1] * ey + J[k, 2] * ez
            g[i] += gain * along[k]
            x, y, w = across * pull * J[k, 0], across * pull * J[k, 1], across * pull * J[k, 2]
            # A joint further up turns J_k: the error changes by e . (z x J_k) = z . (J_k x e).
            cx, cy, cz = J[k, 1] * ez - J[k, 2] * ey, J[k, 2] * ex - J[k, 0] * ez, J[k, 0] * ey - J[k, 1] * ex
            for other in range(k + 1):  # links stand parents first, so this is the lower triangle
                o = involved[other]
                H[i, o] += x * J[other, 0] + y * J[other, 1] + w * J[other, 2] + stretch * along[k] * along[other]
                S[i, o] += saturated * along[k] * along[other]
                if (moves[end, i] and moves[end, o]) or (start >= 0 and moves[start, i] and moves[start, o]):
                    S[i, o] += gain * (z[o, 0] * cx + z[o, 1] * cy + z[o, 2] * cz)


@njit
def task_jacobian(
    moves: Ints, z: Array, origin_m: Array, point_m: Array, start: int, end: int, involved: Ints, J: Array
) -> int:
    """How the vector from one site to another turns with each joint that moves one: rows of ``J`` for ``involved``."""
    count = 0
    for i in range(len(z)):
        by_end, by_start = moves[end, i], start >= 0 and moves[start, i]
        if not (by_end or by_start):
            continue
        # A site that the joint does not move stands in at the joint's origin, where nothing moves.
        x = (point_m[end, 0] if by_end else origin_m[i, 0]) - (point_m[start, 0] if by_start else origin_m[i, 0])
        y = (point_m[end, 1] if by_end else origin_m[i, 1]) - (point_m[start, 1] if by_start else origin_m[i, 1])
        w = (point_m[end, 2] if by_end else origin_m[i, 2]) - (point_m[start, 2] if by_start else origin_m[i, 2])
        J[count, 0] = z[i, 1] * w - z[i, 2] * y
        J[count, 1] = z[i, 2] * x - z[i, 0] * w
        J[count, 2] = z[i, 0] * y - z[i, 1] * x
        involved[count] = i
        count += 1
    return count
