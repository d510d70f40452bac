"""What the compiled body solver works on: one robot as arrays, and room for what it computes within a tick."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..robots.tree import Tree
from ..types import Array

Ints = NDArray[np.int64]


class Problem(NamedTuple):
    """A robot with n joints, of which m are links of its ``Tree``, s sites, c capsules and p pairs of them.

    Links turn about their z axes (``about_z``). ``limits`` (n, 3) are a joint's lowest and highest angle and its speed.
    ``weight`` (s, 2): of position (0: only orientation counts) and of orientation in metres per radian. ``damping``
    (m, 2): resistance to moving, constant and per metre of error. ``posture`` (m,): angles that joints are drawn to.
    ``capsule`` (c, 7): two ends in the frame of ``capsule_link`` (-1: the base) and a radius; ``capsule_moves`` (c, m):
    the links that move it out of the way. ``pairs`` (p, 2) should stay ``margin_m`` (p,) apart. ``joints`` (m,) says
    which joint a link is. ``serves`` (s, m): the links that may move for a site. ``swivel`` (s, 2): for a site that
    only turns about the line between two others, the link at one end (the shoulder) and the site at the other (the
    wrist); else -1.
    """

    T_parent_link: Array
    T_link_site: Array
    limits: Array
    weight: Array
    damping: Array
    posture: Array
    capsule: Array
    margin_m: Array
    parent: Ints
    site_link: Ints
    joints: Ints
    serves: Ints
    swivel: Ints
    capsule_link: Ints
    capsule_moves: Ints
    pairs: Ints


class Work(NamedTuple):
    """Room of one instance, written in every tick; all places are in the base frame.

    ``goals`` (s, 4, 4) come from the caller. ``frame`` (m, 3, 4) and ``site`` (s, 3, 4) are poses, ``error`` (s, 6)
    weighted errors of the goals and ``J`` (s, 6, m) how links change them; ``H`` and ``L`` (m, m) are a ``box_qp``'s,
    ``vector`` (11, m) everything that is one number per link. ``ends_m`` (c, 2, 3) of capsules; per pair its distance
    ``gap_m`` (p,), the one that it should keep ``floor_m`` (p,), and the closest points with the direction from the
    first to the second ``touch`` (p, 3, 3). ``depth`` (2, m) and ``above`` (2, m, m) are a ``box_qp``'s again, of the
    tree and of a chain of all links. ``stopped`` and ``active`` (m,), ``there`` (s,) are flags.
    """

    goals: Array
    frame: Array
    site: Array
    error: Array
    J: Array
    H: Array
    L: Array
    vector: Array
    ends_m: Array
    gap_m: Array
    floor_m: Array
    touch: Array
    depth: Ints
    above: Ints
    stopped: Ints
    active: Ints
    there: Ints


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


def pack(problem: Problem) -> tuple[Ints, Array]:
    """Sizes and indices, and numbers, each with its share of ``Work``: every array handed over costs a microsecond."""
    m, s, n = len(problem.joints), len(problem.site_link), len(problem.limits)
    c, p = len(problem.capsule), len(problem.pairs)
    depth, above = np.zeros((2, m), dtype=np.int64), np.zeros((2, m, m), dtype=np.int64)
    for i, up in enumerate(problem.parent):
        depth[:, i] = depth[0, up] + 1 if up >= 0 else 0, i
        above[0, i] = above[0, up]
        above[0, i, depth[0, i]] = i
        above[1, i] = np.arange(m)
    floats = 16 * s + 12 * m + 12 * s + 6 * s + 6 * s * m + 2 * m * m + 11 * m + 6 * c + 2 * p + 9 * p
    numbers = [field.ravel() for field in problem[:8]]
    indices = [field.ravel() for field in problem[8:]]
    return (
        np.concatenate([[m, s, n, c, p], *indices, depth.ravel(), above.ravel(), np.zeros(2 * m + s)]).astype(np.int64),
        np.concatenate([*numbers, np.zeros(floats)]),
    )


@njit
def unpack_problem(integers: Ints, numbers: Array) -> Problem:
    """Views of what ``pack`` put together, in the order of the fields."""
    m, s, n, c, p = integers[0], integers[1], integers[2], integers[3], integers[4]
    f0 = 12 * m
    f1 = f0 + 12 * s
    f2 = f1 + 3 * n
    f3 = f2 + 2 * s
    f4 = f3 + 2 * m
    f5 = f4 + m
    f6 = f5 + 7 * c
    i0 = 5 + m
    i1 = i0 + s
    i2 = i1 + m
    i3 = i2 + s * m
    i4 = i3 + 2 * s
    i5 = i4 + c
    i6 = i5 + c * m
    return Problem(
        numbers[:f0].reshape((m, 3, 4)),
        numbers[f0:f1].reshape((s, 3, 4)),
        numbers[f1:f2].reshape((n, 3)),
        numbers[f2:f3].reshape((s, 2)),
        numbers[f3:f4].reshape((m, 2)),
        numbers[f4:f5],
        numbers[f5:f6].reshape((c, 7)),
        numbers[f6 : f6 + p],
        integers[5:i0],
        integers[i0:i1],
        integers[i1:i2],
        integers[i2:i3].reshape((s, m)),
        integers[i3:i4].reshape((s, 2)),
        integers[i4:i5],
        integers[i5:i6].reshape((c, m)),
        integers[i6 : i6 + 2 * p].reshape((p, 2)),
    )


@njit
def unpack_work(integers: Ints, numbers: Array) -> Work:
    """Views of the room behind the problem, in the order of the fields."""
    m, s, n, c, p = integers[0], integers[1], integers[2], integers[3], integers[4]
    w0 = 15 * m + 14 * s + 3 * n + 7 * c + p
    w1 = w0 + 16 * s
    w2 = w1 + 12 * m
    w3 = w2 + 12 * s
    w4 = w3 + 6 * s
    w5 = w4 + 6 * s * m
    w6 = w5 + m * m
    w7 = w6 + m * m
    w8 = w7 + 11 * m
    w9 = w8 + 6 * c
    w10 = w9 + p
    w11 = w10 + p
    i0 = 5 + 2 * m + 3 * s + s * m + c + c * m + 2 * p
    i1 = i0 + 2 * m
    i2 = i1 + 2 * m * m
    i3 = i2 + m
    i4 = i3 + m
    return Work(
        numbers[w0:w1].reshape((s, 4, 4)),
        numbers[w1:w2].reshape((m, 3, 4)),
        numbers[w2:w3].reshape((s, 3, 4)),
        numbers[w3:w4].reshape((s, 6)),
        numbers[w4:w5].reshape((s, 6, m)),
        numbers[w5:w6].reshape((m, m)),
        numbers[w6:w7].reshape((m, m)),
        numbers[w7:w8].reshape((11, m)),
        numbers[w8:w9].reshape((c, 2, 3)),
        numbers[w9:w10],
        numbers[w10:w11],
        numbers[w11:].reshape((p, 3, 3)),
        integers[i0:i1].reshape((2, m)),
        integers[i1:i2].reshape((2, m, m)),
        integers[i2:i3],
        integers[i3:i4],
        integers[i4:],
    )
