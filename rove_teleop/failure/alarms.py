"""What control makes of advice: one sentence for people, when it arose, and since when there were signs of it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from ..types import Event
from .no_progress import NoProgress

STALE_S = 1.5
"""Advice that was not repeated for so long is forgotten: its process ended, and nobody watches."""
PREROLL_S = 5.0
"""What is kept as the time before an alarm or a trigger where no detector saw it coming."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A monitor's word at one moment: an alarm as a sentence, or None; for how long its score has been elevated.

    ``calibrated``: its silence means something too, for its alarms keep a promise.
    """

    alarm: str | None
    elevated_for_s: float = 0.0
    calibrated: bool = False


class Alarms:
    """The timeout without progress, which needs nothing but the task, and the advice of a failure monitor, if any."""

    def __init__(self, no_progress: NoProgress) -> None:
        self.no_progress = no_progress
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        """A new episode: nothing is known."""
        self.no_progress.reset(now_s)
        self._began_s = now_s
        self.sentence: str | None = None
        self._advice, self._advised_s = Advice(None), -math.inf
        self._elevated_s: float | None = None

    def on_progress(self, now_s: float, progress: float, policy_drives: bool) -> None:
        """Progress of the task; only watched while the policy drives."""
        if not policy_drives:
            self.no_progress.reset(now_s)
        self.no_progress.update(now_s, progress)

    def advise(self, now_s: float, advice: Advice) -> None:
        """The newest word of the monitor."""
        self._advice, self._advised_s = advice, now_s
        self._elevated_s = now_s - advice.elevated_for_s if advice.elevated_for_s > 0.0 else None

    def look(self, now_s: float, policy_drives: bool) -> bool:
        """Bring ``sentence`` up to date; whether an alarm arose just now.

        A calibrated monitor decides alone: the timeout beside it would break what it promises. Where it falls silent,
        or was not calibrated, the timeout counts.
        """
        before = self.sentence
        fresh = now_s - self._advised_s <= STALE_S
        advised = self._advice.alarm if fresh and policy_drives else None
        self.sentence = advised if fresh and self._advice.calibrated else advised or self.no_progress.alarm
        return self.sentence is not None and before is None

    def preroll(self, now_s: float, cause: str) -> Event:
        """Which seconds before ``cause`` (alarm, or a person's trigger) are worth a look: since the score was elevated,
        or where it was not, the last `PREROLL_S`. Its detail is JSON."""
        seen = self._elevated_s is not None and now_s - self._advised_s <= STALE_S
        since_s = self._elevated_s if seen and self._elevated_s is not None else now_s - PREROLL_S
        since_s = max(since_s, self._began_s)
        body = {"cause": cause, "since_s": round(since_s, 4), "seconds": round(now_s - since_s, 3), "elevated": seen}
        return Event(now_s, "preroll", json.dumps(body))
