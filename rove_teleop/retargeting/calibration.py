"""What is particular to one operator: the size of their hands, and where their fingertips are when they touch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..types import HAND_POINTS, Array, Side
from .arm_size import ArmSize

FINGERS = ("thumb", "index", "middle", "ring", "little")
_INDEX = {name: k for k, name in enumerate(HAND_POINTS)}
CHAINS = np.array(
    [[_INDEX[f"thumb_{part}"] for part in ("cmc", "mcp", "ip", "tip")]]
    + [[_INDEX[f"{finger}_{part}"] for part in ("mcp", "pip", "dip", "tip")] for finger in FINGERS[1:]]
)
"""Points of each finger from its knuckle to its tip, (5 fingers, 4 points)."""
FINGER_RANGE_M = (0.03, 0.20)
TOUCH_RANGE_M = (0.0, 0.06)
"""From the hand of a child to a large one in a thick glove; what is outside is in other units or no hand."""
PLATEAU_M = 0.006
"""Fingertips that stay this close to the closest they came are touching: what remains is the device's noise."""
LOWEST_PERCENT = 5.0


@dataclass(frozen=True, slots=True)
class HandSize:
    """One hand of one operator, in metres.

    ``finger_m`` (5,): length of thumb, index, middle, ring, little from knuckle to tip, stretched. ``touch_m`` (4,):
    distance that the device reports between the thumb's tip and that of index, middle, ring, little when they touch
    (devices put a tip at the nail, at the pad or in the middle of the last bone).
    """

    finger_m: Array
    touch_m: Array


@dataclass(frozen=True, slots=True)
class FingerResidual:
    """Medians in metres over the frames of a calibration, with it and without (``..._before_m``).

    ``tip_m``: distance of the robot's fingertip from its target while the operator's hand was flat. ``pinch_m``: how
    much farther apart (or closer) than touching the robot's thumb and finger were while the operator's touched; None
    for the thumb and where no touch was recorded.
    """

    tip_m: float
    tip_before_m: float
    pinch_m: float | None = None
    pinch_before_m: float | None = None


@dataclass(frozen=True, slots=True)
class HandCalibration:
    """``spread_m`` (5,): frame-to-frame spread of the finger lengths. ``samples``: points (k, 21, 3) in the wrist frame
    while the hand was flat ("flat") and while the thumb touched a finger (its name)."""

    size: HandSize
    spread_m: Array
    samples: Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a guide has measured. ``notes`` are sentences about what was left out and why."""

    hands: Mapping[Side, HandCalibration] = field(default_factory=dict)
    arms: Mapping[Side, ArmSize] = field(default_factory=dict)
    shoulder_from_head_m: Mapping[Side, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def measure_size(points_m: Array) -> HandSize:
    """The size that any pose shows: bone lengths do not depend on how the fingers bend.

    Args:
        points_m: (frames, 21, 3), or (21, 3), finite.
    """
    return HandSize(np.median(_bones_m(points_m), axis=0).sum(axis=-1), np.zeros(4))


def finger_spread_m(points_m: Array) -> Array:
    """How much the lengths of the fingers (5,) differ from frame to frame (standard deviation, robust to outliers)."""
    length_m = _bones_m(points_m).sum(axis=-1)
    spread_m: Array = 1.4826 * np.median(np.abs(length_m - np.median(length_m, axis=0)), axis=0)
    return spread_m


def straightness(points_m: Array) -> Array:
    """Distance from knuckle to tip over the length of the bones between, (frames, 5); 1 is straight, 0 no finger."""
    frames = points_m.reshape(-1, len(HAND_POINTS), 3)
    length_m = _bones_m(points_m).sum(axis=-1)
    reach_m = np.linalg.norm(frames[:, CHAINS[:, -1]] - frames[:, CHAINS[:, 0]], axis=-1)
    result: Array = reach_m / np.maximum(length_m, 1e-9)
    return result


def touch_gaps_m(points_m: Array) -> Array:
    """Distance from the thumb's tip to the tips of index, middle, ring, little, (frames, 4)."""
    tips = points_m.reshape(-1, len(HAND_POINTS), 3)[:, CHAINS[:, -1]]
    gaps_m: Array = np.linalg.norm(tips[:, 1:] - tips[:, :1], axis=-1)
    return gaps_m


def touching(gaps_m: Array) -> NDArray[np.bool_]:
    """Which of the gaps (n,) belong to the plateau at the lowest of them."""
    if gaps_m.size == 0:
        return np.zeros(0, dtype=np.bool_)
    plateau: NDArray[np.bool_] = gaps_m <= np.percentile(gaps_m, LOWEST_PERCENT) + PLATEAU_M
    return plateau


def implausible(size: HandSize) -> str | None:
    """One sentence about a size that no hand has, or None."""
    for values_m, names, (low, high), what in (
        (size.finger_m, FINGERS, FINGER_RANGE_M, "is {:.0f} mm long"),
        (size.touch_m, FINGERS[1:], TOUCH_RANGE_M, "is {:.0f} mm from the thumb when they touch"),
    ):
        if values_m.shape != (len(names),):
            return f"there are {values_m.size} numbers for {len(names)} fingers"
        for name, value_m in zip(names, values_m.tolist(), strict=True):
            if not (low <= value_m <= high):
                says = what.format(1000.0 * value_m)
                return f"the {name} {says}, outside {1000.0 * low:.0f} to {1000.0 * high:.0f} mm"
    return None


def _bones_m(points_m: Array) -> Array:
    """Lengths (frames, 5 fingers, 3 bones)."""
    frames = points_m.reshape(-1, len(HAND_POINTS), 3)
    lengths_m: Array = np.linalg.norm(np.diff(frames[:, CHAINS], axis=2), axis=-1)
    return lengths_m
