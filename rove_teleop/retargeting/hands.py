"""Finger points become joint angles of a robot's hand: its fingertips do what the operator's do, inside its limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..robots.description import RobotDescription
from ..robots.tree import read_tree
from ..types import HAND_POINTS, Array, Side
from .calibration import HandSize, implausible, measure_size
from .hand_solver import HandSolver
from .hand_targets import HandTargets
from .pinch_postures import PinchPostures

ABSORBED = 0.5
"""Share of a finger's movement that goes into closing the gap between the robot's finger and the operator's."""
NOISE_RAD = 0.05
"""A finger that stays inside this has not moved: noise must not open a hand that holds something."""
FARTHEST_M = 0.6
"""No point of a hand is farther from its wrist."""
TYPICAL_TOUCH_M = 0.006
"""Without a calibration: how far apart a device reports fingertips that touch."""
FRAMES_MEASURED = 30
"""Good frames from which a hand that was not calibrated is measured."""
ITERATIONS, FIRST_ITERATIONS = 20, 200
"""Most steps of the solver per frame, and for the first frame, which starts anywhere."""
SMOOTHING_S = 0.01
"""Time constant with which the fingers follow the solution: of real time, so it means the same at every frame rate."""
REST = 5e-4
"""Pull to the home pose, per rad^2: half a percent of a tip's, so that a joint that no target moves has one place."""
AT_LIMIT_RAD = 1e-9
"""What counts as standing at a limit."""
SHORTEST_STEP_S = 1e-4


class HandRetargeter:
    """Joint angles of one robot hand from finger points: inside limits, and as before where the points are no good.

    The first frame after ``anchor`` is answered at once, the others as fast as the robot's velocity limits allow. After
    ``anchor`` with the robot's angles, a difference between the robot's fingers and the operator's stays, and shrinks
    only as the operator's fingers move: engaging never opens a hand that holds something. ``joints`` (m,) are indices
    into the robot's arrays; ``clamped`` (m,) marks those whose solution stands at a limit; ``residual_m`` is the worst
    fingertip's distance from its target in the solution, before smoothing and before the difference of an anchor is
    added. The constructor compiles: the first call is as fast as any other.

    Args:
        robot: with a hand on ``side`` in its operator mapping.
        side: which hand.
        size: of the operator's hand; None measures it in the first good frames.

    Raises:
        ValueError: the robot has no hand on that side, or the size is that of no hand.
    """

    def __init__(self, robot: RobotDescription, side: Side, size: HandSize | None = None) -> None:
        mapping = robot.operator.hands.get(side)
        if mapping is None:
            raise ValueError(f"{robot.name} has no {side} hand")
        self.side = side
        self._targets = HandTargets(read_tree(robot, tuple(mapping.points.values()), mapping.wrist), mapping)
        tree = self._targets.tree
        self.joints: NDArray[np.int64] = tree.joints
        self._low, self._high = robot.q_min_rad[self.joints], robot.q_max_rad[self.joints]
        self._v_max = robot.v_max_rad_s[self.joints]
        self._home = robot.home_rad[self.joints]
        self._solver = HandSolver(
            tree,
            self._targets.vectors,
            self._targets.distances,
            self._low,
            self._high,
            rest=REST,
            q_rest_rad=self._home,
        )
        self._postures = PinchPostures(self._targets, self._low, self._high, self._home, REST)
        self._measured: list[Array] | None = [] if size is None else None
        if size is not None:
            if (why := implausible(size)) is not None:
                raise ValueError(f"this is no {side} hand: {why}")
            self._targets.set_size(size)
        self._targets.update(np.zeros((len(HAND_POINTS), 3)))
        self._solver.solve(self._home.copy(), self._targets.target_m, self._targets.weight)
        self.anchor(None)

    def anchor(self, q_rad: Array | None) -> None:
        """Latch the robot's angles (m,) of ``joints`` to the next good points; None maps absolutely."""
        self._anchor_at = None if q_rad is None else q_rad.copy()
        self._offset: Array = np.zeros(len(self.joints))
        self._solution: Array | None = None
        self._smooth: Array = np.zeros(len(self.joints))
        self._settled: Array = np.zeros(len(self.joints))
        self.clamped: NDArray[np.bool_] = np.zeros(len(self.joints), dtype=np.bool_)
        self.residual_m = 0.0

    def angles(self, points_m: Array, q_last_rad: Array, dt_s: float) -> Array:
        """Angles (m,) of ``joints`` for points (21, 3) in the wrist frame, ``dt_s`` after the last ones.

        ``q_last_rad`` (m,) is the answer where the points are no hand, and where the first search starts.
        """
        q_last_rad = np.clip(np.where(np.isfinite(q_last_rad), q_last_rad, self._home), self._low, self._high)
        if not self._usable(points_m):
            return q_last_rad
        # A copy: for rows of a recording, which are read-only, compiled code would be compiled once more.
        self._targets.update(np.array(points_m, dtype=np.float64))
        self._solver.draw(*self._postures.pull(self._targets.pinch_weight))
        wanted = self._targets.target_m, self._targets.weight
        if self._solution is None:
            self._solution = q_last_rad.copy()
            self._solver.solve(self._solution, *wanted, iterations=FIRST_ITERATIONS)
            self._smooth = self._settled = self._solution.copy()
            self._offset = np.zeros(len(self.joints)) if self._anchor_at is None else self._anchor_at - self._solution
        else:
            dt_s = max(dt_s, SHORTEST_STEP_S) if dt_s < np.inf else SHORTEST_STEP_S
            self._solver.solve(self._solution, *wanted, reach_rad=self._v_max * dt_s, iterations=ITERATIONS)
            self._smooth = self._smooth + (1.0 - np.exp(-dt_s / SMOOTHING_S)) * (self._solution - self._smooth)
            self._absorb()
        self.clamped = (self._solution <= self._low + AT_LIMIT_RAD) | (self._solution >= self._high - AT_LIMIT_RAD)
        self.residual_m = float(self._solver.residual_m[: self._targets.tip_count].max())
        return np.clip(self._smooth + self._offset, self._low, self._high)

    def _usable(self, points_m: Array) -> bool:
        """Whether these are points of a hand, of a size that is known or can be measured."""
        if points_m.shape != (len(HAND_POINTS), 3) or not np.all(np.abs(points_m) <= FARTHEST_M):
            return False
        if self._measured is not None:
            if implausible(measure_size(points_m)) is None:
                self._measured.append(points_m)
                size = measure_size(np.array(self._measured))
                self._targets.set_size(HandSize(size.finger_m, np.full(4, TYPICAL_TOUCH_M)))
            if not self._measured:
                return False
            if len(self._measured) == FRAMES_MEASURED:
                self._measured = None
        return True

    def _absorb(self) -> None:
        moved = self._smooth - self._settled
        moved -= np.clip(moved, -NOISE_RAD, NOISE_RAD)
        self._settled = self._settled + moved
        self._offset = np.sign(self._offset) * np.maximum(np.abs(self._offset) - ABSORBED * np.abs(moved), 0.0)
