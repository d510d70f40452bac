"""The chains of joints from a robot's base to its hands as plain arrays: where a hand is, how its joints move it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..robots.description import RobotDescription
from ..robots.tree import read_tree
from ..types import Array

NO_LINK = -1


class Hands(NamedTuple):
    """For compiled code: h hands, at most m links each, in order from the base; what is not there is ``NO_LINK``.

    ``bounds`` (7,): the cap on the speed [m/s], then the lowest and the highest corner of the box [m]; infinite where
    there is none. ``joints`` (h, m) of the robot; ``T_parent_link`` (h, m, 4, 4), from the link before; ``axis``
    (h, m, 3) in the link; ``site_m`` (h, 3), the hand in its last link.
    """

    bounds: Array
    joints: NDArray[np.int64]
    T_parent_link: Array
    axis: Array
    site_m: Array


def no_bounds() -> Array:
    """Neither a cap nor a box."""
    return np.array([np.inf, *[-np.inf] * 3, *[np.inf] * 3])


def no_hands() -> Hands:
    """Of a robot without any."""
    return Hands(no_bounds(), np.zeros((0, 0), np.int64), np.zeros((0, 0, 4, 4)), np.zeros((0, 0, 3)), np.zeros((0, 3)))


def hand_names(robot: RobotDescription) -> tuple[str, ...]:
    """The wrists that the robot's description names."""
    return tuple(part for part in ("left_wrist", "right_wrist") if part in robot.operator.frames)


def read_hands(robot: RobotDescription) -> Hands:
    """The wrists' sites of a robot, in the order of ``hand_names``; a wrist that no joint moves has no links."""
    names = hand_names(robot)
    if not names:
        return no_hands()
    tree = read_tree(robot, [robot.operator.frames[name] for name in names])
    rows = [np.flatnonzero(row) for row in tree.moves]
    longest = max(len(row) for row in rows)
    h = len(names)
    joints, T, axis = np.full((h, longest), NO_LINK), np.zeros((h, longest, 4, 4)), np.zeros((h, longest, 3))
    for k, row in enumerate(rows):
        joints[k, : len(row)] = tree.joints[row]
        T[k, : len(row)], axis[k, : len(row)] = tree.T_parent_link[row], tree.axis[row]
    return Hands(no_bounds(), joints, T, axis, tree.T_link_site[:, :3, 3].copy())


@njit
def place_hand(hands: Hands, h: int, q_rad: Array, place_m: Array, moves_m: Array) -> None:
    """Where hand ``h`` is in the base's frame, and how far a radian of each link moves it.

    Args:
        q_rad: (n,) joints of the robot.
        place_m: (3,) written.
        moves_m: (m, 3) written, metres per radian.
    """
    links = hands.joints.shape[1]
    R, turned = np.eye(3), np.empty((3, 3))
    p, at, about = np.zeros(3), np.empty((links, 3)), np.empty((links, 3))
    for k in range(links):
        joint = hands.joints[h, k]
        if joint == NO_LINK:
            break
        T = hands.T_parent_link[h, k]
        for a in range(3):
            p[a] += R[a, 0] * T[0, 3] + R[a, 1] * T[1, 3] + R[a, 2] * T[2, 3]
            at[k, a] = p[a]
        for a in range(3):
            for b in range(3):
                turned[a, b] = R[a, 0] * T[0, b] + R[a, 1] * T[1, b] + R[a, 2] * T[2, b]
        x, y, z = hands.axis[h, k]
        for a in range(3):
            about[k, a] = turned[a, 0] * x + turned[a, 1] * y + turned[a, 2] * z
        _turn(turned, x, y, z, q_rad[joint], R)
    for a in range(3):
        site = hands.site_m[h]
        place_m[a] = p[a] + R[a, 0] * site[0] + R[a, 1] * site[1] + R[a, 2] * site[2]
    for k in range(links):
        if hands.joints[h, k] == NO_LINK:
            break
        dx, dy, dz = place_m[0] - at[k, 0], place_m[1] - at[k, 1], place_m[2] - at[k, 2]
        moves_m[k, 0] = about[k, 1] * dz - about[k, 2] * dy
        moves_m[k, 1] = about[k, 2] * dx - about[k, 0] * dz
        moves_m[k, 2] = about[k, 0] * dy - about[k, 1] * dx


@njit
def _turn(before: Array, x: float, y: float, z: float, angle_rad: float, after: Array) -> None:
    """``before`` (3, 3) turned by an angle about its own axis (x, y, z), written into ``after``."""
    s, c = np.sin(angle_rad), np.cos(angle_rad)
    v = 1.0 - c
    for a in range(3):
        r0, r1, r2 = before[a, 0], before[a, 1], before[a, 2]
        after[a, 0] = r0 * (c + x * x * v) + r1 * (y * x * v + z * s) + r2 * (z * x * v - y * s)
        after[a, 1] = r0 * (x * y * v - z * s) + r1 * (c + y * y * v) + r2 * (z * y * v + x * s)
        after[a, 2] = r0 * (x * z * v + y * s) + r1 * (y * z * v - x * s) + r2 * (c + z * z * v)
