"""Joint angles at which the vectors between a hand's sites are as wanted, inside limits: compiled, always bounded.

Levenberg-Marquardt, every step checked against the cost. Limits are part of each step (a box-constrained quadratic
problem), because clipping an unlimited step would not let the other joints make up for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..compiled import njit
from ..robots.tree import Tree
from ..types import Array
from .box_qp import solve_box
from .chain import forward
from .damped_step import damp, lock_bounds, plain_step
from .vector_tasks import DISTANCE, VECTOR, Ints, add_tasks, place_points, tasks_cost

FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-4, 1e-9, 1e6
STEP_RAD = 1e-5
"""A smaller step is not taken: with the same input, a solution stays the same to the last bit."""
LAST_STEP_RAD = 5e-4
"""After a step of Newton's that was smaller, and ten times smaller than the one before, the next would be too small."""


class HandSolver:
    """Minimises, over joint angles q inside their limits,

        sum_t weight_t huber(error_t) + sum_i rest_i (q_i - q_rest_i)^2 + hold |q - q_start|^2

    with the errors of ``vector_tasks``; huber(e) is e^2 / (2 huber_m), beyond ``huber_m`` |e| - huber_m / 2 (the loss
    of ``dex-retargeting``). One instance per user.

    Args:
        tree: joints and sites; coordinates are those of its root.
        vectors, distances: tasks as pairs (start, end) of rows of ``tree.sites``; -1 is the root.
        q_min_rad, q_max_rad: limits (m,) of the tree's joints.
        huber_m: error beyond which a task pulls with constant strength.
        rest: strength of the pull to ``q_rest_rad`` (m,; the middle of the limits when None), per rad^2; ``draw``
            changes both.
    """

    def __init__(
        self,
        tree: Tree,
        vectors: Sequence[tuple[int, int]],
        distances: Sequence[tuple[int, int]],
        q_min_rad: Array,
        q_max_rad: Array,
        huber_m: float = 0.02,
        rest: float = 0.0,
        q_rest_rad: Array | None = None,
    ) -> None:
        kinds = [(*pair, VECTOR) for pair in vectors] + [(*pair, DISTANCE) for pair in distances]
        tasks: Ints = np.array(kinds, dtype=np.int64).reshape(-1, 3)
        q_rest_rad = 0.5 * (q_min_rad + q_max_rad) if q_rest_rad is None else q_rest_rad
        sizes = np.array([len(tree.parent), len(tree.sites), len(tasks)])
        integers = (sizes, tree.parent, tree.site_link, tasks, tree.moves)
        strength = np.full(len(q_min_rad), rest)
        places_m = tree.T_link_site[:, :3, 3]
        numbers = (tree.T_parent_link, tree.axis, places_m, q_min_rad, q_max_rad, q_rest_rad, strength)
        # Every array that is handed to compiled code costs a microsecond when the caches are cold.
        self._integers: Ints = np.concatenate([part.astype(np.int64).reshape(-1) for part in integers])
        self._numbers: Array = np.concatenate([[huber_m], *(part.reshape(-1) for part in numbers)])
        self._anywhere: Array = np.full(len(q_min_rad), np.inf)
        self.residual_m: Array = np.zeros(len(kinds))
        """Error of every task at the last solution, without sign, vectors first."""

    def draw(self, q_rest_rad: Array, rest: Array) -> None:
        """From now on draw joint i to ``q_rest_rad[i]`` with strength ``rest[i]``, both (m,)."""
        m = len(q_rest_rad)
        self._numbers[-2 * m : -m], self._numbers[-m:] = q_rest_rad, rest

    def solve(
        self,
        q_rad: Array,
        target_m: Array,
        weight: Array,
        hold: float = 0.0,
        reach_rad: Array | None = None,
        iterations: int = 20,
    ) -> int:
        """Improve ``q_rad`` (m,) in place, starting there; return the number of steps tried.

        Args:
            q_rad: moved inside the limits first, whatever it holds.
            target_m: (tasks, 3), contiguous; a distance is x alone.
            weight: (tasks,), not negative. Where a number of either is not finite, nothing else happens.
            hold: strength, per rad^2, of the pull to where ``q_rad`` starts.
            reach_rad: how far (m,) each joint may go from there (None: to its limits).
            iterations: the most steps that are tried; after any number the cost is not above that of the start.
        """
        reach_rad = self._anywhere if reach_rad is None else reach_rad
        tried: int = search(
            self._integers, self._numbers, target_m, weight, reach_rad, hold, iterations, q_rad, self.residual_m
        )
        return tried


