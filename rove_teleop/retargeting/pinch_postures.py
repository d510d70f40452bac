"""Where a robot's thumb and finger touch best, found once, so that a search that follows a hand does not get stuck.

On the way from an open hand to a pinch there are local minima: a thumb that is short, or turns about one axis only, may
stop beside the finger. A pull towards the posture in which the two do touch, which grows as the operator's gap closes,
leads around them.
"""

from __future__ import annotations

import numpy as np

from ..types import Array
from .hand_solver import HandSolver
from .hand_targets import PINCH_WEIGHT, HandTargets

STARTS, ITERATIONS = 30, 300
"""Random starts per finger, and the most steps from each."""
TOUCH_WEIGHT, NATURAL = 300.0, 2e-4
"""What touching counts, and per rad^2 the distance from home, which chooses among the postures that touch."""
LEAD = 0.1
"""Pull to the posture at touch, per rad^2: a tenth of a tip's own."""


class PinchPostures:
    """One posture per finger that can meet the thumb.

    Args:
        targets: of the hand; its distances are thumb to finger, in the order of the fingers.
        q_min_rad, q_max_rad, home_rad: limits and home (m,) of the hand's joints.
        rest: strength of the pull to home when nothing touches, per rad^2.
    """

    def __init__(self, targets: HandTargets, q_min_rad: Array, q_max_rad: Array, home_rad: Array, rest: float) -> None:
        self._home, self._rest = home_rad, rest
        moves = targets.tree.moves
        self._thumb = np.zeros(len(home_rad), dtype=np.bool_)
        self._own = np.zeros((len(targets.distances), len(home_rad)), dtype=np.bool_)
        self._posture = np.tile(home_rad, (len(targets.distances), 1))
        starts = np.random.default_rng(0).uniform(q_min_rad, q_max_rad, (STARTS, len(home_rad)))
        for k, (thumb_tip, tip) in enumerate(targets.distances):
            self._thumb = moves[thumb_tip]
            self._own[k] = moves[tip] & ~moves[thumb_tip]
            solver = HandSolver(
                targets.tree, [], [(thumb_tip, tip)], q_min_rad, q_max_rad, rest=NATURAL, q_rest_rad=home_rad
            )
            target_m = np.array([[targets.robot_touch_m, 0.0, 0.0]])
            found: list[tuple[float, Array]] = []
            for q_rad in (home_rad.copy(), *starts.copy()):
                solver.solve(q_rad, target_m, np.array([TOUCH_WEIGHT]), iterations=ITERATIONS)
                off_m = float(solver.residual_m[0])
                found.append((TOUCH_WEIGHT * off_m**2 / 0.04 + NATURAL * float(np.sum((q_rad - home_rad) ** 2)), q_rad))
            self._posture[k] = min(found, key=lambda pair: pair[0])[1]

    def pull(self, pinch_weight: Array) -> tuple[Array, Array]:
        """Where each joint is drawn to, and how strongly (m,), for the weights (fingers,) of the pinches.

        Continuous in the weights: a finger's joints follow its own pinch, the thumb the closest ones most.
        """
        near = np.sqrt(pinch_weight / PINCH_WEIGHT)
        strength, centre = np.full(len(self._home), self._rest), self._rest * self._home
        for share, own, posture in zip(near, self._own, self._posture, strict=True):
            strength[own] += LEAD * share
            centre[own] += LEAD * share * posture[own]
        whose = near**4
        if whose.sum() > 0.0:
            lead = LEAD * near.max()
            strength[self._thumb] += lead
            centre[self._thumb] += lead * (whose @ self._posture)[self._thumb] / whose.sum()
        return centre / strength, strength
