"""What one hand asks of another: where each finger points and reaches, and that what touches there touches here.

Per finger, the vector from knuckle to tip is the operator's times the ratio of the finger's lengths; points between
keep the operator's direction at the robot's length. Between the thumb and every other finger, the distance of the tips
is what is left of the operator's gap, times the mean ratio of lengths, plus the distance at which the robot's pads
touch. Its weight rises smoothly from nothing at ``PINCH_M`` to dominating at touch, while the fingers that it joins are
let go from where they should be: no switch, no jump. It is a distance and not a vector, because fingertips that touch
have no direction from one to the other that could be trusted.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..robots.operator import HandMapping, finger_of
from ..robots.tree import Tree
from ..types import HAND_POINTS, Array
from .calibration import CHAINS, FINGERS, HandSize

TIP_WEIGHT, MIDDLE_WEIGHT, PINCH_WEIGHT = 1.0, 0.3, 30.0
PINCH_M = 0.06
"""Gap between the robot's pads below which a pinch has weight."""
LET_GO = 0.9
"""Share of the weight of a finger's own targets that it loses while it touches the thumb."""


class HandTargets:
    """The tasks of one robot hand, and their targets for the points of an operator's hand.

    ``vectors`` and ``distances`` are pairs of rows of ``tree.sites`` for a solver. The first ``tip_count`` vectors are
    those of the tips, in the order of ``mapping.fingers``; the distances are thumb to each other tip, in that order.
    ``set_size`` comes before ``update``.

    Args:
        tree: of the hand, seen from its wrist, with the sites of ``mapping.points`` in that order; a site is added for
            each knuckle.
        mapping: which site is which point.
    """

    def __init__(self, tree: Tree, mapping: HandMapping) -> None:
        self.tree, knuckle, length_m = with_knuckles(tree, mapping)
        fingers = mapping.fingers
        row = {point: k for k, point in enumerate(mapping.points)}
        tips = [f"{finger}_tip" for finger in fingers]
        middles = [point for point in mapping.points if point not in tips]
        self.vectors = [(knuckle[finger_of(point)], row[point]) for point in tips + middles]
        self.distances = [(row["thumb_tip"], row[tip]) for tip in tips[1:]] if fingers[0] == "thumb" else []
        self.tip_count = len(tips)
        self.target_m: Array = np.zeros((len(self.vectors) + len(self.distances), 3))
        self.weight: Array = np.zeros(len(self.target_m))
        self._finger = np.array([FINGERS.index(finger) for finger in fingers])
        self._length_m = np.array([length_m[tip] for tip in tips])
        self.robot_touch_m = mapping.touch_m
        self._chains: NDArray[np.int64] = CHAINS[self._finger]
        self._middles = np.array([_place(point, fingers) for point in middles], dtype=np.int64).reshape(-1, 2)
        self._middle_m = np.array([length_m[point] for point in middles])
        self._scale: Array = np.ones(len(tips))
        self._touch_m: Array = np.zeros(len(tips))

    def set_size(self, size: HandSize) -> None:
        """Whose hand it is."""
        self._scale = self._length_m / size.finger_m[self._finger]
        self._touch_m = np.concatenate([[0.0], size.touch_m])[self._finger]

    @property
    def pinch_weight(self) -> Array:
        """Weights of the distances, a view."""
        return self.weight[len(self.vectors) :]

    def update(self, points_m: Array) -> Array:
        """Fill ``weight`` (tasks,) and ``target_m`` (tasks, 3), which is returned, for finite points (21, 3)."""
        fingers, last = self.tip_count, len(self.vectors)
        self.weight[:fingers], self.weight[fingers:last] = TIP_WEIGHT, MIDDLE_WEIGHT
        reach_tips(points_m, self._chains, self._scale, self.target_m)
        point_middles(points_m, self._chains, self._middles, self._middle_m, self.target_m[fingers:])
        if self.distances:
            close_pinches(
                points_m, self._chains, self._scale, self._touch_m, self.robot_touch_m, self.target_m[last:],
                self.weight[last:],
            )  # fmt: skip
            let_go(self._middles, self.weight, fingers)
        return self.target_m


