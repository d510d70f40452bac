"""What of the plan before is still to come when a new one is made, and how firmly the new one must agree with it."""

from __future__ import annotations

import numpy as np

from ..types import Array
from .protocol import Plan
from .spline import Curve

FOLLOWED_RAD = 0.1
"""Further than this from what is commanded, a plan is not being followed: a person drives, or the robot was held."""


class PlanBefore:
    """The last plan of a policy, placed in time by the stamp of its observation."""

    def __init__(self) -> None:
        self._before: tuple[float, Plan] | None = None

    def forget(self) -> None:
        """At the start of an episode."""
        self._before = None

    def remember(self, stamp_s: float, plan: Plan) -> None:
        """``plan`` was made of an observation at ``stamp_s``."""
        self._before = stamp_s, plan

    def ahead(
        self, stamp_s: float, q_commanded_rad: Array, offset_s: Array, delay_s: float
    ) -> tuple[Array, Array] | None:
        """Targets (h, m) of the last plan at ``stamp_s + offset_s`` (h,), and weights (h,) in [0, 1].

        The weight is 1 for what is executed before a new plan can arrive, ``delay_s`` from now, and falls to 0 where
        the last plan ends. None when it says nothing of the future, or is not what the robot follows.
        """
        if self._before is None:
            return None
        made_s, plan = self._before
        age_s = stamp_s - made_s
        end_s = float(plan.offset_s[-1]) - age_s
        if not (age_s >= 0.0 and end_s > delay_s):
            return None
        curve = Curve(plan.offset_s, plan.q_rad)
        if np.max(np.abs(curve.at(age_s) - q_commanded_rad[plan.joint_index])) > FOLLOWED_RAD:
            return None
        left = np.clip((end_s - offset_s) / (end_s - delay_s), 0.0, 1.0)
        weight = left * np.expm1(left) / np.expm1(1.0)
        return curve.rows(offset_s + age_s), weight
