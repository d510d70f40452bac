"""One tick of the body's inverse kinematics, compiled: damped Gauss-Newton steps inside a box, none goes uphill.

A tick minimises the squared errors of all goals and a resistance to leaving where the joints are, which grows with the
errors that a step leaves. The resistance keeps a stretched arm calm: there, the angles that are best without it jump.
What holds a joint back also draws it to the posture: its resting point is a little nearer to that than where it is.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from ..compiled import njit
from ..types import Array
from .body_contacts import add_contacts, is_tree, place_contacts, set_floors, too_close
from .body_goals import add_goals, find_goals, goal_errors, goal_rows, worst_errors
from .body_links import place_links, place_sites
from .body_problem import (
    ACTIVE,
    CAPSULE_LINK,
    CHAIN_DEPTH,
    DAMPING,
    DAMPING_PER_M,
    DEPTH,
    DOWN,
    ERROR,
    GAP,
    HIGH,
    JOINT,
    LOW,
    PARENT,
    POSTURE,
    Q_MAX,
    Q_MIN,
    Q_RAD,
    RESISTANCE,
    REST,
    SITE_LINK,
    SIZES,
    SPARE,
    STOPPED,
    THERE,
    TRIED,
    UP,
    V_MAX,
    WEIGHT,
    G,
    Indices,
    Ints,
    Q,
    Tables,
    X,
    cut_indices,
    cut_numbers,
)  # fmt: skip
from .box_qp import solve_tree

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
    indices: Ints, numbers: Array, wanted: int, dt_s: float, iterations: int
) -> tuple[float, float, float, int]:
    """Move the joints towards the goals inside all limits.

    Args:
        indices, numbers: a problem as ``pack`` made it, with goals T_base_site from column ``GOAL`` of the sites and
            the joints' angles in row ``Q_RAD``, which is written, as is ``STOPPED``. Of a swivel's goal only the
            position is used. Goals that are not finite are no goals.
        wanted: bit k says that there is a goal for site k.

    Returns:
        Worst position error in metres, worst orientation error in radians, smallest gap of a pair of capsules in
        metres, number of joints that a bound stopped; NaN when an angle is not finite.
    """
    tables, table = cut_numbers(indices[SIZES], numbers), cut_indices(indices)
    m, n, index, vector, joint = indices[SIZES, 0], indices[SIZES, 2], table.whole, tables.vector, tables.joint
    total = 0.0  # infinite or NaN when any number is
    for i in range(n):
        total += abs(joint[Q_RAD, i])
        joint[Q_RAD, i] = min(max(joint[Q_RAD, i], joint[Q_MIN, i]), joint[Q_MAX, i])
    if not total < np.inf:
        return np.nan, np.nan, np.nan, 0
    find_goals(m, wanted, table.serves, table.swivel, tables.site, index)
    _enclose(m, dt_s, index, joint, vector)
    worst_m, worst_rad = _descend(m, dt_s, iterations, tables, table)
    smallest_m, count = np.inf, 0
    for k in range(len(tables.pair)):
        smallest_m = min(smallest_m, tables.pair[k, GAP])
    for i in range(m):
        joint[Q_RAD, index[JOINT, i]] = vector[Q, i]
        index[STOPPED, i] &= index[ACTIVE, i]
        count += index[STOPPED, i]
    return worst_m, worst_rad, smallest_m, count


@njit
def _enclose(m: int, dt_s: float, index: Ints, joint: Array, vector: Array) -> None:
    """Angles at the start, and the lowest and highest at the end of the tick, by speed and by the approach to limits.

    A resting joint is drawn to its posture.
    """
    share, homewards = dt_s / (APPROACH_S + dt_s), dt_s / (POSTURE_S + dt_s)
    for i in range(m):
        j = index[JOINT, i]
        q = joint[Q_RAD, j]
        index[STOPPED, i] = 0
        vector[Q, i] = vector[TRIED, i] = vector[LOW, i] = vector[HIGH, i] = q
        vector[REST, i] = q + homewards * (vector[POSTURE, i] - q)
        if index[ACTIVE, i]:
            reach = joint[V_MAX, j] * dt_s
            vector[LOW, i] -= min(reach, share * (q - joint[Q_MIN, j]))
            vector[HIGH, i] += min(reach, share * (joint[Q_MAX, j] - q))


@njit
def _descend(m: int, dt_s: float, iterations: int, tables: Tables, table: Indices) -> tuple[float, float]:
    """Take at most ``iterations`` steps; the row ``Q`` is written, as is which joints a bound stopped."""
    index, vector, frame, site, J, H = table.whole, tables.vector, tables.frame, tables.site, tables.J, tables.H
    there, parent, site_link, serves, swivel = (
        index[THERE], index[PARENT], index[SITE_LINK], table.serves, table.swivel,
    )  # fmt: skip
    depth, above, g, pair, pairs = index[DEPTH], table.above, vector[G], tables.pair, table.pairs
    cost, before, contact, worst = np.inf, 0.0, 0.0, (0.0, 0.0)
    for taken in range(iterations + 1):
        place_links(m, parent, vector[TRIED], frame)
        place_sites(len(site), site_link, frame, site)
        new_cost = goal_errors(there, swivel, frame, site)
        if len(pair):
            place_contacts(index[CAPSULE_LINK], pairs, frame, tables.capsule, pair)
            if taken == 0:
                set_floors(APPROACH_S / (APPROACH_S + dt_s), pair)
            before, contact = contact, too_close(pair)
        if taken == 0:
            _resist(m, dt_s, there, serves, swivel, site, vector)
        if not new_cost + _held_back(m, vector) <= cost and before + contact == 0.0:  # uphill, and not pushed there
            for i in range(m):
                vector[TRIED, i] = vector[Q, i] + SHORTER * (vector[TRIED, i] - vector[Q, i])
            continue
        if taken > 0:  # what a step took away was in reach, and needs no more resistance
            _resist(m, dt_s, there, serves, swivel, site, vector)
        cost, worst = new_cost + _held_back(m, vector), worst_errors(there, swivel, site)
        for i in range(m):
            vector[Q, i] = vector[TRIED, i]
        if taken == iterations:
            break
        if contact > 0.0 and not is_tree(m, table.capsule_moves, pairs, pair):
            depth, above = index[CHAIN_DEPTH], table.chain
        goal_rows(there, depth, above, site_link, serves, swivel, frame, site, J)
        _begin_step(m, depth, vector, H)
        add_goals(there, depth, above, site_link, serves, swivel, site, J, MAX_ERROR_M, H, g)
        if contact > 0.0:
            add_contacts(m, depth, above, table.capsule_moves, pairs, frame, pair, vector[SPARE], H, g)
        solve_tree(
            m, depth, above, H, g, vector[DOWN], vector[UP], vector[X], index[STOPPED], tables.L, vector[TRIED],
            vector[SPARE],
        )  # fmt: skip
        if not _take_step(m, vector) > SETTLED_RAD:
            break
    return worst


@njit
def _held_back(m: int, vector: Array) -> float:
    """Cost of how far the joints are from where they rest."""
    total = 0.0
    for i in range(m):
        total += vector[RESISTANCE, i] * (vector[REST, i] - vector[TRIED, i]) ** 2
    return total


@njit
def _begin_step(m: int, depth: Ints, vector: Array, H: Array) -> None:
    """H and g of the resistance alone, and how far each joint may go."""
    for i in range(m):
        for d in range(depth[i]):
            H[i, d] = 0.0
        H[i, depth[i]] = vector[RESISTANCE, i]
        vector[G, i] = vector[RESISTANCE, i] * (vector[REST, i] - vector[Q, i])
        vector[DOWN, i], vector[UP, i] = vector[LOW, i] - vector[Q, i], vector[HIGH, i] - vector[Q, i]


@njit
def _take_step(m: int, vector: Array) -> float:
    """Angles after the step; returns how far the joint goes that goes farthest."""
    farthest = 0.0
    for i in range(m):
        farthest = max(farthest, abs(vector[X, i]))
        vector[TRIED, i] = min(max(vector[Q, i] + vector[X, i], vector[LOW, i]), vector[HIGH, i])
    return farthest


@njit
def _resist(m: int, dt_s: float, there: Ints, serves: Ints, swivel: Ints, site: Array, vector: Array) -> None:
    """Resistance of each joint to leaving where it rests: more with the errors of the goals that it serves."""
    for i in range(m):
        vector[RESISTANCE, i] = vector[DAMPING, i]
    for k in range(len(site)):
        if not there[k] or swivel[k, 1] >= 0:
            continue
        linear = site[k, ERROR] ** 2 + site[k, ERROR + 1] ** 2 + site[k, ERROR + 2] ** 2
        squared = min(linear, (site[k, WEIGHT] * MAX_ERROR_M) ** 2)
        squared += site[k, ERROR + 3] ** 2 + site[k, ERROR + 4] ** 2 + site[k, ERROR + 5] ** 2
        error_m = squared / (sqrt(squared) + ORDINARY_M_S * dt_s)
        for i in range(m):
            if serves[k, i]:
                vector[RESISTANCE, i] += vector[DAMPING_PER_M, i] * error_m
