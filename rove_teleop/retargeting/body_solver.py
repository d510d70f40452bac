"""One tick of the body's inverse kinematics, compiled: damped Gauss-Newton steps inside a box, none goes uphill.

A tick minimises the squared errors of all goals and a resistance to leaving where the joints are, which grows with the
errors. The resistance keeps a stretched arm calm: there, the angles that are best without it jump. What holds a joint
back also draws it to the posture: its resting point is a little nearer to that than where it is.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..types import Array
from .body_contacts import add_contacts, is_tree, place_contacts, too_close
from .body_goals import goal_errors, goal_rows, worst_errors
from .body_links import place_links, place_sites
from .body_problem import Problem, Work, unpack_problem, unpack_work
from .box_qp import solve_tree

Ints = NDArray[np.int64]

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
    integers: Ints, numbers: Array, wanted: int, dt_s: float, iterations: int, q_rad: Array
) -> tuple[float, float, float, int]:
    """Move ``q_rad`` (n,) towards the goals inside all limits; it and the work's ``stopped`` (m,) are written.

    Args:
        integers, numbers: a problem as ``pack`` made it, with the goals T_base_site of this tick in its work. Of a
            swivel's only the position is used. Those that are not finite are no goals.
        wanted: bit k says that there is a goal for site k.

    Returns:
        Worst position error in metres, worst orientation error in radians, smallest gap of a pair of capsules in
        metres, number of joints that a bound stopped; NaN when ``q_rad`` is not finite.
    """
    problem, work = unpack_problem(integers, numbers), unpack_work(integers, numbers)
    total = 0.0  # infinite or NaN when any number is
    for i in range(len(q_rad)):
        total += abs(q_rad[i])
        q_rad[i] = min(max(q_rad[i], problem.limits[i, 0]), problem.limits[i, 1])
    if not total < np.inf:
        return np.nan, np.nan, np.nan, 0
    m, q, low, high = len(problem.joints), work.vector[0], work.vector[1], work.vector[2]
    for i in range(m):
        q[i] = q_rad[problem.joints[i]]
        work.stopped[i] = 0
    _find_goals(problem.swivel, problem.serves, work.goals, wanted, work.there, work.active)
    _enclose(problem.limits, problem.joints, work.active, q, dt_s, low, high)
    worst_m, worst_rad = _descend(problem, work, dt_s, iterations, q, low, high)
    smallest_m, count = np.inf, 0
    for k in range(len(work.gap_m)):
        smallest_m = min(smallest_m, work.gap_m[k])
    for i in range(m):
        q_rad[problem.joints[i]] = q[i]
        work.stopped[i] &= work.active[i]
        count += work.stopped[i]
    return worst_m, worst_rad, smallest_m, count


@njit
def _find_goals(swivel: Ints, serves: Ints, goals: Array, wanted: int, there: Ints, active: Ints) -> None:
    """Which goals count (s,), and which links may move now (m,).

    A goal that is not finite does not count, nor does a swivel without its wrist's.
    """
    for k in range(len(there)):
        there[k] = 0
        if wanted >> k & 1:
            total = 0.0
            for a in range(3):
                for b in range(4):
                    total += abs(goals[k, a, b])
            there[k] = total < np.inf
    active[:] = 0
    for k in range(len(there)):
        if swivel[k, 1] >= 0:
            there[k] &= there[swivel[k, 1]]
        if there[k]:
            for i in range(len(active)):
                active[i] |= serves[k, i]


@njit
def _enclose(limits: Array, joints: Ints, active: Ints, q: Array, dt_s: float, low: Array, high: Array) -> None:
    """Lowest and highest angles (m,) at the end of the tick, by speed and by the approach to the position limits."""
    share = dt_s / (APPROACH_S + dt_s)
    for i in range(len(q)):
        low[i] = high[i] = q[i]
        if active[i]:
            bottom, top, reach = limits[joints[i], 0], limits[joints[i], 1], limits[joints[i], 2] * dt_s
            low[i] -= min(reach, share * (q[i] - bottom))
            high[i] += min(reach, share * (top - q[i]))


@njit
def _descend(
    problem: Problem, work: Work, dt_s: float, iterations: int, q: Array, low: Array, high: Array
) -> tuple[float, float]:
    """Take at most ``iterations`` steps from ``q`` (m,), which is written, as is which joints a bound stopped."""
    m, swivel, weight, goals, there = len(q), problem.swivel, problem.weight, work.goals, work.there
    frame, site, error, J, H, gap_m, floor_m = (
        work.frame, work.site, work.error, work.J, work.H, work.gap_m, work.floor_m,
    )  # fmt: skip
    rest, resistance, tried, g, x = work.vector[3], work.vector[4], work.vector[5], work.vector[6], work.vector[7]
    down, up, spare = work.vector[8], work.vector[9], work.vector[10]
    for i in range(m):
        tried[i] = q[i]
        rest[i] = q[i] + dt_s / (POSTURE_S + dt_s) * (problem.posture[i] - q[i])
    cost, before, contact, worst = np.inf, 0.0, 0.0, (0.0, 0.0)
    for taken in range(iterations + 1):
        place_links(problem.parent, problem.T_parent_link, tried, frame)
        place_sites(problem.site_link, problem.T_link_site, frame, site)
        new_cost = goal_errors(swivel, weight, goals, there, frame, site, error)
        if len(gap_m):
            place_contacts(problem.capsule_link, problem.capsule, problem.pairs, frame, work.ends_m, gap_m, work.touch)
            if taken == 0:
                _set_floors(problem.margin_m, gap_m, dt_s, floor_m)
            before, contact = contact, too_close(gap_m, floor_m)
        if taken == 0:
            _resist(problem.serves, swivel, weight, problem.damping, there, error, dt_s, resistance)
        for i in range(m):
            new_cost += resistance[i] * (rest[i] - tried[i]) ** 2
        if not new_cost <= cost and before + contact == 0.0:  # uphill, and not pushed there
            for i in range(m):
                tried[i] = q[i] + SHORTER * (tried[i] - q[i])
            continue
        cost, worst = new_cost, worst_errors(swivel, weight, there, error)
        for i in range(m):
            q[i] = tried[i]
        if taken == iterations:
            break
        crossed = 0 if contact == 0.0 or is_tree(problem.capsule_moves, problem.pairs, gap_m, floor_m) else 1
        depth, above = work.depth[crossed], work.above[crossed]
        goal_rows(depth, above, problem.site_link, problem.serves, swivel, weight, goals, there, frame, site, J)
        for i in range(m):
            for d in range(depth[i]):
                H[i, d] = 0.0
            H[i, depth[i]] = resistance[i]
            g[i] = resistance[i] * (rest[i] - q[i])
            down[i], up[i] = low[i] - q[i], high[i] - q[i]
        _add_goals(depth, above, problem.site_link, problem.serves, swivel, weight, there, error, J, H, g)
        if contact > 0.0:
            add_contacts(
                depth, above, problem.capsule_moves, problem.pairs, frame, gap_m, floor_m, work.touch, spare, H, g
            )
        solve_tree(depth, above, H, g, down, up, x, work.stopped, work.L, tried, spare)
        farthest = 0.0
        for i in range(m):
            farthest = max(farthest, abs(x[i]))
            tried[i] = min(max(q[i] + x[i], low[i]), high[i])
        if not farthest > SETTLED_RAD:
            break
    return worst


@njit
def _set_floors(margin_m: Array, gap_m: Array, dt_s: float, floor_m: Array) -> None:
    """How close pairs (p,) may be at the end of the tick: limbs come to their margins slowly."""
    for k in range(len(margin_m)):
        floor_m[k] = margin_m[k] + APPROACH_S / (APPROACH_S + dt_s) * max(gap_m[k] - margin_m[k], 0.0)


@njit
def _resist(
    serves: Ints, swivel: Ints, weight: Array, damping: Array, there: Ints, error: Array, dt_s: float, resistance: Array
) -> None:
    """Resistance of each joint (m,) to any movement in this tick: more with the errors of the goals that it serves."""
    for i in range(len(resistance)):
        resistance[i] = damping[i, 0]
    for k in range(len(there)):
        if not there[k] or swivel[k, 1] >= 0:
            continue
        linear = error[k, 0] ** 2 + error[k, 1] ** 2 + error[k, 2] ** 2
        squared = min(linear, (weight[k, 0] * MAX_ERROR_M) ** 2)
        squared += error[k, 3] ** 2 + error[k, 4] ** 2 + error[k, 5] ** 2
        error_m = squared / (sqrt(squared) + ORDINARY_M_S * dt_s)
        for i in range(len(resistance)):
            if serves[k, i]:
                resistance[i] += damping[i, 1] * error_m


@njit
def _add_goals(
    depth: Ints,
    above: Ints,
    site_link: Ints,
    serves: Ints,
    swivel: Ints,
    weight: Array,
    there: Ints,
    error: Array,
    J: Array,
    H: Array,
    g: Array,
) -> None:
    """Add the goals of one linearised step to H (m, m) and g (m,)."""
    for k in range(len(there)):
        if not there[k] or site_link[k] < 0:
            continue
        far = sqrt(error[k, 0] ** 2 + error[k, 1] ** 2 + error[k, 2] ** 2)
        near = min(1.0, weight[k, 0] * MAX_ERROR_M / max(far, 1e-12))
        e0, e1, e2, e3, e4, e5 = (
            near * error[k, 0], near * error[k, 1], near * error[k, 2], error[k, 3], error[k, 4], error[k, 5],
        )  # fmt: skip
        for d in range(depth[site_link[k]] + 1):
            i = above[site_link[k], d]
            if not serves[k, i]:
                continue
            if swivel[k, 1] >= 0:
                g[i] += J[k, 0, d] * near * error[k, 0]
                for e in range(d + 1):
                    H[i, e] += J[k, 0, d] * J[k, 0, e]
                continue
            a, b, c, u, v, w = J[k, 0, d], J[k, 1, d], J[k, 2, d], J[k, 3, d], J[k, 4, d], J[k, 5, d]
            g[i] += a * e0 + b * e1 + c * e2 + u * e3 + v * e4 + w * e5
            for e in range(d + 1):
                H[i, e] += (
                    a * J[k, 0, e] + b * J[k, 1, e] + c * J[k, 2, e] + u * J[k, 3, e] + v * J[k, 4, e] + w * J[k, 5, e]
                )
