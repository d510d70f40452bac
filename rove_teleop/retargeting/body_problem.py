"""What the compiled body solver works on: one robot as arrays, and where it is within a tick."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..types import Array
from .chain import forward, place_sites


class Problem(NamedTuple):
    """A robot with n joints, of which m are links of its ``Tree``, s sites, c capsules and p pairs of them.

    ``joints`` (m,) says which joint a link is; ``limits`` (n, 3) are its lowest and highest angle and its speed.
    ``serves`` (s, m): the links that may move for a site. ``swivel`` (s, 2): for a site that only turns about the line
    between two others, the link at one end (the shoulder) and the site at the other (the wrist); else -1. ``weight``
    (s, 2): of position (0: only orientation counts) and of orientation in metres per radian. ``damping`` (m, 2):
    resistance to moving, constant and per metre of error. ``posture`` (m, 2): reference angle and weight of the pull.
    ``capsule`` (c, 7): two ends in the frame of ``capsule_link`` (-1: the base) and a radius; ``capsule_moves`` (c, m):
    the links that move it. ``pairs`` (p, 2) should stay ``margin_m`` (1,) apart.
    """

    parent: NDArray[np.int64]
    T_parent_link: Array
    axis: Array
    site_link: NDArray[np.int64]
    T_link_site: Array
    joints: NDArray[np.int64]
    limits: Array
    serves: NDArray[np.bool_]
    swivel: NDArray[np.int64]
    weight: Array
    damping: Array
    posture: Array
    capsule_link: NDArray[np.int64]
    capsule: Array
    capsule_moves: NDArray[np.bool_]
    pairs: NDArray[np.int64]
    margin_m: Array


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


@njit(cache=True, error_model="numpy")
def empty_pose(problem: Problem) -> Pose:
    m, s, c, p = len(problem.parent), len(problem.site_link), len(problem.capsule), len(problem.pairs)
    return Pose(
        np.empty((m, 3, 3)),
        np.empty((m, 3)),
        np.empty((s, 4, 4)),
        np.empty((c, 2, 3)),
        np.empty(p),
        np.empty((p, 3, 3)),
        np.zeros((s, 6)),
    )


@njit(cache=True, error_model="numpy")
def place(problem: Problem, q_rad: Array, pose: Pose) -> None:
    """Links and sites of ``pose`` for the angles (m,) of the links."""
    forward(problem.parent, problem.T_parent_link, problem.axis, q_rad, pose.rotation, pose.position_m)
    place_sites(problem.site_link, problem.T_link_site, pose.rotation, pose.position_m, pose.T)
