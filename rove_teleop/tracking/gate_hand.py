"""What one frame alone says of a hand: whether its numbers can be those of a person's hand on this side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..geometry import is_rigid
from ..types import HAND_POINTS, Array, HandFrame, Side

_KNUCKLES, _BEYOND = [5, 9, 13, 17], [6, 7, 8, 10, 11, 12, 14, 15, 16, 18, 19, 20]
_INDEX, _LITTLE, _THUMB = 5, 17, 2
_BONE_FROM = np.array([0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 13, 14, 15, 0, 17, 18, 19])
"""The point at the other end of the bone that ends at points 1 to 20."""
LONGEST_BONE_M = 0.16
SIZE_M = (0.4, 1.4)
"""Sum of the 20 bones: 0.68 to 0.96 in recordings of adults, with room for children and a calibration to 1.25."""
WRONG_SIDE_M = 0.01
BENT_BACK = 0.045
"""Fingers this far behind their knuckles, on average over their joints, in sizes of the hand. Overstretched ones reach
0.033; a fist of the other side is at 0.053."""
FOREARM_M = (0.1, 0.6)


@dataclass(frozen=True, slots=True)
class GateLimits:
    """What a person and a healthy device can do.

    A wrist or head may move ``jump_slack_m`` plus ``max_wrist_speed_m_s`` times the time since its last frame, and turn
    likewise; that time counts as at least ``stamp_jitter_s``, because frames are stamped on arrival and arrive in
    bursts. ``max_gap_s`` without a good frame counts as a loss. A hand whose every bit stays the same for longer than
    ``max_still_s`` is frozen: real sensors have noise (a source without noise sets it to infinity). Points lie within
    ``max_hand_m`` of the wrist; the size of a hand may change by the factor exp(``max_resize``) from frame to frame.
    """

    max_age_s: float = 0.2
    max_ahead_s: float = 0.005
    max_wrist_speed_m_s: float = 6.0
    max_turn_speed_rad_s: float = 40.0
    jump_slack_m: float = 0.03
    jump_slack_rad: float = 0.3
    stamp_jitter_s: float = 0.012
    max_gap_s: float = 0.5
    max_still_s: float = 0.5
    max_hand_m: float = 0.4
    max_resize: float = 0.2
    max_range_m: float = 30.0


NOISELESS = GateLimits(max_still_s=math.inf)
"""For sources that may truly stand still: a simulated person, and a recording that waits at one frame."""


def hand_fault(hand: HandFrame, side: Side, limits: GateLimits) -> str:
    """Why a hand cannot be what a device saw, as a word for counters; empty when nothing is wrong with it."""
    T_world_wrist, points_m = hand.T_world_wrist, hand.points_m
    if T_world_wrist is not None:
        if not is_rigid(T_world_wrist):
            return "wrist_not_rigid"
        if not np.max(np.abs(T_world_wrist[:3, 3])) <= limits.max_range_m:
            return "wrist_too_far"
    if points_m is None:
        return ""
    if points_m.shape != (len(HAND_POINTS), 3) or not bool(np.all(np.abs(points_m) <= limits.max_hand_m)):
        return "points_not_plausible"
    bones_m = bone_lengths_m(points_m)
    if not size_possible(bones_m):
        return "size_not_possible"
    return "mirrored" if _mirrored(points_m, side, float(bones_m.sum())) else ""


def size_possible(bones_m: Array) -> bool:
    """Whether a person's hand can have bones of these lengths (20,)."""
    return SIZE_M[0] <= float(bones_m.sum()) <= SIZE_M[1] and float(bones_m.max()) <= LONGEST_BONE_M


def bone_lengths_m(points_m: Array) -> Array:
    """Lengths (20,) of the bones of a hand (21, 3)."""
    bones = points_m[1:] - points_m[_BONE_FROM]
    lengths: Array = np.sqrt(np.einsum("ij,ij->i", bones, bones))
    return lengths


def elbow_plausible(hand: HandFrame) -> bool:
    """True for an elbow (3,) at the end of a forearm, or anywhere finite when the wrist is not known."""
    elbow_m = hand.elbow_m
    if elbow_m is None or elbow_m.shape != (3,) or not np.all(np.isfinite(elbow_m)):
        return False
    if hand.T_world_wrist is None:
        return True
    forearm_m = float(np.linalg.norm(elbow_m - hand.T_world_wrist[:3, 3]))
    return FOREARM_M[0] <= forearm_m <= FOREARM_M[1]


def _mirrored(points_m: Array, side: Side, size_m: float) -> bool:
    """True for a hand of the other side: thumb and forefinger lie where the little finger should, or fingers close
    through the back of the hand."""
    to_thumb = 1.0 if side == "right" else -1.0
    across_m = to_thumb * (points_m[[_INDEX, _THUMB], 1] - points_m[_LITTLE, 1])
    back_m = float(points_m[_BEYOND, 2].mean() - points_m[_KNUCKLES, 2].mean())
    return float(across_m.min()) < -WRONG_SIDE_M or back_m > BENT_BACK * size_m
