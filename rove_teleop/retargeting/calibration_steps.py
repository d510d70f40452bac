"""What an operator is asked to do, one step after the other, and whether they really did it."""

from __future__ import annotations

from collections import defaultdict
from typing import Protocol

import numpy as np

from ..types import SIDES, Array, HandFrame, OperatorFrame, Side
from .calibration import FINGERS, HandSize, finger_spread_m, measure_size, straightness, touch_gaps_m, touching

LOOK_S, FLAT_S, TOUCH_S = 2.0, 3.0, 1.0
STRAIGHT = 0.9
CLOSED = 0.4
"""Fingertips closer than this share of the thumb's length may be touching."""
NEAREST_SLACK_M = 0.008


class Step(Protocol):
    """One instruction. Frames come in with the time that each stands for; sides are those the device tracks."""

    title: str
    text: str
    patience_s: float

    def feed(self, frame: OperatorFrame, dt_s: float) -> None: ...

    @property
    def progress(self) -> float:
        """From 0 to 1; at 1 the step is done."""
        ...

    def missing(self) -> str:
        """One sentence about what has not been seen yet."""
        ...


class Look:
    """Which hands are there, and what the device tells of them."""

    title = "Show your hands"
    text = "Hold your hands in front of you, fingers open, so that the device sees them."
    patience_s = 60.0  # a headset has to be put on first

    def __init__(self) -> None:
        self._seen_s = 0.0
        self._points_s: defaultdict[Side, float] = defaultdict(float)
        self._places_s: defaultdict[Side, float] = defaultdict(float)

    def feed(self, frame: OperatorFrame, dt_s: float) -> None:
        hands = {side: frame.hand(side) for side in SIDES}
        if any(_points(hand) is not None or place_of(hand) is not None for hand in hands.values()):
            self._seen_s += dt_s
        for side, hand in hands.items():
            self._points_s[side] += dt_s if _points(hand) is not None else 0.0
            self._places_s[side] += dt_s if place_of(hand) is not None else 0.0

    @property
    def fingers(self) -> list[Side]:
        """The hands whose fingers are tracked most of the time."""
        return [side for side in SIDES if self._points_s[side] > 0.5 * self._seen_s]

    @property
    def wrists(self) -> list[Side]:
        """The hands that have a place in the room (a glove alone has none)."""
        return [side for side in SIDES if self._places_s[side] > 0.5 * self._seen_s]

    @property
    def progress(self) -> float:
        return min(1.0, self._seen_s / LOOK_S)

    def missing(self) -> str:
        return "no hand is tracked"


class FlatHand:
    """Fingers stretched: the lengths of all bones."""

    title = "Hands flat"
    text = "Stretch all fingers and spread them, as flat as you can."
    patience_s = 8.0

    def __init__(self, sides: list[Side], straight: float = STRAIGHT) -> None:
        self._straight = straight
        self.points_m: dict[Side, list[Array]] = {side: [] for side in sides}
        self._flat_s = dict.fromkeys(sides, 0.0)
        self._bent: dict[Side, Array] = {}

    def feed(self, frame: OperatorFrame, dt_s: float) -> None:
        for side in self.points_m:
            points_m = _points(frame.hand(side))
            if points_m is None:
                continue
            self._bent[side] = straightness(points_m)[0]
            if bool(np.all(self._bent[side] >= self._straight)):
                self._flat_s[side] += dt_s
                self.points_m[side].append(points_m)

    @property
    def progress(self) -> float:
        return min(1.0, min(self._flat_s.values()) / FLAT_S)

    def missing(self) -> str:
        side = min(self._flat_s, key=lambda side: self._flat_s[side])
        if side not in self._bent:
            return f"the {side} hand is not tracked"
        if bool(np.all(self._bent[side] >= self._straight)):
            return f"the {side} hand was not kept flat for {FLAT_S:g} s"
        return f"the {FINGERS[int(np.argmin(self._bent[side]))]} finger of the {side} hand is not stretched"

    def size(self, side: Side) -> HandSize:
        return measure_size(np.array(self.points_m[side]))

    def spread_m(self, side: Side) -> Array:
        return finger_spread_m(np.array(self.points_m[side]))


class Touch:
    """Thumb and one finger together: how far apart the device says that touching fingertips are.

    What counts is the plateau at the closest that the tips came, while no other finger was clearly closer.
    """

    patience_s = 7.0

    def __init__(self, finger: str, thumb_m: dict[Side, float]) -> None:
        hands = "both hands" if len(thumb_m) == 2 else f"the {next(iter(thumb_m))} hand"
        self.finger = finger
        self.title = f"Thumb and {finger} finger"
        self.text = f"Touch the {finger} finger with the thumb, tip to tip, on {hands}, and keep them together."
        self._index = FINGERS.index(finger) - 1
        self._thumb_m = thumb_m
        self._points_m: dict[Side, list[Array]] = {side: [] for side in thumb_m}
        self._gaps_m: dict[Side, list[float]] = {side: [] for side in thumb_m}
        self._dt_s: dict[Side, list[float]] = {side: [] for side in thumb_m}
        self._closest_m = dict.fromkeys(thumb_m, np.inf)

    def feed(self, frame: OperatorFrame, dt_s: float) -> None:
        for side, thumb_m in self._thumb_m.items():
            points_m = _points(frame.hand(side))
            if points_m is None:
                continue
            gaps_m = touch_gaps_m(points_m)[0]
            gap_m = float(gaps_m[self._index])
            self._closest_m[side] = min(self._closest_m[side], gap_m)
            if gap_m <= CLOSED * thumb_m and gap_m <= float(gaps_m.min()) + NEAREST_SLACK_M:
                self._points_m[side].append(points_m)
                self._gaps_m[side].append(gap_m)
                self._dt_s[side].append(dt_s)

    def touched_s(self, side: Side) -> float:
        """Seconds of the plateau."""
        return float(np.sum(np.array(self._dt_s[side])[touching(np.array(self._gaps_m[side]))]))

    @property
    def progress(self) -> float:
        return min(1.0, min(self.touched_s(side) for side in self._thumb_m) / TOUCH_S)

    def missing(self) -> str:
        side = min(self._thumb_m, key=self.touched_s)
        if not np.isfinite(self._closest_m[side]):
            return f"the {side} hand is not tracked"
        closest = f"thumb and {self.finger} finger of the {side} hand came no closer than"
        if self._gaps_m[side]:
            return f"thumb and {self.finger} finger of the {side} hand did not stay together for {TOUCH_S:g} s"
        return f"{closest} {1000.0 * self._closest_m[side]:.0f} mm"

    def done(self, side: Side) -> bool:
        return self.touched_s(side) >= TOUCH_S

    def touch_m(self, side: Side) -> float:
        gaps_m = np.array(self._gaps_m[side])
        return float(np.median(gaps_m[touching(gaps_m)]))

    def points_m(self, side: Side) -> Array:
        """The frames (k, 21, 3) of the plateau."""
        together: Array = np.array(self._points_m[side])[touching(np.array(self._gaps_m[side]))]
        return together


def _points(hand: HandFrame) -> Array | None:
    points_m = hand.points_m
    return None if points_m is None or not np.all(np.isfinite(points_m)) else points_m


def place_of(hand: HandFrame) -> Array | None:
    """Where the wrist is; None for a glove that only turns in place."""
    T_world_wrist = hand.T_world_wrist
    if (
        T_world_wrist is None
        or not np.all(np.isfinite(T_world_wrist))
        or not np.any(np.abs(T_world_wrist[:3, 3]) > 1e-6)
    ):
        return None
    place_m: Array = T_world_wrist[:3, 3]
    return place_m
