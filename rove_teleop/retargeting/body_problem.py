"""What the compiled body solver works on: one robot as arrays, and where it is within a tick."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..types import Array


class Problem(NamedTuple):
    """A robot with n joints, of which m are links of its ``Tree``, s sites, c capsules and p pairs of them.

    ``joints`` (m,) says which joint a link is; ``limits`` (n, 3) are its lowest and highest angle and its speed.
    ``serves`` (s, m): the links that may move for a site. ``swivel`` (s, 2): for a site that only turns about the line
    between two others, the link at one end (the shoulder) and the site at the other (the wrist); else -1. ``weight``
    (s, 2): of position (0: only orientation counts) and of orientation in metres per radian. ``damping`` (m, 2):
    resistance to moving, constant and per metre of error. ``posture`` (m,): angles that joints are drawn to.
    ``capsule`` (c, 7): two ends in the frame of ``capsule_link`` (-1: the base) and a radius; ``capsule_moves`` (c, m):
    the links that move it out of the way. ``pairs`` (p, 2) should stay ``margin_m`` (p,) apart.
    """

    parent: NDArray[np.int64]
    T_parent_link: Array
    axis: Array
    site_link: NDArray[np.int64]
    T_link_site: Array
    joints: NDArray[np.int64]
    limits: Array
    serves: NDArray[np.int64]
    swivel: NDArray[np.int64]
    weight: Array
    damping: Array
    posture: Array
    capsule_link: NDArray[np.int64]
    capsule: Array
    capsule_moves: NDArray[np.int64]
    pairs: NDArray[np.int64]
    margin_m: Array


def pack(problem: Problem) -> tuple[tuple[int, int, int, int, int], Array, NDArray[np.int64]]:
    """Sizes (m, s, n, c, p), all numbers and all indices: three things are handed over faster than seventeen."""
    sizes = (len(problem.joints), len(problem.site_link), len(problem.limits))
    numbers = [field for field in problem if field.dtype == np.float64]
    indices = [field for field in problem if field.dtype != np.float64]
    return (
        (*sizes, len(problem.capsule), len(problem.pairs)),
        np.concatenate([field.ravel() for field in numbers]),
        np.concatenate([field.ravel() for field in indices]).astype(np.int64),
    )


@njit
def unpack(sizes: tuple[int, int, int, int, int], numbers: Array, indices: NDArray[np.int64]) -> Problem:
    """Views of what ``pack`` put together, in the order of the fields."""
    m, s, n, c, p = sizes
    f0 = 16 * m
    f1 = f0 + 3 * m
    f2 = f1 + 16 * s
    f3 = f2 + 3 * n
    f4 = f3 + 2 * s
    f5 = f4 + 2 * m
    f6 = f5 + m
    f7 = f6 + 7 * c
    i0 = m
    i1 = i0 + s
    i2 = i1 + m
    i3 = i2 + s * m
    i4 = i3 + 2 * s
    i5 = i4 + c
    i6 = i5 + c * m
    return Problem(
        indices[:i0],
        numbers[:f0].reshape((m, 4, 4)),
        numbers[f0:f1].reshape((m, 3)),
        indices[i0:i1],
        numbers[f1:f2].reshape((s, 4, 4)),
        indices[i1:i2],
        numbers[f2:f3].reshape((n, 3)),
        indices[i2:i3].reshape((s, m)),
        indices[i3:i4].reshape((s, 2)),
        numbers[f3:f4].reshape((s, 2)),
        numbers[f4:f5].reshape((m, 2)),
        numbers[f5:f6],
        indices[i4:i5],
        numbers[f6:f7].reshape((c, 7)),
        indices[i5:i6].reshape((c, m)),
        indices[i6:].reshape((p, 2)),
        numbers[f7:],
    )


class Pose(NamedTuple):
    """Where links, sites and capsules are for some angles: all in the base frame.

    ``rotation`` (m, 3, 3), ``position_m`` (m, 3), ``T`` (s, 4, 4), ``ends_m`` (c, 2, 3); per pair of capsules its
    distance ``gap_m`` (p,) and the closest points with the direction from the first to the second ``touch`` (p, 3, 3);
    ``errors`` (s, 6), weighted, of the goals.
    """

    rotation: Array
    position_m: Array
    T: Array
    ends_m: Array
    gap_m: Array
    touch: Array
    errors: Array


@njit
def empty_pose(m: int, s: int, c: int, p: int) -> Pose:
    """Room for the poses of m links, s sites, c capsules and p pairs."""
    return Pose(
        np.empty((m, 3, 3)),
        np.empty((m, 3)),
        np.empty((s, 4, 4)),
        np.empty((c, 2, 3)),
        np.empty(p),
        np.empty((p, 3, 3)),
        np.zeros((s, 6)),
    )
