"""The guide: one instruction after the other, repeated until it was done, and what was measured in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..types import Array, OperatorFrame, Side
from .arm_swing import ArmSwing
from .calibration import FINGERS, Calibration, HandCalibration, HandSize, implausible
from .calibration_steps import FlatHand, Look, Step, Touch

MOST_ATTEMPTS = 3
LONGEST_FRAME_S = 0.1
"""A gap in the frames does not count as time in which something was held."""
SAMPLE_FRAMES = 20


@dataclass(frozen=True, slots=True)
class Guidance:
    """What the operator sees now. ``progress`` is that of the step; ``hint`` says why an attempt did not count."""

    step: int
    steps: int
    title: str
    text: str
    progress: float
    left_s: float
    hint: str = ""
    ended: bool = False


class Guide:
    """Feed it with ``step`` until ``guidance.ended``; then there is a ``result``, or a ``failure`` says why not.

    Time comes with the calls: patience by ``now_s``, what was held by the stamps of the frames.
    """

    def __init__(self, fingers: bool = True, arms: bool = True) -> None:
        self.result: Calibration | None = None
        self.failure = ""
        self._wanted = fingers, arms
        self._look = Look()
        self._plan: list[Step] = [self._look]
        self._flat: FlatHand | None = None
        self._touches: dict[str, Touch] = {}
        self._swing: ArmSwing | None = None
        self._notes: list[str] = []
        self._at, self._attempt, self._hint = 0, 1, ""
        self._begun_s: float | None = None
        self._stamp_s: float | None = None

    def step(self, frame: OperatorFrame | None, now_s: float) -> Guidance:
        """One new frame, or None when there is none; returns what to show."""
        if self._begun_s is None:
            self._begun_s = now_s
        if not self._ended and frame is not None:
            dt_s = 0.0 if self._stamp_s is None else min(max(frame.stamp_s - self._stamp_s, 0.0), LONGEST_FRAME_S)
            self._stamp_s = frame.stamp_s
            self._plan[self._at].feed(frame, dt_s)
        if not self._ended and self._plan[self._at].progress >= 1.0:
            self._finish(now_s)
        elif not self._ended and now_s - self._begun_s > self._plan[self._at].patience_s:
            self._repeat(now_s)
        return self._guidance(now_s)

    @property
    def _ended(self) -> bool:
        return self.result is not None or bool(self.failure)

    def _guidance(self, now_s: float) -> Guidance:
        steps = self._steps()
        if self._ended:
            text = self.failure or "Done."
            return Guidance(
                self._at, steps, "Not calibrated" if self.failure else "Calibrated", text, 1.0, 0.0, "", True
            )
        step = self._plan[self._at]
        left_s = max(0.0, step.patience_s - (now_s - (self._begun_s or now_s)))
        return Guidance(self._at + 1, steps, step.title, step.text, step.progress, left_s, self._hint)

    def _steps(self) -> int:
        """How many steps there will be, as far as that is known."""
        fingers, arms = self._wanted
        if self._at == 0:
            return 1 + (1 + len(FINGERS[1:])) * fingers + arms
        touches_come = self._flat is not None and not self._touches
        return len(self._plan) + (len(FINGERS[1:]) if touches_come else 0)

    # --- from step to step ---

    def _finish(self, now_s: float) -> None:
        step = self._plan[self._at]
        if step is self._look:
            self._make_plan()
        elif step is self._flat:
            sizes = {side: self._flat.size(side) for side in self._flat.points_m}
            self.failure = _problem(sizes)
            self._add_touches()
        self._next(now_s)

    def _next(self, now_s: float) -> None:
        self._at, self._attempt, self._hint, self._begun_s = self._at + 1, 1, "", now_s
        if not self.failure and self._at == len(self._plan):
            self._conclude()

    def _repeat(self, now_s: float) -> None:
        """The step was not done in time: again, with the reason; after some attempts go on without it, or give up."""
        step = self._plan[self._at]
        why = step.missing()
        if self._attempt < MOST_ATTEMPTS:
            self._attempt, self._hint, self._begun_s = self._attempt + 1, f"Once more: {why}.", now_s
            self._plan[self._at] = self._again(step)
        elif isinstance(step, ArmSwing) and (self._flat is not None or step.arms()):
            self._notes.append(f"arms: {why}")
            self._next(now_s)
        elif isinstance(step, Touch) and step.finger != "index":
            self._notes.append(why)
            self._next(now_s)
        else:
            self.failure = f"{why}; nothing was saved"

    def _again(self, step: Step) -> Step:
        """A fresh attempt; arms that were measured are kept."""
        if isinstance(step, FlatHand):
            # Bones do not get shorter in a bent finger: a hand that cannot be stretched is measured as it is.
            last = self._attempt == MOST_ATTEMPTS
            self._notes += [f"{step.missing()}: measured as it was"] if last else []
            self._flat = fresh = FlatHand(self._look.fingers, 0.0) if last else FlatHand(self._look.fingers)
            return fresh
        if isinstance(step, Touch):
            self._touches[step.finger] = again = Touch(step.finger, self._thumbs_m())
            return again
        if isinstance(step, Look):
            self._look = look = Look()
            return look
        return step

    # --- the plan ---

    def _make_plan(self) -> None:
        """What makes sense for what the device tracks."""
        fingers, arms = self._wanted
        if fingers and self._look.fingers:
            self._flat = FlatHand(self._look.fingers)
            self._plan.append(self._flat)
        if arms and self._look.wrists:
            self._swing = ArmSwing(self._look.wrists)
            self._plan.append(self._swing)
        if len(self._plan) == 1:
            missing = {(True, True): "fingers or the places of the wrists", (True, False): "fingers"}
            lacks = missing.get(self._wanted, "the places of the wrists")
            self.failure = f"the device does not tell {lacks}: there is nothing to measure"

    def _add_touches(self) -> None:
        self._touches = {finger: Touch(finger, self._thumbs_m()) for finger in FINGERS[1:]}
        self._plan[self._at + 1 : self._at + 1] = self._touches.values()

    def _thumbs_m(self) -> dict[Side, float]:
        flat = self._flat
        return {} if flat is None else {side: float(flat.size(side).finger_m[0]) for side in flat.points_m}

    # --- the result ---

    def _conclude(self) -> None:
        hands = {} if self._flat is None else {side: self._hand(self._flat, side) for side in self._flat.points_m}
        self.failure = _problem({side: hand.size for side, hand in hands.items()})
        if self.failure:
            return
        swing = self._swing
        self.result = Calibration(
            hands=hands,
            arms={} if swing is None else swing.arms(),
            shoulder_from_head_m={} if swing is None else swing.shoulder_from_head_m(),
            notes=tuple(self._notes),
        )

    def _hand(self, flat: FlatHand, side: Side) -> HandCalibration:
        touched = {finger: touch for finger, touch in self._touches.items() if touch.done(side)}
        known_m = {finger: touch.touch_m(side) for finger, touch in touched.items()}
        # A finger that does not reach the thumb would touch as those do that reach it.
        usual_m = float(np.median(list(known_m.values()))) if known_m else 0.0
        touch_m = np.array([known_m.get(finger, usual_m) for finger in FINGERS[1:]])
        samples = {"flat": _some(flat.points_m[side])}
        samples |= {finger: _some(touch.points_m(side)) for finger, touch in touched.items()}
        return HandCalibration(HandSize(flat.size(side).finger_m, touch_m), flat.spread_m(side), samples)


def _some(points_m: Sequence[Array] | Array) -> Array:
    """A few of the frames, evenly spread."""
    every = np.array(points_m)
    some: Array = every[np.unique(np.linspace(0, len(every) - 1, SAMPLE_FRAMES).astype(int))]
    return some


def _problem(sizes: Mapping[Side, HandSize]) -> str:
    """Why the sizes cannot be true, or nothing."""
    for side, size in sizes.items():
        problem = implausible(size)
        if problem is not None:
            return f"{side} hand: {problem}; nothing was saved"
    return ""
