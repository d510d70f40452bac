"""One tick of the body's inverse kinematics, compiled: damped Gauss-Newton steps inside a box, none goes uphill.

A tick minimises the squared errors of all goals, the pull to the posture, and a resistance to moving that grows with
the errors. The resistance is what keeps a stretched arm calm: there, the angles that are best without it jump.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..types import Array
from .body_contacts import add_contacts, place_contacts
from .body_goals import goal_errors, goal_rows, worst_errors
from .body_problem import Pose, Problem, empty_pose, place
from .box_qp import solve_box

MAX_ERROR_M = 0.2
"""A step never asks for more than this at once: far goals are approached in a straight line."""
ORDINARY_M_S = 1.0
"""Errors that a goal moving this fast leaves in one tick are ordinary: below them the resistance fades."""
APPROACH_S = 0.05
"""Time constant with which a joint may come to its limit, so that it does not stop there at once."""
SETTLED_RAD = 1e-7
"""Smaller steps are not taken, so that a still goal gives exactly still joints."""
HARDER = 8.0
"""Factor on the resistance after a step that would have made things worse."""


@njit(cache=True, error_model="numpy")
def solve_tick(
    parent: NDArray[np.int64],
    T_parent_link: Array,
    axis: Array,
    site_link: NDArray[np.int64],
    T_link_site: Array,
    joints: NDArray[np.int64],
    limits: Array,
    serves: NDArray[np.bool_],
    swivel: NDArray[np.int64],
    weight: Array,
    damping: Array,
    posture: Array,
    capsule_link: NDArray[np.int64],
    capsule: Array,
    capsule_moves: NDArray[np.bool_],
    pairs: NDArray[np.int64],
    margin_m: Array,
    goals: Array,
    wanted: NDArray[np.bool_],
    dt_s: float,
    iterations: int,
    q_rad: Array,
    clamped: NDArray[np.bool_],
) -> tuple[float, float, float]:
    """Move ``q_rad`` (n,) towards the goals inside all limits; it, ``clamped`` (n,) and ``wanted`` (s,) are written.

    Args: those of ``Problem`` one by one (a tuple costs microseconds to hand over); ``goals`` (s, 4, 4), of which a
    swivel uses the position only; ``wanted`` (s,), which goals there are: those that are not finite are struck off.

    Returns:
        Worst position error in metres, worst orientation error in radians, smallest gap of a pair of capsules in
        metres; NaN when ``q_rad`` is not finite.
    """
    problem = Problem(
        parent,
        T_parent_link,
        axis,
        site_link,
        T_link_site,
        joints,
        limits,
        serves,
        swivel,
        weight,
        damping,
        posture,
        capsule_link,
        capsule,
        capsule_moves,
        pairs,
        margin_m,
    )
    if not np.all(np.isfinite(q_rad)):
        return np.nan, np.nan, np.nan
    for i in range(len(q_rad)):
        q_rad[i] = min(max(q_rad[i], limits[i, 0]), limits[i, 1])
    q = q_rad[joints]
    active = _active(problem, goals, wanted)
    low, high = _box(problem, active, q, dt_s)
    pose = empty_pose(problem)
    stopped = _descend(problem, goals, wanted, low, high, dt_s, iterations, q, pose)
    for i in range(len(joints)):
        q_rad[joints[i]] = q[i]
        clamped[joints[i]] = stopped[i] and active[i]
    worst_m, worst_rad = worst_errors(problem, wanted, pose)
    return worst_m, worst_rad, np.min(pose.gap_m) if len(pairs) else np.inf


@njit(cache=True, error_model="numpy")
def _active(problem: Problem, goals: Array, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Links that may move now (m,). A goal that is not finite is no goal, nor is a swivel without its wrist's."""
    for k in range(len(wanted)):
        wanted[k] = wanted[k] and np.all(np.isfinite(goals[k]))
    active = np.zeros(len(problem.parent), dtype=np.bool_)
    for k in range(len(wanted)):
        if problem.swivel[k, 1] >= 0:
            wanted[k] = wanted[k] and wanted[problem.swivel[k, 1]]
        if wanted[k]:
            for i in range(len(active)):
                active[i] |= problem.serves[k, i]
    return active


@njit(cache=True, error_model="numpy")
def _box(problem: Problem, active: NDArray[np.bool_], q: Array, dt_s: float) -> tuple[Array, Array]:
    """Lowest and highest angles (m,) at the end of the tick, by speed and by the approach to the position limits."""
    low, high = q.copy(), q.copy()
    share = 1.0 - np.exp(-dt_s / APPROACH_S)
    for i in range(len(q)):
        if active[i]:
            bottom, top, speed = problem.limits[problem.joints[i]]
            low[i] -= min(speed * dt_s, share * (q[i] - bottom))
            high[i] += min(speed * dt_s, share * (top - q[i]))
    return low, high


