"""What a robot's hands may do in space: a cap on their speed and a box that they may not leave, both optional.

Who breaks one is stopped, by the verified stop of the command filter, from the next tick on: this can only make a robot
slower. It does not shape motion; the limits of the joints do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .retargeting.chain import forward, place_sites
from .robots.description import RobotDescription
from .robots.tree import read_tree
from .types import Array

# Rounding of positions of about a metre: what is less is standing still.
_STILL_M = 1e-9


class HandLimits:
    """Watches the wrists' sites of the commanded pose. Without a cap and a box it watches nothing."""

    def __init__(self, robot: RobotDescription) -> None:
        frames = robot.operator.frames
        self.hands = tuple(part for part in ("left_wrist", "right_wrist") if part in frames)
        self._tree = read_tree(robot, [frames[part] for part in self.hands])
        self._dt_s = robot.dt_s
        links = len(self._tree.joints)
        self._rotation, self._position_m = np.zeros((links, 3, 3)), np.zeros((links, 3))
        self._T_base_site = np.zeros((len(self.hands), 4, 4))
        self.speed_m_s: float | None = None
        self.box_m: Array | None = None
        # Compiled now, for a loop must not wait for a compiler.
        self.places_m(np.array(robot.home_rad))

    @staticmethod
    def check(speed_m_s: float, box_m: Sequence[float]) -> Array:
        """The box as an array (6,) or (0,).

        Raises:
            ValueError: a number that is not finite, a negative speed, a box that is none.
        """
        box = np.array(box_m, dtype=np.float64)
        if not (0.0 <= speed_m_s < np.inf):
            raise ValueError(f"the hands' speed must be a number of m/s, 0 for no cap, not {speed_m_s:g}")
        if len(box) and not (box.shape == (6,) and np.all(np.isfinite(box)) and np.all(box[:3] < box[3:])):
            raise ValueError("the hands' box must be x, y, z of its lowest and then of its highest corner, in m")
        return box

    def set(self, speed_m_s: float, box_m: Sequence[float]) -> None:
        """A cap of 0 and an empty box are none; a box is x, y, z of its lowest and then of its highest corner [m].

        Raises:
            ValueError: as ``check`` does.
        """
        box = self.check(speed_m_s, box_m)
        self.speed_m_s = speed_m_s or None
        self.box_m = box.reshape(2, 3) if len(box) else None

    def places_m(self, q_rad: Array) -> Array:
        """Where the hands are in the base's frame, (hands, 3), for joints (n,)."""
        tree = self._tree
        q_links = q_rad[tree.joints]
        forward(tree.parent, tree.T_parent_link, tree.axis, q_links, self._rotation, self._position_m)
        place_sites(tree.site_link, tree.T_link_site, self._rotation, self._position_m, self._T_base_site)
        places: Array = self._T_base_site[:, :3, 3].copy()
        return places

    def broken(self, q_before_rad: Array, q_rad: Array) -> str | None:
        """None, or which hand breaks what in the tick between two commands (n,).

        A hand that is outside the box may come back, and stand.
        """
        if (self.speed_m_s is None and self.box_m is None) or not np.any(q_rad != q_before_rad):
            return None
        before, now = self.places_m(q_before_rad), self.places_m(q_rad)
        speed = np.linalg.norm(now - before, axis=1) / self._dt_s
        for hand, v in zip(self.hands, speed, strict=True):
            if self.speed_m_s is not None and not (v <= self.speed_m_s):
                return f"the {hand} would move at {v:.2f} m/s, above the cap of {self.speed_m_s:g} m/s"
        if self.box_m is None:
            return None
        outside = self._outside_m(now)
        for hand, far, was in zip(self.hands, outside, self._outside_m(before), strict=True):
            if far > 0.0 and not (far <= was + _STILL_M):
                return f"the {hand} would leave its box, by {1000 * far:.0f} mm"
        return None

    def _outside_m(self, places_m: Array) -> Array:
        """How far each place (hands, 3) is outside the box; 0 inside."""
        if self.box_m is None:
            return np.zeros(len(places_m))
        beyond = np.maximum(self.box_m[0] - places_m, places_m - self.box_m[1])
        return np.asarray(np.linalg.norm(np.maximum(beyond, 0.0), axis=1))
