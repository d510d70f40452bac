"""One tick of the body's inverse kinematics, compiled: damped Gauss-Newton steps inside a box, none goes uphill.

A tick minimises the squared errors of all goals and a resistance to leaving where the joints are, which grows with the
errors. The resistance keeps a stretched arm calm: there, the angles that are best without it jump. What holds a joint
back also draws it to the posture: its resting point is a little nearer to that than where it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..types import Array
from .body_contacts import add_contacts, place_contacts
from .body_goals import goal_errors, goal_rows, worst_errors
from .body_problem import Problem, empty_pose, unpack
from .box_qp import solve_box
from .chain import forward, place_sites

MAX_ERROR_M = 0.2
"""A step never asks for more than this at once: far goals are approached in a straight line."""
ORDINARY_M_S = 1.0
"""Errors that a goal moving this fast leaves in one tick are ordinary: below them the resistance fades."""
POSTURE_S = 1.0
"""Time constant with which joints that no goal needs go to the posture."""
APPROACH_S = 0.05
"""Time constant with which joints may come to their limits and limbs to their margins: neither stops at once."""
SETTLED_RAD = 1e-7
"""Smaller steps are not taken, so that a still goal gives exactly still joints."""
SHORTER = 0.25
"""Share of a step that is tried where the whole would have made things worse."""


@njit
def solve_tick(
    sizes: tuple[int, int, int, int, int],
    numbers: Array,
    indices: NDArray[np.int64],
    goals: Array,
    wanted: int,
    dt_s: float,
    iterations: int,
    q_rad: Array,
    clamped: NDArray[np.bool_],
) -> tuple[float, float, float]:
    """Move ``q_rad`` (n,) towards the goals inside all limits; it and ``clamped`` (n,) are written.

    Args:
        sizes, numbers, indices: a problem as ``pack`` made it.
        goals: (s, 4, 4), T_base_site; of a swivel's only the position is used. Those that are not finite are no goals.
        wanted: bit k says that there is a goal for site k.

    Returns:
        Worst position error in metres, worst orientation error in radians, smallest gap of a pair of capsules in
        metres; NaN when ``q_rad`` is not finite.
    """
    problem = unpack(sizes, numbers, indices)
    for i in range(len(q_rad)):
        if not np.isfinite(q_rad[i]):
            return np.nan, np.nan, np.nan
        q_rad[i] = min(max(q_rad[i], problem.limits[i, 0]), problem.limits[i, 1])
    m = len(problem.joints)
    q, stopped = np.empty(m), np.zeros(m, dtype=np.bool_)
    for i in range(m):
        q[i] = q_rad[problem.joints[i]]
    there = _goals_there(problem.swivel, goals, wanted)
    active = _active(problem.serves, there)
    low, high = _box(problem.limits, problem.joints, active, q, dt_s)
    result = _descend(problem, goals, there, low, high, dt_s, iterations, q, stopped)
    for i in range(m):
        q_rad[problem.joints[i]] = q[i]
        clamped[problem.joints[i]] = stopped[i] and active[i]
    return result


@njit
def _goals_there(swivel: NDArray[np.int64], goals: Array, wanted: int) -> NDArray[np.bool_]:
    """Which goals count (s,). One that is not finite does not, nor does a swivel without its wrist's."""
    there = np.zeros(len(goals), dtype=np.bool_)
    for k in range(len(goals)):
        if wanted >> k & 1:
            total = 0.0  # infinite or NaN when any number is
            for a in range(3):
                for b in range(4):
                    total += abs(goals[k, a, b])
            there[k] = np.isfinite(total)
    for k in range(len(goals)):
        if swivel[k, 1] >= 0:
            there[k] &= there[swivel[k, 1]]
    return there