@njit(cache=True, error_model="numpy")
def _descend(
    problem: Problem,
    goals: Array,
    wanted: NDArray[np.bool_],
    low: Array,
    high: Array,
    dt_s: float,
    iterations: int,
    q: Array,
    pose: Pose,
) -> NDArray[np.bool_]:
    """Take ``iterations`` steps from ``q`` (m,), which is written; returns the joints that a bound stopped (m,)."""
    m = len(q)
    H, g, J = np.empty((m, m)), np.empty(m), np.empty((len(wanted), 6, m))
    start, tried, stopped = q.copy(), np.empty(m), np.zeros(m, dtype=np.bool_)
    place(problem, q, pose)
    cost = goal_errors(problem, goals, wanted, pose) + place_contacts(problem, pose) + _pull(problem, q)
    resistance, harder = _resistance(problem, wanted, pose, dt_s), 0.0
    for _ in range(iterations):
        goal_rows(problem, goals, wanted, pose, J)
        _normal_equations(problem, wanted, pose, J, resistance, harder, start, q, H, g)
        step, stopped = solve_box(H, g, low - q, high - q)
        if not np.max(np.abs(step)) > SETTLED_RAD:
            break
        new_cost = 0.0
        for i in range(m):
            tried[i] = min(max(q[i] + step[i], low[i]), high[i])
            new_cost += resistance[i] * (tried[i] - start[i]) ** 2
        place(problem, tried, pose)
        new_cost += goal_errors(problem, goals, wanted, pose) + place_contacts(problem, pose) + _pull(problem, tried)
        if new_cost <= cost:
            q[:] = tried
            cost, harder = new_cost, 0.0
        else:  # uphill: once more from where it was, with more resistance
            harder = HARDER * max(harder, 1.0)
            place(problem, q, pose)
            goal_errors(problem, goals, wanted, pose)
            place_contacts(problem, pose)
    return stopped


@njit(cache=True, error_model="numpy")
def _pull(problem: Problem, q: Array) -> float:
    total = 0.0
    for i in range(len(q)):
        total += problem.posture[i, 1] * (problem.posture[i, 0] - q[i]) ** 2
    return total


@njit(cache=True, error_model="numpy")
def _resistance(problem: Problem, wanted: NDArray[np.bool_], pose: Pose, dt_s: float) -> Array:
    """Resistance of each joint (m,) to any movement in this tick: more with the errors of the goals that it serves."""
    resistance = problem.damping[:, 0].copy()
    for k in range(len(wanted)):
        if not wanted[k] or problem.swivel[k, 1] >= 0:
            continue
        error = pose.errors[k]
        linear = min(error[0] ** 2 + error[1] ** 2 + error[2] ** 2, (problem.weight[k, 0] * MAX_ERROR_M) ** 2)
        squared = linear + error[3] ** 2 + error[4] ** 2 + error[5] ** 2
        error_m = squared / (np.sqrt(squared) + ORDINARY_M_S * dt_s)
        for i in range(len(resistance)):
            if problem.serves[k, i]:
                resistance[i] += problem.damping[i, 1] * error_m
    return resistance


@njit(cache=True, error_model="numpy")
def _normal_equations(
    problem: Problem,
    wanted: NDArray[np.bool_],
    pose: Pose,
    J: Array,
    resistance: Array,
    harder: float,
    start: Array,
    q: Array,
    H: Array,
    g: Array,
) -> None:
    """H (m, m) and g (m,) of one linearised step."""
    H[:] = 0.0
    for i in range(len(q)):
        H[i, i] = (1.0 + harder) * resistance[i] + problem.posture[i, 1]
        g[i] = problem.posture[i, 1] * (problem.posture[i, 0] - q[i]) + resistance[i] * (start[i] - q[i])
    for k in range(len(wanted)):
        if wanted[k]:
            _add_goal(problem, k, pose.errors[k], J[k], H, g)
    if len(problem.pairs):
        add_contacts(problem, pose, H, g)
    for i in range(len(q)):
        for j in range(i):
            H[j, i] = H[i, j]


@njit(cache=True, error_model="numpy")
def _add_goal(problem: Problem, k: int, errors: Array, J: Array, H: Array, g: Array) -> None:
    rows = 1 if problem.swivel[k, 1] >= 0 else 6
    far = np.sqrt(errors[0] ** 2 + errors[1] ** 2 + errors[2] ** 2)
    near = min(1.0, problem.weight[k, 0] * MAX_ERROR_M / max(far, 1e-12))
    for i in range(len(g)):
        if not problem.serves[k, i]:
            continue
        for a in range(rows):
            g[i] += J[a, i] * errors[a] * (near if a < 3 else 1.0)
        for j in range(i + 1):
            total = 0.0
            for a in range(rows):
                total += J[a, i] * J[a, j]
            H[i, j] += total
