"""A simulated supervisor: watches what the console shows, pauses, switches, marks the outcome, with human delays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..handover.states import Signal


@dataclass(frozen=True)
class SupervisorHabits:
    """Times in seconds. ``reaction_s`` is the range between noticing and pressing.

    ``only_teleoperate``: take the robot at once, let the person move it whatever becomes of the task, and discard the
    episode at the time limit. Without ``takes_over`` nobody is there who could: no alarm is a reason to pause then,
    a policy that was lost goes on when it is back, and what people stopped is a failure at the time limit.
    """

    reaction_s: tuple[float, float] = (0.3, 0.8)
    look_before_takeover_s: float = 0.6
    time_limit_s: float = 45.0
    recovered_gain: float = 0.04
    recovered_for_s: float = 0.7
    only_teleoperate: bool = False
    takes_over: bool = True


@dataclass(frozen=True, slots=True)
class View:
    """What a supervisor sees at one moment; ``stopped``: a person stopped the robot."""

    state: str
    alarm: bool
    progress: float
    success: bool
    failure: str | None
    elapsed_s: float
    stopped: bool = False


class SimulatedSupervisor:
    """Decides at most one request per look. Decisions depend only on what it sees, the time and its seed."""

    def __init__(self, habits: SupervisorHabits | None = None, seed: int = 0) -> None:
        self.habits = habits or SupervisorHabits()
        self._rng = np.random.default_rng(seed)
        self.begin()

    def begin(self) -> None:
        """A new episode."""
        self._state = ""
        self._entered_s = 0.0
        self._intends: Signal | None = None
        self._acts_s = 0.0
        self._progress_at_takeover = 0.0
        self._gaining_since_s: float | None = None

    def look(self, now_s: float, view: View) -> Signal | None:
        """The request to make now, or None."""
        if view.state != self._state:
            self._state, self._entered_s, self._intends = view.state, now_s, None
            if view.state == "adaptation":
                self._progress_at_takeover, self._gaining_since_s = view.progress, None
        wish = self._wish(now_s, view)
        if wish is None:
            self._intends = None
            return None
        if wish is not self._intends:
            self._intends = wish
            self._acts_s = now_s + float(self._rng.uniform(*self.habits.reaction_s))
        if now_s < self._acts_s:
            return None
        # Pressed; if it was refused, the same wish is pressed again after another reaction time.
        self._acts_s = now_s + float(self._rng.uniform(*self.habits.reaction_s))
        return wish

    def _wish(self, now_s: float, view: View) -> Signal | None:
        if view.state in ("", "idle", "done"):
            return None
        if self.habits.only_teleoperate and view.elapsed_s > self.habits.time_limit_s:
            return Signal.DISCARD
        if view.state == "fault":
            return Signal.ACKNOWLEDGE
        if self.habits.only_teleoperate:
            return _TELEOPERATE.get(view.state)
        if view.success:
            return Signal.SUCCESS
        if view.failure is not None or view.elapsed_s > self.habits.time_limit_s:
            return Signal.FAILURE
        if not self.habits.takes_over:
            return Signal.GIVE_BACK if view.state == "hold" and not view.stopped else None
        if view.state == "autonomous" and view.alarm:
            return Signal.PAUSE
        if view.state in ("paused", "hold"):
            looked = now_s - self._entered_s >= self.habits.look_before_takeover_s
            return Signal.TAKE_OVER if looked else None
        if view.state == "adaptation" and self._recovering(now_s, view.progress):
            return Signal.RECOVERED
        return None

    def _recovering(self, now_s: float, progress: float) -> bool:
        """Sustained progress since the takeover: late rather than early, as the paper advises for t_r."""
        if not (progress >= self._progress_at_takeover + self.habits.recovered_gain):
            self._gaining_since_s = None
            return False
        if self._gaining_since_s is None:
            self._gaining_since_s = now_s
        return now_s - self._gaining_since_s >= self.habits.recovered_for_s


_TELEOPERATE = {"autonomous": Signal.PAUSE, "paused": Signal.TAKE_OVER, "hold": Signal.TAKE_OVER}