@njit
def search(
    integers: Ints, numbers: Array, target: Array, weight: Array, reach: Array, hold: float, iterations: int, q: Array,
    residual_m: Array,
) -> int:  # fmt: skip
    """``HandSolver.solve`` on plain arrays: ``q`` (m,) and ``residual_m`` (tasks,) are written."""
    parent, site_link, tasks, moves = unpack_integers(integers)
    T_parent_link, axis, site_m, limits, q_rest, rest = unpack_numbers(numbers, len(parent), len(site_link))
    huber_m, m = numbers[0], len(parent)
    rotation, origin_m, point_m = np.empty((m, 3, 3)), np.empty((m, 3)), np.empty((len(site_link), 3))
    H, S, A, L = np.empty((m, m)), np.empty((m, m)), np.empty((m, m)), np.empty((m, m))
    g, low, high, step, locked = np.empty(m), np.empty(m), np.empty(m), np.empty(m), np.empty(m, dtype=np.bool_)
    box, error_m, q_start, trial = np.empty((2, m)), np.empty(len(tasks)), np.empty(m), np.empty(m)
    enclose(q, limits, reach, box)
    for i in range(m):
        q_start[i] = trial[i] = q[i]
    damping, cost, tried, exact, before, longest = FIRST_DAMPING, np.inf, 0, False, np.inf, np.inf
    while True:
        forward(parent, T_parent_link, axis, trial, rotation, origin_m)
        place_points(site_link, site_m, rotation, origin_m, point_m)
        cost_there = tasks_cost(point_m, tasks, target, weight, huber_m, error_m)
        for i in range(m):
            cost_there += rest[i] * (trial[i] - q_rest[i]) ** 2 + hold * (trial[i] - q_start[i]) ** 2
        if cost_there < cost:
            cost, damping = cost_there, max(0.2 * damping, LEAST_DAMPING)
            for i in range(m):
                q[i] = trial[i]
            for t in range(len(tasks)):
                residual_m[t] = error_m[t]
            if tried >= iterations or (exact and longest < min(LAST_STEP_RAD, 0.1 * before)):
                return tried
            pull_back(q, q_rest, q_start, rest, hold, H, S, g)
            add_tasks(axis, moves, rotation, origin_m, point_m, tasks, target, weight, huber_m, H, S, g)
        else:
            damping *= 10.0
        if tried >= iterations or damping > MOST_DAMPING or not cost < np.inf:
            return tried
        for i in range(m):
            low[i], high[i] = box[0, i] - q[i], box[1, i] - q[i]
        lock_bounds(g, low, high, locked)
        exact = damp(H, S, 1.0, damping, locked, A, L) and plain_step(A, L, g, low, high, locked, step)
        if not exact:
            definite = damp(H, S, 0.0, damping, locked, A, L)
            if not (definite and plain_step(A, L, g, low, high, locked, step)):
                solve_box(A, -g, low, high, step, locked)
        before, longest = longest, 0.0
        for i in range(m):
            trial[i] = min(max(q[i] + step[i], box[0, i]), box[1, i])  # against rounding
            longest = max(longest, abs(step[i]))
        if longest < STEP_RAD:
            return tried
        tried += 1


@njit
def unpack_integers(integers: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Views: parents (m,), links of the sites (sites,), tasks (tasks, 3), which link moves which site (sites, m)."""
    m, sites, tasks = integers[:3]
    first = 3 + m + sites
    last = first + 3 * tasks
    return (
        integers[3 : 3 + m],
        integers[3 + m : first],
        integers[first:last].reshape(tasks, 3),
        integers[last : last + sites * m].reshape(sites, m),
    )


@njit
def unpack_numbers(numbers: Array, m: int, sites: int) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Views: T_parent_link (m, 4, 4), axis (m, 3), sites' places (sites, 3), limits (2, m), rest pose and pull (m,)."""
    axes = 1 + 16 * m
    points = axes + 3 * m
    limits = points + 3 * sites
    return (
        numbers[1:axes].reshape(m, 4, 4),
        numbers[axes:points].reshape(m, 3),
        numbers[points:limits].reshape(sites, 3),
        numbers[limits : limits + 2 * m].reshape(2, m),
        numbers[limits + 2 * m : limits + 3 * m],
        numbers[limits + 3 * m : limits + 4 * m],
    )


@njit
def enclose(q: Array, limits: Array, reach: Array, box: Array) -> None:
    """Bring ``q`` inside the limits, and write where each joint may go into ``box`` (2, m)."""
    for i in range(len(q)):
        # Written so that a NaN ends inside as well.
        q[i] = q[i] if q[i] > limits[0, i] else limits[0, i]
        q[i] = q[i] if q[i] < limits[1, i] else limits[1, i]
        box[0, i] = max(limits[0, i], q[i] - reach[i])
        box[1, i] = min(limits[1, i], q[i] + reach[i])


@njit
def pull_back(q: Array, q_rest: Array, q_start: Array, rest: Array, hold: float, H: Array, S: Array, g: Array) -> None:
    """Hessian and gradient of the pulls to ``q_rest`` and ``q_start``, with which ``H``, ``S`` and ``g`` begin."""
    for i in range(len(q)):
        for j in range(i + 1):
            H[i, j] = S[i, j] = 0.0
        H[i, i] = 2.0 * (rest[i] + hold)
        g[i] = 2.0 * rest[i] * (q[i] - q_rest[i]) + 2.0 * hold * (q[i] - q_start[i])
