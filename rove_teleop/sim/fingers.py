"""One number for a hand: how far it is closed along the line from its open to its closed posture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..robots.description import RobotDescription
from ..types import Array


class Synergy:
    """Finger joints that move together. Postures are angles by joint name without the side (``index_proximal``).

    ``joints`` (m,) are indices into the robot's arrays. Angles beyond the robot's limits are those at the limit. How
    far a hand is closed is read from its four fingers: a person's thumb may be anywhere.
    """

    def __init__(self, robot: RobotDescription, open_rad: Mapping[str, float], closed_rad: Mapping[str, float]) -> None:
        self.joints: NDArray[np.int64] = np.array([robot.index(f"right_{name}") for name in closed_rad])
        low, high = robot.q_min_rad[self.joints], robot.q_max_rad[self.joints]
        self._open = np.clip([open_rad[name] for name in closed_rad], low, high)
        self._way = np.clip(list(closed_rad.values()), low, high) - self._open
        counts = self._way * [not name.startswith("thumb") for name in closed_rad]
        self._gain = counts / float(counts @ counts)

    def angles(self, closure: float) -> Array:
        """(m,) for a hand that is open (0), closed (1) or between."""
        angles: Array = self._open + closure * self._way
        return angles

    def closure(self, q_rad: Array) -> float:
        """How far a hand at ``q_rad`` (m,) is closed; below 0 and above 1 for one that is more than open or closed."""
        return float(self._gain @ (q_rad - self._open))
