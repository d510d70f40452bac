"""Joint angles that bring the robot's wrists to where they should be: damped least squares inside a box of limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import pose_error
from ..robots.description import RobotDescription
from ..robots.kinematics import Kinematics
from ..types import Array
from .box_qp import solve_box

ORIENTATION_M = 0.1
"""Metres that one radian of orientation error weighs."""
DAMPING = 5e-5
"""Floor of the damping; more is added with the error, which keeps far and unreachable goals calm."""
ERROR_DAMPING = 3.0
POSTURE = 1e-6
"""Pull to the reference posture: it settles the elbow and costs micrometres at the wrist."""
MAX_ERROR_M = 0.2
SETTLED_RAD = 1e-8
"""Smaller steps are not taken, so that a still goal gives exactly still joints."""


@dataclass(frozen=True, slots=True)
class ArmSolution:
    """``q_rad`` (n,) inside all limits. Residuals are the worst over the goals; ``clamped`` (n,) met a limit."""

    q_rad: Array
    residual_m: float
    residual_rad: float
    clamped: NDArray[np.bool_]


class ArmIK:
    """Inverse kinematics of the joints in ``groups``; all others stay as they are.

    ``posture_rad`` (n,) is where redundant joints are gently pulled; it starts as the home pose. One instance per user.
    """

    def __init__(
        self,
        robot: RobotDescription,
        kinematics: Kinematics,
        groups: Sequence[str] = ("left_arm", "right_arm"),
        orientation_only: Sequence[str] = ("head",),
        iterations: int = 4,
    ) -> None:
        self._robot = robot
        self._kinematics = kinematics
        self._allowed = np.sort(np.concatenate([robot.groups[group] for group in groups]))
        self._orientation_only = frozenset(orientation_only)
        self._iterations = iterations
        self._moving: dict[str, NDArray[np.bool_]] = {}
        self.posture_rad: Array = robot.home_rad.copy()

    def solve(self, goals: Mapping[str, Array], q_rad: Array, dt_s: float) -> ArmSolution:
        """One step towards the goals, as far as velocity limits allow in ``dt_s``.

        Args:
            goals: T_base_site (4, 4) by site name; a goal that is not finite is left out, so its joints hold.
            q_rad: (n,), where the joints are; clipped into the position limits first.
            dt_s: time until the solution should be reached.

        Raises:
            ValueError: ``q_rad`` or ``dt_s`` is not finite; KeyError: an unknown site.
        """
        robot = self._robot
        if not 0.0 < dt_s < 10.0 or not np.all(np.isfinite(q_rad)):
            raise ValueError("q_rad and dt_s must be finite and dt_s positive")
        goals = {site: T for site, T in goals.items() if np.all(np.isfinite(T))}
        q = np.clip(q_rad, robot.q_min_rad, robot.q_max_rad)
        active = self._active(tuple(goals))
        clamped = np.zeros(len(q), dtype=np.bool_)
        if len(active) == 0:
            self._kinematics.update(q)
            return ArmSolution(q, *self._residual(goals), clamped)
        reach = robot.v_max_rad_s[active] * dt_s
        low = np.maximum(robot.q_min_rad[active], q[active] - reach)
        high = np.minimum(robot.q_max_rad[active], q[active] + reach)
        for _ in range(self._iterations):
            self._kinematics.update(q)
            H, g = self._problem(goals, active, q)
            step, stopped = solve_box(H, g, np.minimum(low - q[active], 0.0), np.maximum(high - q[active], 0.0))
            clamped[active] = stopped
            if not float(np.max(np.abs(step))) > SETTLED_RAD:
                break
            q[active] = np.clip(q[active] + step, low, high)
        self._kinematics.update(q)
        return ArmSolution(q, *self._residual(goals), clamped)

    def _problem(self, goals: Mapping[str, Array], active: NDArray[np.int64], q: Array) -> tuple[Array, Array]:
        """H (m, m) and g (m,) of one linearised step."""
        rows, errors = [], []
        for site, T_goal in goals.items():
            jacobian = self._kinematics.jacobian(site)[:, active]
            error = pose_error(self._kinematics.frame(site), T_goal)
            error[:3] *= min(1.0, MAX_ERROR_M / max(float(np.linalg.norm(error[:3])), 1e-9))
            jacobian[3:] *= ORIENTATION_M
            error[3:] *= ORIENTATION_M
            start = 3 if site in self._orientation_only else 0
            rows.append(jacobian[start:])
            errors.append(error[start:])
        J, e = np.concatenate(rows), np.concatenate(errors)
        H = J.T @ J
        damping = DAMPING + ERROR_DAMPING * float(e @ e)
        H.flat[:: len(active) + 1] += damping + POSTURE
        return H, J.T @ e + POSTURE * (self.posture_rad - q)[active]

    def _residual(self, goals: Mapping[str, Array]) -> tuple[float, float]:
        """Worst position error in metres and orientation error in radians at the last update."""
        distance_m, angle_rad = 0.0, 0.0
        for site, T_goal in goals.items():
            error = pose_error(self._kinematics.frame(site), T_goal)
            angle_rad = max(angle_rad, float(np.linalg.norm(error[3:])))
            if site not in self._orientation_only:
                distance_m = max(distance_m, float(np.linalg.norm(error[:3])))
        return distance_m, angle_rad

    def _active(self, sites: tuple[str, ...]) -> NDArray[np.int64]:
        """Allowed joints that move any of the sites."""
        if not sites:
            return np.zeros(0, dtype=np.int64)
        moving = np.zeros(self._robot.joint_count, dtype=np.bool_)
        for site in sites:
            moving |= self._moves(site)
        active: NDArray[np.int64] = self._allowed[moving[self._allowed]]
        return active

    def _moves(self, site: str) -> NDArray[np.bool_]:
        """Joints that can turn or shift a site (n,): rotation tells, for every joint of this robot is a hinge."""
        if site not in self._moving:
            self._moving[site] = np.any(np.abs(self._kinematics.jacobian(site)) > 1e-12, axis=0)
        return self._moving[site]
