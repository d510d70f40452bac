"""What the compiled body solver works on: one robot and its room for a tick, as two tables.

Both are cut by rows only. Code that unpacks dozens of arrays would be longer than the solver, and is what a control
loop waits for: after a pause, every line of code comes from memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..robots.tree import Tree
from ..types import Array

Ints = NDArray[np.int32]

# Rows of Tables.vector: one number per link. The first three are constant.
POSTURE, DAMPING, DAMPING_PER_M, Q, LOW, HIGH, REST, RESISTANCE, TRIED, G, X, DOWN, UP, SPARE, VECTORS = range(15)
# Rows of Tables.joint: one number per joint of the robot. ``Q_RAD`` comes in and goes out.
Q_RAD, Q_MIN, Q_MAX, V_MAX, JOINT_ROWS = range(5)
# Columns of Tables.site: T_link_site and its pose (3, 4), the goal (4, 4), weighted error and weights.
LOCAL, PLACE, GOAL, ERROR, WEIGHT, SITE_COLUMNS = 0, 12, 24, 40, 46, 48
# Columns of Tables.capsule: two ends and the radius in the frame of its link, and the ends in the base frame.
SHAPE, ENDS, CAPSULE_COLUMNS = 0, 7, 13
# Columns of Tables.pair: the gap wanted, as it is, and at least now; closest points and the direction between them.
MARGIN, GAP, FLOOR, TOUCH, PAIR_COLUMNS = 0, 1, 2, 3, 12
# Rows of Indices.whole: sizes m, s, n, c, p; indices and flags per link; then per site; then per capsule.
SIZES, PARENT, JOINT, DEPTH, CHAIN_DEPTH, STOPPED, ACTIVE, SITE_LINK, THERE, CAPSULE_LINK, INDICES = range(11)


class Problem(NamedTuple):
    """A robot with n joints, of which m are links of its ``Tree``, s sites, c capsules and p pairs of them.

    Links turn about their z axes (``about_z``). ``limits`` (3, n) are the joints' lowest and highest angles and speeds.
    ``serves`` (s, m): the links that may move for a site. ``swivel`` (s, 2): for a site that only turns about the line
    between two others, the link at one end (the shoulder) and the site at the other (the wrist); else -1. ``weight``
    (s, 2): of position (0: only orientation counts) and of orientation in metres per radian. ``damping`` (2, m):
    resistance to moving, constant and per metre of error. ``capsule`` (c, 7): two ends in the frame of ``capsule_link``
    (-1: the base) and a radius; ``capsule_moves`` (c, m): the links that move it out of the way. ``pairs`` (p, 2)
    should stay a margin apart.
    """

    tree: Tree
    limits: Array
    serves: NDArray[np.bool_]
    swivel: NDArray[np.int64]
    weight: Array
    damping: Array
    capsule_link: NDArray[np.int64]
    capsule: Array
    capsule_moves: NDArray[np.bool_]
    pairs: NDArray[np.int64]


class Tables(NamedTuple):
    """Numbers by rows: ``frame`` is a link's T_parent_link and its pose in the base frame, both (3, 4).

    ``J`` has six rows per site: how its weighted errors change with the links above it, by their depth. ``H`` and ``L``
    are the matrices of a ``box_qp``. The others are explained beside their rows and columns above.
    """

    frame: Array
    vector: Array
    joint: Array
    site: Array
    J: Array
    H: Array
    L: Array
    capsule: Array
    pair: Array


class Indices(NamedTuple):
    """Whole numbers by rows: ``above`` and ``chain`` (m, m) say for a ``box_qp`` how H is stored, as the tree that the
    links are and as the chain of all, which any coupling fits. The others are those of ``Problem``."""

    whole: Ints
    above: Ints
    chain: Ints
    serves: Ints
    swivel: Ints
    capsule_moves: Ints
    pairs: Ints


def about_z(tree: Tree) -> Tree:
    """The same tree with every link's frame turned so that its joint turns about z: less to compute in every tick."""
    turn = np.tile(np.eye(4), (len(tree.parent) + 1, 1, 1))  # the last is the base's
    for T, z in zip(turn, tree.axis, strict=False):
        x = np.cross(np.roll(np.eye(3), 1, axis=1)[np.argmax(np.abs(z))], z)
        x /= np.linalg.norm(x)
        T[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    back = turn.transpose(0, 2, 1)
    return Tree(
        tree.joints,
        tree.parent,
        back[tree.parent] @ tree.T_parent_link @ turn[:-1],
        np.tile([0.0, 0.0, 1.0], (len(tree.parent), 1)),
        tree.sites,
        tree.site_link,
        back[tree.site_link] @ tree.T_link_site,
    )


def pack(problem: Problem) -> tuple[NDArray[np.int32], Array]:
    """A table of all indices and one of all numbers: every array that is handed over costs a microsecond."""
    tree, m, n = problem.tree, len(problem.tree.joints), problem.limits.shape[1]
    depth, above = np.zeros(m, dtype=np.int64), np.zeros((m, m), dtype=np.int64)
    for i, up in enumerate(tree.parent):
        if up >= 0:
            depth[i], above[i] = depth[up] + 1, above[up]
        above[i, depth[i]] = i
    sizes = (m, len(tree.sites), n, len(problem.capsule), len(problem.pairs))
    everyone = np.arange(m)
    index: list[Sequence[int] | NDArray[np.int64]] = [()] * INDICES
    index[SIZES], index[PARENT], index[JOINT], index[DEPTH] = sizes, tree.parent, tree.joints, depth
    index[CHAIN_DEPTH], index[SITE_LINK], index[CAPSULE_LINK] = everyone, tree.site_link, problem.capsule_link
    chain = np.tile(everyone, (m, 1))
    indices = [*index, *above, *chain, *problem.serves, *problem.swivel, *problem.capsule_moves, *problem.pairs]
    numbers = np.zeros((_rows(*sizes), max(m, n, SITE_COLUMNS)))
    tables = cut_numbers(np.array(sizes, dtype=np.int32), numbers)
    tables.frame[:, :12] = tree.T_parent_link[:, :3].reshape(m, 12)
    tables.vector[DAMPING : DAMPING_PER_M + 1, :m] = problem.damping
    tables.joint[Q_MIN : V_MAX + 1, :n] = problem.limits
    tables.site[:, LOCAL : LOCAL + 12] = tree.T_link_site[:, :3].reshape(-1, 12)
    tables.site[:, WEIGHT : WEIGHT + 2] = problem.weight
    tables.capsule[:, SHAPE : SHAPE + 7] = problem.capsule
    table = np.zeros((len(indices), max(len(row) for row in indices)), dtype=np.int32)
    for cells, row in zip(table, indices, strict=True):
        cells[: len(row)] = row
    return table, numbers


def _rows(m: int, s: int, n: int, c: int, p: int) -> int:
    return 3 * m + VECTORS + JOINT_ROWS + 7 * s + c + p


@njit
def cut_numbers(sizes: Ints, numbers: Array) -> Tables:
    """``numbers`` as ``pack`` made them, by rows."""
    m, s, c = sizes[0], sizes[1], sizes[3]
    joint = m + VECTORS
    site = joint + JOINT_ROWS
    J = site + s
    H = J + 6 * s
    capsule = H + 2 * m
    pair = capsule + c
    return Tables(
        numbers[:m],
        numbers[m:joint],
        numbers[joint:site],
        numbers[site:J],
        numbers[J:H],
        numbers[H : H + m],
        numbers[H + m : capsule],
        numbers[capsule:pair],
        numbers[pair:],
    )


@njit
def cut_indices(indices: Ints) -> Indices:
    """``indices`` as ``pack`` made them, by rows."""
    m, s, c = indices[0, 0], indices[0, 1], indices[0, 3]
    chain = INDICES + m
    serves = chain + m
    swivel = serves + s
    moves = swivel + s
    pairs = moves + c
    return Indices(
        indices[:INDICES],
        indices[INDICES:chain],
        indices[chain:serves],
        indices[serves:swivel],
        indices[swivel:moves],
        indices[moves:pairs],
        indices[pairs:],
    )
