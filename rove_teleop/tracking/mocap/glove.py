"""The nodes of one glove's hand skeleton become a hand: turned by its wrist node, without a place in the room."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ...geometry import transform
from ...types import HAND_POINTS, Array, HandFrame, Side
from ..readers.axes import MIDDLE_MCP, in_wrist_frame, wrist_from_points
from ..readers.manus import NODE_OF_POINT
from .quaternions import rotations

MANUS_NODES = 25
PALM_M = (0.03, 0.2)
NEAR_TURN_TRACE = 2.0
"""A wrist node within 60 degrees of the hand's axes has those axes; otherwise they are read off the knuckles, once."""


class GloveHand:
    """One glove. Nodes are a wrist and our 20 points, or Manus' 25 (a wrist, 4 of the thumb, 5 of each finger)."""

    def __init__(self, side: Side, counts: Counter[str]) -> None:
        self._side, self._counts = side, counts
        self._axes: Array | None = None

    def hand(self, place_m: Array, wrist_wxyz: Array) -> HandFrame | None:
        """Wrist orientation (at the origin) and points of nodes ``place_m`` (n, 3); None, and counted, for no hand."""
        if len(place_m) not in (MANUS_NODES, len(HAND_POINTS)):
            self._counts["wrong_node_count"] += 1
            return None
        points = place_m[list(NODE_OF_POINT)] if len(place_m) == MANUS_NODES else place_m
        rotation = rotations(wrist_wxyz[None])[0]
        if not (np.all(np.abs(points) < 1e3) and np.all(np.isfinite(rotation))):
            self._counts["not_finite"] += 1
            return None
        local = in_wrist_frame(points, rotation, points[0])
        low, high = PALM_M
        if not low < float(np.linalg.norm(local[MIDDLE_MCP])) < high:
            self._counts["not_a_hand_in_metres"] += 1
            return None
        if self._axes is None:
            axes = wrist_from_points(local, self._side)
            if not np.all(np.isfinite(axes)):
                self._counts["not_a_hand_in_metres"] += 1
                return None
            self._axes = np.eye(3) if np.trace(axes) > NEAR_TURN_TRACE else axes
        self._counts["hands"] += 1
        return HandFrame(transform(rotation @ self._axes, np.zeros(3)), local @ self._axes)