def with_knuckles(tree: Tree, mapping: HandMapping) -> tuple[Tree, dict[str, int], dict[str, float]]:
    """The tree with a site at each finger's knuckle: where the first joint turns that moves this finger alone.

    Returns:
        the tree; the knuckle's row by finger; the length of the links from the knuckle to each point of ``mapping``.
    """
    points, moves = list(mapping.points), tree.moves
    links, places = list(tree.site_link), list(tree.T_link_site)
    row: dict[str, int] = {}
    length_m: dict[str, float] = {}
    for finger in mapping.fingers:
        own = np.array([finger_of(point) == finger for point in points])
        path = np.flatnonzero(moves[points.index(f"{finger}_tip")])
        alone = [link for link in path if not moves[~own, link].any()]
        first = int(alone[0] if alone else path[0])
        row[finger] = len(links)
        links.append(tree.parent[first])
        places.append(tree.T_parent_link[first])
        for k in np.flatnonzero(own):
            after = [link for link in np.flatnonzero(moves[k]) if link > first]
            steps_m = [tree.T_parent_link[link][:3, 3] for link in after] + [tree.T_link_site[k][:3, 3]]
            length_m[points[k]] = float(sum(np.linalg.norm(step) for step in steps_m))
    names = (*tree.sites, *(f"knuckle of {finger}" for finger in row))
    on_link = np.array(links, dtype=np.int64)
    grown = Tree(tree.joints, tree.parent, tree.T_parent_link, tree.axis, names, on_link, np.array(places))
    return grown, row, length_m


def _place(point: str, fingers: tuple[str, ...]) -> tuple[int, int]:
    """Which finger of the robot's a point is on, and which of the four points of that finger it is."""
    return fingers.index(finger_of(point)), int(np.argwhere(CHAINS == HAND_POINTS.index(point))[0, 1])


@njit
def reach_tips(points_m: Array, chains: NDArray[np.int64], scale: Array, target: Array) -> None:
    """Knuckle to tip, written into the first rows of ``target`` (n, 3)."""
    for f in range(len(chains)):
        for a in range(3):
            target[f, a] = scale[f] * (points_m[chains[f, 3], a] - points_m[chains[f, 0], a])


@njit
def point_middles(
    points_m: Array, chains: NDArray[np.int64], middles: NDArray[np.int64], robot_m: Array, target: Array
) -> None:
    """Knuckle to the points between, as a share of the stretched length, written into ``target`` (n, 3)."""
    for k in range(len(middles)):
        f, place = middles[k]
        bones_m = 0.0
        for b in range(place):
            bones_m += distance_m(points_m, chains[f, b], chains[f, b + 1])
        for a in range(3):
            along_m = points_m[chains[f, place], a] - points_m[chains[f, 0], a]
            target[k, a] = robot_m[k] * along_m / max(bones_m, 1e-6)


@njit
def close_pinches(
    points_m: Array, chains: NDArray[np.int64], scale: Array, touch_m: Array, robot_touch_m: float, target: Array,
    weight: Array,
) -> None:  # fmt: skip
    """Thumb's tip to each other tip, written into ``target`` (fingers - 1, 3) and ``weight`` (fingers - 1,)."""
    for f in range(1, len(chains)):
        apart_m = distance_m(points_m, chains[0, 3], chains[f, 3])
        gap_m = 0.5 * (scale[0] + scale[f]) * max(apart_m - touch_m[f], 0.0)
        target[f - 1, 0] = gap_m + robot_touch_m
        weight[f - 1] = PINCH_WEIGHT * max(1.0 - gap_m / PINCH_M, 0.0) ** 4


@njit
def let_go(middles: NDArray[np.int64], weight: Array, fingers: int) -> None:
    """Take weight (tasks,) from the targets of each finger, and of the thumb, as far as they pinch."""
    keep = np.ones(fingers)
    for f in range(1, fingers):
        keep[f] = 1.0 - LET_GO * weight[fingers + len(middles) + f - 1] / PINCH_WEIGHT
        keep[0] = min(keep[0], keep[f])
    for f in range(fingers):
        weight[f] *= keep[f]
    for k in range(len(middles)):
        weight[fingers + k] *= keep[middles[k, 0]]


@njit
def distance_m(points_m: Array, i: int, j: int) -> float:
    x, y, z = points_m[i, 0] - points_m[j, 0], points_m[i, 1] - points_m[j, 1], points_m[i, 2] - points_m[j, 2]
    return sqrt(x * x + y * y + z * z)