@njit
def _active(serves: NDArray[np.int64], wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Links that may move now (m,)."""
    active = np.zeros(serves.shape[1], dtype=np.bool_)
    for k in range(len(wanted)):
        if wanted[k]:
            for i in range(len(active)):
                active[i] |= serves[k, i] != 0
    return active


@njit
def _box(
    limits: Array, joints: NDArray[np.int64], active: NDArray[np.bool_], q: Array, dt_s: float
) -> tuple[Array, Array]:
    """Lowest and highest angles (m,) at the end of the tick, by speed and by the approach to the position limits."""
    low, high = q.copy(), q.copy()
    share = dt_s / (APPROACH_S + dt_s)
    for i in range(len(q)):
        if active[i]:
            bottom, top, speed = limits[joints[i], 0], limits[joints[i], 1], limits[joints[i], 2]
            low[i] -= min(speed * dt_s, share * (q[i] - bottom))
            high[i] += min(speed * dt_s, share * (top - q[i]))
    return low, high


@njit
def _descend(
    problem: Problem,
    goals: Array,
    wanted: NDArray[np.bool_],
    low: Array,
    high: Array,
    dt_s: float,
    iterations: int,
    q: Array,
    stopped: NDArray[np.bool_],
) -> tuple[float, float, float]:
    """Take at most ``iterations`` steps from ``q`` (m,), which is written, as is which joints a bound stopped (m,)."""
    m = len(q)
    pose = empty_pose(m, len(wanted), len(problem.capsule), len(problem.pairs))
    tried, swivel, weight, floor_m = q.copy(), problem.swivel, problem.weight, problem.margin_m.copy()
    H, g, J, x = np.empty((m, m)), np.empty(m), np.empty((len(wanted), 6, m)), np.empty(m)
    rest, down, up = np.empty(m), np.empty(m), np.empty(m)
    for i in range(m):
        rest[i] = q[i] + dt_s / (POSTURE_S + dt_s) * (problem.posture[i] - q[i])
    cost, resistance, result = np.inf, problem.posture, (0.0, 0.0, np.inf)
    before, contact = 0.0, 0.0
    for taken in range(iterations + 1):
        forward(problem.parent, problem.T_parent_link, problem.axis, tried, pose.rotation, pose.position_m)
        place_sites(problem.site_link, problem.T_link_site, pose.rotation, pose.position_m, pose.T)
        new_cost = goal_errors(swivel, weight, goals, wanted, pose.position_m, pose.T, pose.errors)
        if len(problem.pairs):
            before, contact = contact, place_contacts(problem, floor_m, pose)
        if taken == 0:
            for k in range(len(floor_m)):
                floor_m[k] += APPROACH_S / (APPROACH_S + dt_s) * max(pose.gap_m[k] - floor_m[k], 0.0)
            resistance = _resistance(problem.serves, swivel, weight, problem.damping, wanted, pose.errors, dt_s)
        new_cost += _held_back(resistance, rest, tried)
        if not new_cost <= cost and before + contact == 0.0:  # uphill, and not pushed there
            for i in range(m):
                tried[i] = q[i] + SHORTER * (tried[i] - q[i])
            continue
        cost, result = new_cost, worst_errors(swivel, weight, wanted, pose.errors, pose.gap_m)
        for i in range(m):
            q[i] = tried[i]
        if taken == iterations:
            break
        rotation, position_m = pose.rotation, pose.position_m
        goal_rows(problem.serves, problem.axis, swivel, weight, goals, wanted, rotation, position_m, pose.T, J)
        _normal_equations(problem.serves, swivel, weight, wanted, pose.errors, J, resistance, rest, q, H, g)
        if len(problem.pairs):
            add_contacts(problem, floor_m, pose, H, g)
        for i in range(m):
            down[i], up[i] = low[i] - q[i], high[i] - q[i]
        solve_box(H, g, down, up, x, stopped)
        farthest = 0.0
        for i in range(m):
            farthest = max(farthest, abs(x[i]))
            tried[i] = min(max(q[i] + x[i], low[i]), high[i])
        if not farthest > SETTLED_RAD:
            break
    return result


@njit
def _held_back(resistance: Array, rest: Array, q: Array) -> float:
    total = 0.0
    for i in range(len(q)):
        total += resistance[i] * (rest[i] - q[i]) ** 2
    return total


@njit
def _resistance(
    serves: NDArray[np.int64],
    swivel: NDArray[np.int64],
    weight: Array,
    damping: Array,
    wanted: NDArray[np.bool_],
    errors: Array,
    dt_s: float,
) -> Array:
    """Resistance of each joint (m,) to any movement in this tick: more with the errors of the goals that it serves."""
    resistance = damping[:, 0].copy()
    for k in range(len(wanted)):
        if not wanted[k] or swivel[k, 1] >= 0:
            continue
        error = errors[k]
        linear = min(error[0] ** 2 + error[1] ** 2 + error[2] ** 2, (weight[k, 0] * MAX_ERROR_M) ** 2)
        squared = linear + error[3] ** 2 + error[4] ** 2 + error[5] ** 2
        error_m = squared / (np.sqrt(squared) + ORDINARY_M_S * dt_s)
        for i in range(len(resistance)):
            if serves[k, i]:
                resistance[i] += damping[i, 1] * error_m
    return resistance


@njit
def _normal_equations(
    serves: NDArray[np.int64],
    swivel: NDArray[np.int64],
    weight: Array,
    wanted: NDArray[np.bool_],
    errors: Array,
    J: Array,
    resistance: Array,
    rest: Array,
    q: Array,
    H: Array,
    g: Array,
) -> None:
    """H (m, m), its lower half, and g (m,) of one linearised step."""
    for i in range(len(q)):
        for j in range(i):
            H[i, j] = 0.0
        H[i, i] = resistance[i]
        g[i] = resistance[i] * (rest[i] - q[i])
    for k in range(len(wanted)):
        if wanted[k]:
            _add_goal(serves[k], 1 if swivel[k, 1] >= 0 else 6, weight[k, 0], errors[k], J[k], H, g)


@njit
def _add_goal(serves: NDArray[np.int64], rows: int, weight: float, errors: Array, J: Array, H: Array, g: Array) -> None:
    far = np.sqrt(errors[0] ** 2 + errors[1] ** 2 + errors[2] ** 2)
    near = min(1.0, weight * MAX_ERROR_M / max(far, 1e-12))
    for i in range(len(g)):
        if not serves[i]:
            continue
        for a in range(rows):
            g[i] += J[a, i] * errors[a] * (near if a < 3 else 1.0)
        for j in range(i + 1):
            total = 0.0
            for a in range(rows):
                total += J[a, i] * J[a, j]
            H[i, j] += total
