"""The last step of a calibration: straight arms from the front down to the sides."""

from __future__ import annotations

from collections import deque

import numpy as np

from ..types import Array, OperatorFrame, Side
from .arm_size import ArmSize, fit_arm, forward_axis, implausible_arm
from .calibration_steps import place_of

STILL_S, STILL_M = 0.6, 0.03
"""A hand that stays within this distance for this time is held still."""
SWING_M = 0.35
"""Arms that hang have come down by more than this."""
SPACING_M = 0.005
"""Places closer together than this are one: how long somebody paused must not weigh in the circle."""


class ArmSwing:
    """Straight arms from the front down to the sides: the circle tells the length of the arm and the shoulder."""

    title = "Arms"
    text = "Stretch your arms straight forward at shoulder height, hold, then lower them slowly, still straight."
    patience_s = 12.0

    def __init__(self, sides: list[Side]) -> None:
        self._swings = {side: _Swing() for side in sides}

    def feed(self, frame: OperatorFrame, dt_s: float) -> None:
        head_m = None if frame.T_world_head is None else frame.T_world_head[:3, 3]
        for side, swing in self._swings.items():
            place_m = place_of(frame.hand(side))
            if place_m is not None and swing.arm is None:
                swing.feed(place_m, head_m, dt_s)

    @property
    def progress(self) -> float:
        return min(swing.progress for swing in self._swings.values())

    def missing(self) -> str:
        side = min(self._swings, key=lambda side: self._swings[side].progress)
        return f"{side} arm: {self._swings[side].problem}"

    def arms(self) -> dict[Side, ArmSize]:
        """The arms that have been measured."""
        return {side: swing.arm for side, swing in self._swings.items() if swing.arm is not None}

    def shoulder_from_head_m(self) -> dict[Side, Array]:
        """Where each shoulder is as seen from the head, (3,) forward, left, up; nothing where no head is tracked."""
        return {side: swing.from_head_m for side, swing in self._swings.items() if swing.from_head_m is not None}


class _Swing:
    """One wrist: still and high, then down, then still and low. Starts again where that was no swing."""

    def __init__(self) -> None:
        self.arm: ArmSize | None = None
        self.from_head_m: Array | None = None
        self.progress = 0.0
        self.problem = "it was not held still in front"
        self._recent: deque[tuple[float, Array]] = deque()
        self._elapsed_s = 0.0
        self._places_m: list[Array] = []
        self._heads_m: list[Array] = []

    def feed(self, place_m: Array, head_m: Array | None, dt_s: float) -> None:
        self._elapsed_s += dt_s
        still = self._still(place_m)
        if self._places_m:
            self._add(place_m, head_m)
            fallen_m = float(self._places_m[0][2] - place_m[2])
            self.progress = min(max(0.3 + 0.6 * fallen_m / SWING_M, 0.3), 0.9)
            if still and fallen_m > SWING_M:
                self._judge()
                return
        if still and not (self._places_m and self._places_m[0][2] - place_m[2] > STILL_M):
            self._places_m, self._heads_m = [], []
            self._add(place_m, head_m)
            self.progress, self.problem = 0.3, "it was not lowered"

    def _still(self, place_m: Array) -> bool:
        self._recent.append((self._elapsed_s, place_m))
        while self._recent[0][0] < self._elapsed_s - 1.5 * STILL_S:
            self._recent.popleft()
        latest = [place for stamp_s, place in self._recent if stamp_s >= self._elapsed_s - STILL_S]
        whole = self._recent[0][0] < self._elapsed_s - STILL_S
        return whole and bool(np.all(np.ptp(np.array(latest), axis=0) <= STILL_M))

    def _add(self, place_m: Array, head_m: Array | None) -> None:
        if not self._places_m or float(np.linalg.norm(place_m - self._places_m[-1])) >= SPACING_M:
            self._places_m.append(place_m)
        if head_m is not None:
            self._heads_m.append(head_m)

    def _judge(self) -> None:
        places_m = np.array(self._places_m)
        arm = fit_arm(places_m)
        problem = implausible_arm(arm)
        if problem is not None:
            self.progress, self.problem, self._places_m = 0.0, problem, []
            return
        self.arm, self.progress = arm, 1.0
        if self._heads_m:
            forward = forward_axis(places_m)
            left = np.array([-forward[1], forward[0], 0.0])
            away_m = arm.shoulder_m - np.median(np.array(self._heads_m), axis=0)
            self.from_head_m = np.array([away_m @ forward, away_m @ left, away_m[2]])
