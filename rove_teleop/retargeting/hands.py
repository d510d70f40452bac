"""Finger points become the angles of a hand, and those become the robot's hand joints by the robot's own mapping.

Angles are measured, not optimised: robust and thin. What the fingertips do together (pinching) is left to a solver.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..robots.description import RobotDescription
from ..types import HAND_POINTS, Array, Side

_FINGERS = ("index", "middle", "ring", "little")
ABSORBED = 0.5
"""Share of a finger's movement that goes into closing the gap between the robot's finger and the operator's."""
_PARTS = ("mcp", "pip", "dip", "tip")
_INDEX = {name: k for k, name in enumerate(HAND_POINTS)}
_CHAINS = np.array([[_INDEX[f"{finger}_{part}"] for part in _PARTS] for finger in _FINGERS])
_THUMB = np.array([_INDEX[f"thumb_{part}"] for part in ("cmc", "mcp", "ip", "tip")])


def hand_angles(points_m: Array, side: Side) -> dict[str, float]:
    """Angles of a hand in radians by name, as ``robots.operator`` defines them; NaN where points coincide.

    Args:
        points_m: (21, 3) in the wrist frame (x along the fingers, z out of the back of the hand).
        side: whose thumb is where.
    """
    bones = np.diff(points_m[_CHAINS], axis=1)  # (4 fingers, 3 bones, 3)
    first = bones[:, 0]
    # Flexion turns about the finger's own axis after abduction, so it is measured against the spread direction.
    forward = np.hypot(first[:, 0], first[:, 1])
    flexion = np.arctan2(-first[:, 2], np.where(first[:, 0] < 0.0, -forward, forward))
    spread = np.where(forward > 0.3 * np.linalg.norm(first, axis=1), np.arctan2(first[:, 1], np.abs(first[:, 0])), 0.0)
    pip, dip = (_bend(bones[:, k], bones[:, k + 1]) for k in (0, 1))
    angles: dict[str, float] = _thumb_angles(points_m, side)
    for k, finger in enumerate(_FINGERS):
        angles[f"{finger}_abduction"] = float(spread[k])
        angles[f"{finger}_mcp_flexion"] = float(flexion[k])
        angles[f"{finger}_pip_flexion"] = float(pip[k])
        angles[f"{finger}_dip_flexion"] = float(dip[k])
    return angles


def _thumb_angles(points_m: Array, side: Side) -> dict[str, float]:
    bones = np.diff(points_m[_THUMB], axis=0)  # metacarpal, proximal, distal
    x, y, z = bones[0]
    to_thumb = y if side == "right" else -y
    bends = _bend(bones[:-1], bones[1:])
    return {
        "thumb_abduction": float(np.arctan2(-z, np.hypot(x, y))),
        "thumb_cmc_flexion": float(np.pi / 4.0 - np.arctan2(to_thumb, x)),
        "thumb_mcp_flexion": float(bends[0]),
        "thumb_ip_flexion": float(bends[1]),
    }


def _bend(bone: Array, following: Array) -> Array:
    """Angles (n,) between consecutive bones (n, 3); never negative, for a joint between two bones has no side here."""
    sine = np.linalg.norm(np.cross(bone, following), axis=-1)
    angle: Array = np.arctan2(sine, np.sum(bone * following, axis=-1))
    return angle


class HandRetargeter:
    """Joint angles of one robot hand from finger points: inside limits, and as before where the points are no good.

    After ``anchor`` with the robot's angles, a difference between the robot's fingers and the operator's stays, and
    shrinks only as the operator's fingers move: engaging never opens a hand that holds something. ``clamped`` (m,)
    marks the joints whose angle was beyond a position limit.
    """

    def __init__(self, robot: RobotDescription, side: Side) -> None:
        self.side = side
        mapping = robot.operator.hand(side)
        self.joints = np.array([robot.index(joint.joint) for joint in mapping], dtype=np.int64)
        self._angles = [joint.angle for joint in mapping]
        self._scale = np.array([joint.scale for joint in mapping])
        self._low, self._high = robot.q_min_rad[self.joints], robot.q_max_rad[self.joints]
        self.clamped: NDArray[np.bool_] = np.zeros(len(mapping), dtype=np.bool_)
        self._offset: Array = np.zeros(len(mapping))
        self._last: Array | None = None
        self._anchor_at: Array | None = None

    def anchor(self, q_rad: Array | None) -> None:
        """Latch the robot's angles (m,) of ``joints`` to the next good points; None maps absolutely."""
        self._anchor_at = None if q_rad is None else q_rad.copy()
        self._offset = np.zeros(len(self.joints))
        self._last = None

    def angles(self, points_m: Array, q_last_rad: Array) -> Array:
        """Angles (m,) of ``joints`` for points (21, 3); ``q_last_rad`` (m,) stands in where an angle is not finite."""
        if points_m.shape != (len(HAND_POINTS), 3) or not np.all(np.isfinite(points_m)):
            return np.clip(q_last_rad, self._low, self._high)
        measured = hand_angles(points_m, self.side)
        wanted = self._scale * np.array([measured[name] for name in self._angles])
        wanted = np.where(np.isfinite(wanted), wanted, q_last_rad - self._offset)
        self.clamped = (wanted < self._low) | (wanted > self._high)
        wanted = np.clip(wanted, self._low, self._high)
        if self._last is None:
            self._offset = np.zeros(len(wanted)) if self._anchor_at is None else self._anchor_at - wanted
        else:
            shrink = ABSORBED * np.abs(wanted - self._last)
            self._offset = np.sign(self._offset) * np.maximum(np.abs(self._offset) - shrink, 0.0)
        self._last = wanted
        return np.clip(wanted + self._offset, self._low, self._high)
