"""Joint angles at which the vectors between a hand's sites are as wanted, inside limits: compiled, always bounded.

Levenberg-Marquardt, every step checked against the cost. Limits are part of each step (a box-constrained quadratic
problem), because clipping an unlimited step would not let the other joints make up for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..robots.tree import Tree
from ..types import Array
from .box_qp import solve_box
from .chain import forward
from .vector_tasks import DISTANCE, VECTOR, Ints, add_tasks, place_points, tasks_cost

FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-4, 1e-9, 1e6
STEP_RAD = 1e-5
"""A smaller step is not taken: with the same input, a solution stays the same to the last bit."""


class HandSolver:
    """Minimises, over joint angles q inside their limits,

        sum_t weight_t huber(error_t) + rest |q - q_rest|^2 + hold |q - q_start|^2

    with the errors of ``vector_tasks``; huber(e) is e^2 / (2 huber_m), beyond ``huber_m`` |e| - huber_m / 2 (the loss
    of ``dex-retargeting``). One instance per user.

    Args:
        tree: joints and sites; coordinates are those of its root.
        vectors, distances: tasks as pairs (start, end) of rows of ``tree.sites``; -1 is the root.
        q_min_rad, q_max_rad: limits (m,) of the tree's joints.
        huber_m: error beyond which a task pulls with constant strength.
        rest: strength of the pull to ``q_rest_rad`` (m,; the middle of the limits when None), per rad^2.
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
        self._tasks: Ints = np.array(kinds, dtype=np.int64).reshape(-1, 3)
        self._tree = tree
        self._site_m = np.ascontiguousarray(tree.T_link_site[:, :3, 3])
        self._moves = tree.moves
        self._limits = np.array([q_min_rad, q_max_rad])
        self._rest_rad = 0.5 * (q_min_rad + q_max_rad) if q_rest_rad is None else q_rest_rad
        self._anywhere: Array = np.full(len(q_min_rad), np.inf)
        self._huber_m, self._rest = huber_m, rest
        self.residual_m: Array = np.zeros(len(kinds))
        """Error of every task at the last solution, without sign, vectors first."""

    def solve(
        self, q_rad: Array, target: Array, hold: float = 0.0, reach_rad: Array | None = None, iterations: int = 20
    ) -> int:
        """Improve ``q_rad`` (m,) in place, starting there; return the number of steps tried.

        Args:
            q_rad: moved inside the limits first, whatever it holds.
            target: (tasks, 4): vector in metres (a distance is x alone), then weight >= 0. Where one is not finite,
                nothing else happens.
            hold: strength, per rad^2, of the pull to where ``q_rad`` starts.
            reach_rad: how far (m,) each joint may go from there (None: to its limits).
            iterations: the most steps that are tried; after any number the cost is not above that of the start.
        """
        tree, reach_rad = self._tree, self._anywhere if reach_rad is None else reach_rad
        tried: int = search(
            tree.parent, tree.T_parent_link, tree.axis, tree.site_link, self._site_m, self._moves, self._tasks, target,
            self._limits, reach_rad, self._rest_rad, self._huber_m, self._rest, hold, iterations, q_rad,
            self.residual_m,
        )  # fmt: skip
        return tried


@njit(cache=True, error_model="numpy")
def search(
    parent: Ints, T_parent_link: Array, axis: Array, site_link: Ints, site_m: Array, moves: NDArray[np.bool_],
    tasks: Ints, target: Array, limits: Array, reach: Array, q_rest: Array, huber_m: float, rest: float, hold: float,
    iterations: int, q: Array, residual_m: Array,
) -> int:  # fmt: skip
    """``HandSolver.solve`` on plain arrays: ``q`` (m,) and ``residual_m`` (tasks,) are written."""
    m = len(q)
    rotation, origin_m, point_m = np.empty((m, 3, 3)), np.empty((m, 3)), np.empty((len(site_link), 3))
    H, S, A, L = np.empty((m, m)), np.empty((m, m)), np.empty((m, m)), np.empty((m, m))
    g, box, error_m = np.empty(m), np.empty((2, m)), np.empty(len(tasks))
    enclose(q, limits, reach, box)
    q_start, trial = q.copy(), q.copy()
    damping, cost, tried = FIRST_DAMPING, np.inf, 0
    while True:
        forward(parent, T_parent_link, axis, trial, rotation, origin_m)
        place_points(site_link, site_m, rotation, origin_m, point_m)
        cost_there = tasks_cost(point_m, tasks, target, huber_m, error_m)
        for i in range(m):
            cost_there += rest * (trial[i] - q_rest[i]) ** 2 + hold * (trial[i] - q_start[i]) ** 2
        if cost_there < cost:
            cost, damping = cost_there, max(0.2 * damping, LEAST_DAMPING)
            q[:], residual_m[:] = trial, error_m
            pull_back(q, q_rest, q_start, rest, hold, H, S, g)
            add_tasks(axis, moves, rotation, origin_m, point_m, tasks, target, huber_m, H, S, g)
        else:
            damping *= 10.0
        if tried >= iterations or damping > MOST_DAMPING or not cost < np.inf:
            return tried
        if not damp(H, S, 1.0, damping, A, L):
            damp(H, S, 0.0, damping, A, L)
        step, _stopped = solve_box(A, -g, box[0] - q, box[1] - q)
        if np.max(np.abs(step)) < STEP_RAD:
            return tried
        for i in range(m):
            trial[i] = min(max(q[i] + step[i], box[0, i]), box[1, i])  # against rounding
        tried += 1


@njit(cache=True, error_model="numpy")
def enclose(q: Array, limits: Array, reach: Array, box: Array) -> None:
    """Bring ``q`` inside the limits, and write where each joint may go into ``box`` (2, m)."""
    for i in range(len(q)):
        # Written so that a NaN ends inside as well.
        q[i] = q[i] if q[i] > limits[0, i] else limits[0, i]
        q[i] = q[i] if q[i] < limits[1, i] else limits[1, i]
        box[0, i] = max(limits[0, i], q[i] - reach[i])
        box[1, i] = min(limits[1, i], q[i] + reach[i])


@njit(cache=True, error_model="numpy")
def pull_back(q: Array, q_rest: Array, q_start: Array, rest: float, hold: float, H: Array, S: Array, g: Array) -> None:
    """Hessian and gradient of the pulls to ``q_rest`` and ``q_start``, with which ``H``, ``S`` and ``g`` begin."""
    H[:], S[:] = 0.0, 0.0
    for i in range(len(q)):
        H[i, i] = 2.0 * (rest + hold)
        g[i] = 2.0 * rest * (q[i] - q_rest[i]) + 2.0 * hold * (q[i] - q_start[i])


@njit(cache=True, error_model="numpy")
def damp(H: Array, S: Array, share: float, damping: float, A: Array, L: Array) -> bool:
    """Write H + share S, damped, into ``A`` (m, m); whether it is safely positive definite (``L`` is overwritten).

    With S it is the true Hessian: near a solution it takes 2 or 3 steps where H alone takes 20, but far from one it may
    have directions of no use.
    """
    for i in range(len(A)):
        for j in range(i + 1):
            A[i, j] = A[j, i] = H[i, j] + share * S[i, j]
        A[i, i] += damping * H[i, i] + 1e-12
    for i in range(len(A)):
        for j in range(i + 1):
            s = A[i, j]
            for k in range(j):
                s -= L[i, k] * L[j, k]
            if j < i:
                L[i, j] = s / L[j, j]
            elif s > 1e-3 * H[i, i] > 0.0:
                L[i, i] = np.sqrt(s)
            else:
                return False
    return True
