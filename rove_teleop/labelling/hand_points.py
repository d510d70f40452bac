"""Where points of both hands are for joint angles: what of a hand's motion, turning included, a log can show."""

from __future__ import annotations

import numpy as np

from ..robots.description import RobotDescription
from ..robots.kinematics import Kinematics
from ..types import SIDES, Array

ARM_M = 0.1
"""Distance of the second and third point of a hand from its wrist: so a turn of the hand is seen as motion."""


class HandPoints:
    """Three points per wrist: the wrist, and `ARM_M` along the fingers and out of the back of the hand."""

    def __init__(self, robot: RobotDescription) -> None:
        self._kinematics = Kinematics(robot)
        # The last joint of an arm tells whether anybody speaks for that hand.
        self._hands = [
            (number, f"{side}_wrist", int(robot.groups[f"{side}_arm"][-1]))
            for number, side in enumerate(SIDES)
            if f"{side}_wrist" in self._kinematics.sites and f"{side}_arm" in robot.groups
        ]
        self._home_rad = robot.home_rad

    def __call__(self, q_rad: Array) -> Array:
        """Points (2 * 3, 3) in the base frame, left hand first; NaN where the hand's arm has no finite angles.

        ``q_rad`` (n,) may hold NaN for joints that nobody speaks for: they are taken at home.
        """
        points_m = np.full((6, 3), np.nan)
        finite = np.isfinite(q_rad)
        if not finite.any():
            return points_m
        self._kinematics.update(np.where(finite, q_rad, self._home_rad))
        for number, site, joint in self._hands:
            if finite[joint]:
                T_base_wrist = self._kinematics.frame(site)
                arms_m = ARM_M * np.array([np.zeros(3), T_base_wrist[:3, 0], T_base_wrist[:3, 2]])
                points_m[3 * number : 3 * number + 3] = T_base_wrist[:3, 3] + arms_m
        return points_m
