"""Joint angles that bring the robot's wrists, head and elbows to where they should be, inside every limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..robots.description import RobotDescription
from ..robots.self_collision import SelfCollision, read_capsules
from ..robots.tree import Tree, read_tree
from ..types import SIDES, Array, Side
from .body_contacts import gaps_m
from .body_problem import GOAL, MARGIN, POSTURE, Q_RAD, SIZES, STOPPED, Problem, about_z, cut_numbers, pack
from .body_solver import solve_tick

ORIENTATION_M = 0.1
"""Metres that one radian of orientation error weighs."""
DAMPING = 5e-5
"""Least resistance of a joint to moving: it keeps redundant joints calm."""
RESISTANCE_PER_M = 0.3
"""Resistance that is added per metre of error: it keeps far and unreachable goals, and stretched arms, calm."""
RELUCTANT_DAMPING = 0.05
"""Least resistance of joints that should help only where the others do not suffice."""
ELBOW = 0.1
"""Weight of an elbow's hint, beside 1 of a wrist's position."""


NOT_FINITE = "q_rad and dt_s must be finite and dt_s positive"


class BodySolution(NamedTuple):
    """``q_rad`` (n,) inside all limits. Residuals are the worst over the goals; ``clamped`` (n,) met a limit.

    ``clearance_m`` is the smallest gap between limbs that are watched, infinite when none are.
    """

    q_rad: Array
    residual_m: float
    residual_rad: float
    clamped: NDArray[np.bool_]
    clearance_m: float


class BodyIK:
    """Inverse kinematics of the joints in ``groups``; all others stay as they are.

    Joints of ``reluctant`` groups move for a wrist only where its arm does not suffice, and for the head only when no
    neck may. ``posture_rad`` (n,) is where redundant joints are gently pulled; it starts as the home pose.
    """

    def __init__(
        self,
        robot: RobotDescription,
        groups: Sequence[str] = ("left_arm", "right_arm"),
        orientation_only: Sequence[str] = ("head",),
        reluctant: Sequence[str] = ("waist",),
        iterations: int = 2,
        resistance_per_m: float = RESISTANCE_PER_M,
    ) -> None:
        self._iterations = iterations
        tree = about_z(read_tree(robot, tuple(dict.fromkeys(robot.operator.frames.values()))))
        self._joints = tree.joints
        row = {site: k for k, site in enumerate(tree.sites)}
        slow = _members(robot, tree, reluctant)
        serves, swivel, elbow_row = _roles(robot, tree, _members(robot, tree, groups), slow)
        weight = np.tile([1.0, ORIENTATION_M], (len(tree.sites), 1))
        weight[[row[site] for site in orientation_only if site in row], 0] = 0.0
        weight[list(elbow_row.values()), 0] = ELBOW
        damping = np.stack([np.where(slow, RELUCTANT_DAMPING, DAMPING), np.full(len(slow), resistance_per_m)])
        evading = serves.any(axis=0) & ~slow & ~_members(robot, tree, ("neck",))
        self._indices, self._numbers = pack(
            Problem(
                *(tree, np.stack([robot.q_min_rad, robot.q_max_rad, robot.v_max_rad_s]), serves, swivel, weight),
                *(damping, *_capsules(robot, tree, evading)),
            )
        )
        tables, self._stopped = cut_numbers(self._indices[SIZES], self._numbers), self._indices[STOPPED, : len(slow)]
        self._q, self._posture = tables.joint[Q_RAD, : robot.joint_count], tables.vector[POSTURE, : len(slow)]
        self._margin_m = tables.pair[:, MARGIN]
        self._wanted_margin_m = 0.0 if robot.self_collision is None else robot.self_collision.margin_m
        goals = [columns[GOAL : GOAL + 16].reshape(4, 4) for columns in tables.site]
        self._places = {site: (1 << k, goals[k]) for site, k in row.items()}
        self._elbows = {side: (1 << k, goals[k][:3, 3]) for side, k in elbow_row.items()}
        self._none_clamped = np.zeros(robot.joint_count, dtype=np.bool_)
        self.posture_rad = robot.home_rad
        self.solve({}, robot.home_rad, robot.dt_s)  # compiles, or loads what an earlier start compiled

    @property
    def posture_rad(self) -> Array:
        """Where redundant joints are gently pulled (n,). Limbs that are closer there than their margin may stay so."""
        return self._posture_rad.copy()

    @posture_rad.setter
    def posture_rad(self, q_rad: Array) -> None:
        self._posture_rad = np.array(q_rad, dtype=np.float64)
        self._posture[:] = self._posture_rad[self._joints]
        self._margin_m[:] = np.minimum(self._wanted_margin_m, gaps_m(self._indices, self._numbers, self._posture))

    def solve(
        self, goals: Mapping[str, Array], q_rad: Array, dt_s: float, elbows: Mapping[Side, Array] | None = None
    ) -> BodySolution:
        """One step towards the goals, as far as velocity limits allow in ``dt_s``.

        Args:
            goals: T_base_site (4, 4) by site name; a goal that is not finite is left out, so its joints hold.
            q_rad: (n,), where the joints are; clipped into the position limits first.
            dt_s: time until the solution should be reached.
            elbows: points (3,) in the base frame that elbows should be near, as far as their wrists' goals allow. One
                whose wrist has no goal, or that the robot's description does not name, is ignored.

        Raises:
            ValueError: ``q_rad`` or ``dt_s`` is not finite; KeyError: a site that is no part of the operator.
        """
        wanted = 0
        for site, T_base_site in goals.items():
            bit, place = self._places[site]
            place[:] = T_base_site
            wanted |= bit
        if elbows:
            for side, point_m in elbows.items():
                if side in self._elbows:
                    bit, place = self._elbows[side]
                    place[:] = point_m
                    wanted |= bit
        if not 0.0 < dt_s < 10.0:
            raise ValueError(NOT_FINITE)
        self._q[:] = q_rad
        residual_m, residual_rad, clearance_m, stopped = solve_tick(
            self._indices, self._numbers, wanted, dt_s, self._iterations
        )
        if residual_m != residual_m:
            raise ValueError(NOT_FINITE)
        clamped = self._none_clamped.copy()
        if stopped:
            clamped[self._joints[self._stopped != 0]] = True
        return BodySolution(self._q.copy(), residual_m, residual_rad, clamped, clearance_m)


def _members(robot: RobotDescription, tree: Tree, groups: Sequence[str]) -> NDArray[np.bool_]:
    """(m,): the links whose joints are in ``groups``; a group that the robot does not have has none."""
    joints = [robot.groups[group] for group in groups if group in robot.groups]
    return np.isin(tree.joints, np.concatenate(joints)) if joints else np.zeros(len(tree.joints), dtype=np.bool_)


def _roles(
    robot: RobotDescription, tree: Tree, allowed: NDArray[np.bool_], slow: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.int64], dict[Side, int]]:
    """Which links serve which site (s, m), which sites are swivels (s, 2), and the site of each side's elbow."""
    row = {site: k for k, site in enumerate(tree.sites)}
    part = robot.operator.frames
    serves = tree.moves & allowed
    swivel = np.full((len(tree.sites), 2), -1)
    elbow_row: dict[Side, int] = {}
    if "head" in part and np.any(serves[row[part["head"]]] & ~slow):
        serves[row[part["head"]]] &= ~slow
    for side in SIDES:
        if f"{side}_elbow" not in part or f"{side}_wrist" not in part:
            continue
        elbow, arm = row[part[f"{side}_elbow"]], robot.groups[f"{side}_arm"]
        serves[elbow] &= ~slow
        # Where the first three joints of an arm meet, the third turns about the upper arm: its anchor is on that line.
        shoulder = np.flatnonzero(tree.joints == arm[2])
        swivel[elbow] = shoulder[0], row[part[f"{side}_wrist"]]
        elbow_row[side] = elbow
    return serves, swivel, elbow_row


def _capsules(
    robot: RobotDescription, tree: Tree, evading: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], Array, NDArray[np.bool_], NDArray[np.int64]]:
    """Link, shape and moving links of every capsule, and the pairs that are kept apart.

    Only ``evading`` links (m,) give way: a head does not duck from a hand.
    """
    apart = robot.self_collision or SelfCollision(0.0, ())
    names = apart.capsules
    link, shape = read_capsules(robot, tree, names)
    moves = np.zeros((len(names), len(tree.joints)), dtype=np.bool_)
    for row, above in zip(moves, link, strict=True):
        while above >= 0:
            row[above] = evading[above]
            above = tree.parent[above]
    pairs = np.array([[names.index(name) for name in pair] for pair in apart.pairs], dtype=np.int64).reshape(-1, 2)
    return link, shape, moves, pairs
