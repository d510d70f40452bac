"""A body's segments, whatever system tracked them, become the operator's head, wrists, elbows and finger points.

Every decoder delivers the same: places in a room with z up, and turns away from the T-pose (arms out, palms down,
facing x). So each protocol has to state only its axes and how its bones lie in that pose.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from ...geometry import transform
from ...types import HAND_POINTS, SIDES, Array, HandFrame, OperatorFrame, Side
from ..readers.axes import in_wrist_frame, wrist_from_points

ARM_PARTS = ("upper_arm", "forearm", "hand")
PARTS: tuple[str, ...] = ("head", *(f"{side}_{part}" for side in SIDES for part in (*ARM_PARTS, *HAND_POINTS[1:])))
"""What a body is made of here: the head, and of each arm shoulder, elbow and wrist joint and 20 finger points."""
INDEX = {name: k for k, name in enumerate(PARTS)}
T_POSE_WRIST: dict[Side, Array] = {
    "left": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "right": np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}
"""The wrist frame in the T-pose: x along the fingers, z out of the back of the hand."""
UNITS_M = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001}
PLAUSIBLE_ARM_M = (0.25, 0.95)
FARTHEST = 1e5
"""Coordinates beyond this, in any unit, are no place in a room."""
LAST_BONE = np.array([0.79, 0.88, 0.79, 0.85, 1.0])
"""Length of the last bone of thumb to little finger as a part of the bone before it, for streams without fingertips."""


@dataclass(frozen=True, slots=True)
class BodySample:
    """One moment: ``place`` (47, 3) and ``turn`` (47, 3, 3) of ``PARTS``, NaN where the stream has none.

    Places are in the stream's unit, in a room with z up. Turns are rotations away from the T-pose. A hand without a
    turn gets its orientation from its finger points.
    """

    place: Array
    turn: Array


def empty_sample() -> BodySample:
    return BodySample(np.full((len(PARTS), 3), np.nan), np.full((len(PARTS), 3, 3), np.nan))


class BodyView:
    """Turns samples of one stream into frames, seen from the chest: walking and turning around do not move the hands.

    The chest's frame is level, faces where the shoulders face and stays as high as it was at first. Without shoulders
    (rigid bodies) the room's axes are kept. The unit is judged once per stream by the length of the arms.
    """

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.problem: str | None = None
        self._sequence = 0
        self._space = 0
        self._scale_m: float | None = None
        self._height_m: float | None = None

    def restart(self) -> None:
        """The stream begins anew: its origin, its unit and the person may be others."""
        self.counts["restarted"] += 1
        self._space += 1
        self._scale_m = self._height_m = None

    def frame(self, sample: BodySample, received_s: float, from_chest: bool = True) -> OperatorFrame | None:
        """The frame of a sample; None when what it holds is no body (``problem`` says why)."""
        place = np.where(np.abs(sample.place).max(axis=1, keepdims=True) < FARTHEST, sample.place, np.nan)
        if self._scale_m is None and not self._judge(place):
            self.counts["not_a_body"] += 1
            return None
        place = place * (1.0 if self._scale_m is None else self._scale_m)
        turn = sample.turn
        if from_chest:
            place, turn = self._seen_from_chest(place, turn)
        _add_fingertips(place, turn)
        head = place[0], turn[0]
        left, right = (_hand(side, place, turn) for side in SIDES)
        self._sequence += 1
        self.counts["frames"] += 1
        known = bool(np.all(np.isfinite(head[0])) and np.all(np.isfinite(head[1])))
        T_head = transform(head[1], head[0]) if known else None
        return OperatorFrame(received_s, self._sequence, left, right, T_head, space=self._space)

    def _judge(self, place: Array) -> bool:
        """Fix the unit by the arms; False when no unit makes them a person's, or the body stands on its head."""
        arms = [_arm_length(place, side) for side in SIDES]
        known = [arm for arm in arms if np.isfinite(arm)]
        if not known:
            return True
        arm = float(np.mean(known))
        low, high = PLAUSIBLE_ARM_M
        scale_m = next((unit_m for unit_m in UNITS_M.values() if low <= arm * unit_m <= high), None)
        if scale_m is None:
            self.problem = f"an arm of {arm:.3g} is a person's in neither metres, centimetres nor millimetres"
            return False
        shoulders = [place[INDEX[f"{side}_upper_arm"], 2] for side in SIDES]
        if place[0, 2] < np.nanmin(shoulders):
            self.problem = "the head is below the shoulders: the stream's vertical axis is not the expected one"
            return False
        self._scale_m, self.problem = scale_m, None
        return True

    def _seen_from_chest(self, place: Array, turn: Array) -> tuple[Array, Array]:
        left, right = (place[INDEX[f"{side}_upper_arm"]] for side in SIDES)
        middle, across = (left + right) / 2.0, left - right
        width = float(np.hypot(across[0], across[1]))
        if not width > 1e-6:
            return np.full_like(place, np.nan), turn
        cosine, sine = across[1] / width, -across[0] / width
        level = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
        if self._height_m is None:
            self._height_m = float(middle[2])
        seen = (place - middle) @ level.T
        seen[:, 2] += self._height_m
        return seen, level @ turn


def _arm_length(place: Array, side: Side) -> float:
    shoulder, elbow, wrist = (place[INDEX[f"{side}_{part}"]] for part in ARM_PARTS)
    return float(np.linalg.norm(elbow - shoulder) + np.linalg.norm(wrist - elbow))


_FIRST_POINT = {side: INDEX[f"{side}_thumb_cmc"] for side in SIDES}
_BEFORE_LAST = np.array([[_FIRST_POINT[side] + 4 * k + 1 for k in range(5)] for side in SIDES]).ravel()
_LAST, _TIP = _BEFORE_LAST + 1, _BEFORE_LAST + 2


def _add_fingertips(place: Array, turn: Array) -> None:
    """Missing tips lie as far along the last bone as usual; its direction is the straight finger's, turned with it."""
    bone = np.einsum("nji,nj->ni", turn[_BEFORE_LAST], place[_LAST] - place[_BEFORE_LAST])
    tips = place[_LAST] + np.einsum("nij,nj->ni", turn[_LAST], bone * np.tile(LAST_BONE, 2)[:, None])
    place[_TIP] = np.where(np.isnan(place[_TIP]), tips, place[_TIP])


def _hand(side: Side, place: Array, turn: Array) -> HandFrame:
    k, first = INDEX[f"{side}_hand"], _FIRST_POINT[side]
    points = np.vstack([place[k], place[first : first + 20]])
    whole = bool(np.all(np.isfinite(points)))
    turned = bool(np.all(np.isfinite(turn[k])))
    if not (np.all(np.isfinite(place[k])) and (turned or whole)):
        return HandFrame()
    rotation = turn[k] @ T_POSE_WRIST[side] if turned else wrist_from_points(points, side)
    if not np.all(np.isfinite(rotation)):
        return HandFrame()
    elbow = place[INDEX[f"{side}_forearm"]]
    return HandFrame(
        transform(rotation, place[k]),
        in_wrist_frame(points, rotation, place[k]) if whole else None,
        elbow if np.all(np.isfinite(elbow)) else None,
    )
