"""What is particular to one operator: the size of their hands, and where their fingertips are when they touch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import HAND_POINTS, Array

FINGERS = ("thumb", "index", "middle", "ring", "little")
_INDEX = {name: k for k, name in enumerate(HAND_POINTS)}
CHAINS = np.array(
    [[_INDEX[f"thumb_{part}"] for part in ("cmc", "mcp", "ip", "tip")]]
    + [[_INDEX[f"{finger}_{part}"] for part in ("mcp", "pip", "dip", "tip")] for finger in FINGERS[1:]]
)
"""Points of each finger from its knuckle to its tip, (5 fingers, 4 points)."""


@dataclass(frozen=True, slots=True)
class HandSize:
    """One hand of one operator, in metres.

    ``finger_m`` (5,): length of thumb, index, middle, ring, little from knuckle to tip, stretched. ``touch_m`` (4,):
    distance that the device reports between the thumb's tip and that of index, middle, ring, little when they touch
    (devices put a tip at the nail, at the pad or in the middle of the last bone).
    """

    finger_m: Array
    touch_m: Array


def measure_size(points_m: Array) -> HandSize:
    """The size that any pose shows: bone lengths do not depend on how the fingers bend.

    Args:
        points_m: (frames, 21, 3), or (21, 3), finite.
    """
    frames = points_m.reshape(-1, len(HAND_POINTS), 3)
    bones_m = np.linalg.norm(np.diff(frames[:, CHAINS], axis=2), axis=-1)  # (frames, 5, 3)
    return HandSize(np.median(bones_m, axis=0).sum(axis=-1), np.zeros(4))
