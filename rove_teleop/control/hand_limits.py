"""What a robot's hands may do in space: a cap on their speed and a box that they may not leave, both optional.

The path slows the robot so that both are kept (``hand_slowing.py``). What is left is watched here, on the commands and
by kinematics of its own: a hand that breaks one all the same is stopped, by the verified stop, from the next tick on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..retargeting.chain import forward, place_sites
from ..robots.description import RobotDescription
from ..robots.tree import read_tree
from ..types import Array
from .hand_chains import Hands, hand_names, no_bounds, read_hands

CAP_TOLERANCE = 0.02
"""Share of the cap, and metres beyond the box, that slowing may miss before the robot is stopped."""
BOX_TOLERANCE_M = 0.002
# Rounding of positions of about a metre: what is less is standing still.
_STILL_M = 1e-9


class HandLimits:
    """The bounds of the wrists' sites, shared with the path, and the watch on them."""

    def __init__(self, robot: RobotDescription, grace_ticks: int) -> None:
        """``grace_ticks``: how long a hand may be faster than a cap that is new, or go on to leave a new box."""
        self.hands = hand_names(robot)
        self.chains: Hands = read_hands(robot)
        self._tree = read_tree(robot, [robot.operator.frames[part] for part in self.hands])
        self._dt_s, self._grace_ticks, self._grace = robot.dt_s, grace_ticks, 0
        links = len(self._tree.joints)
        self._rotation, self._position_m = np.zeros((links, 3, 3)), np.zeros((links, 3))
        self._T_base_site = np.zeros((len(self.hands), 4, 4))
        self.speed_m_s = 0.0
        self.box_m: tuple[float, ...] = ()
        # Compiled now, for a loop must not wait for a compiler.
        self._q_seen_rad = np.array(robot.home_rad)
        self._places_seen_m = self.places_m(self._q_seen_rad)

    @staticmethod
    def check(speed_m_s: float, box_m: Sequence[float]) -> Array:
        """The cap and the box as ``Hands.bounds`` (7,), infinite where there is none.

        Raises:
            ValueError: a number that is not finite, a negative speed, a box that is none.
        """
        bounds, box = no_bounds(), np.array(box_m, dtype=np.float64)
        if not (0.0 <= speed_m_s < np.inf):
            raise ValueError(f"the hands' speed must be a number of m/s, 0 for no cap, not {speed_m_s:g}")
        if len(box) and not (box.shape == (6,) and np.all(np.isfinite(box)) and np.all(box[:3] < box[3:])):
            raise ValueError("the hands' box must be x, y, z of its lowest and then of its highest corner, in m")
        bounds[0] = speed_m_s or np.inf
        bounds[1:] = box if len(box) else bounds[1:]
        return bounds

    def set(self, speed_m_s: float, box_m: Sequence[float]) -> bool:
        """A cap of 0 and an empty box are none; a box is x, y, z of its lowest and then of its highest corner [m].

        Returns:
            Whether anything changed.

        Raises:
            ValueError: as ``check`` does.
        """
        box = tuple(float(x) for x in box_m)
        if (speed_m_s, box) == (self.speed_m_s, self.box_m):
            return False
        self.chains.bounds[:] = self.check(speed_m_s, box)
        self.speed_m_s, self.box_m = speed_m_s, box
        self._grace = self._grace_ticks
        return True

    @property
    def any(self) -> bool:
        """Whether there is a cap or a box."""
        return self.speed_m_s > 0.0 or len(self.box_m) > 0

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
        if not self.any:
            return None
        self._grace = max(self._grace - 1, 0)
        if self._grace or not np.any(q_rad != q_before_rad):
            return None
        before, now = self._seen(q_before_rad), self.places_m(q_rad)
        self._q_seen_rad, self._places_seen_m = q_rad, now
        moved_m = now - before
        speed, cap = np.sqrt((moved_m * moved_m).sum(axis=1)) / self._dt_s, self.chains.bounds[0]
        for hand, v in zip(self.hands, speed.tolist(), strict=True):
            if not (v <= cap * (1.0 + CAP_TOLERANCE)):
                return f"the {hand} would move at {v:.2f} m/s, above the cap of {cap:g} m/s"
        box_m = self.chains.bounds[1:].reshape(2, 3)
        if ((now >= box_m[0]) & (now <= box_m[1])).all():
            return None
        outside = self._outside_m(now)
        for hand, far, was in zip(self.hands, outside, self._outside_m(before), strict=True):
            if far > BOX_TOLERANCE_M and not (far <= was + _STILL_M):
                return f"the {hand} would leave its box, by {1000 * far:.0f} mm"
        return None

    def _seen(self, q_rad: Array) -> Array:
        """``places_m`` of the tick before, which mostly is what was looked at last."""
        return self._places_seen_m if np.array_equal(q_rad, self._q_seen_rad) else self.places_m(q_rad)

    def _outside_m(self, places_m: Array) -> Array:
        """How far each place (hands, 3) is outside the box; 0 inside."""
        box_m = self.chains.bounds[1:].reshape(2, 3)
        beyond = np.maximum(box_m[0] - places_m, places_m - box_m[1])
        return np.asarray(np.linalg.norm(np.maximum(beyond, 0.0), axis=1))
