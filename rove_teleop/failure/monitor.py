"""Everything that watches one policy: hears its streams, looks at every chunk, and says what each detector thinks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..types import ActionChunk, Array
from .alarms import Advice
from .combination import Combination
from .conformal import Threshold
from .detectors import SENTENCES
from .opinion import NEVER, Detector, Heard, Opinion
from .streams import COMMANDED_S

LONGEST_WAIT_S = 0.5
"""Without chunks it looks this often, for a policy that says nothing may be failing too."""


class FailureMonitor:
    """One per policy. It listens while the policy drives, from ``begin`` to ``end``; it advises and never drives.

    The same class is stepped in sessions, in virtual time and over recorded episodes, so that what is calibrated is
    what runs.
    """

    def __init__(
        self,
        detectors: Sequence[Detector],
        thresholds: Mapping[str, Threshold] | None = None,
        combinations: Mapping[str, Combination] | None = None,
        decides: str = "",
        calm: Mapping[str, float] | None = None,
    ) -> None:
        """Without a threshold a detector (or a combination, by its name) is logged and never raises an alarm.

        ``decides`` is the one whose alarm is for people, ``calm`` the level below which each is no news at all.
        """
        self.decides, self._calm = decides, (calm or {}).get(decides, NEVER)
        self.detectors = tuple(detectors)
        self.thresholds = dict(thresholds or {})
        self.combinations = dict(combinations or {})
        self.names = (*(detector.name for detector in self.detectors), *self.combinations)
        column = {detector.name: number for number, detector in enumerate(self.detectors)}
        self._columns = {name: [column[m] for m in item.members] for name, item in self.combinations.items()}
        self._by_stream: dict[Heard, list[tuple[int, Detector]]] = {
            stream: [(n, d) for n, d in enumerate(self.detectors) if d.hears == stream]
            for stream in ("chunk", "embedding", "value", "progress", "commanded", "time")
        }
        self.begin(0.0)
        self.end()

    def begin(self, now_s: float) -> None:
        """The policy starts to drive: an episode begins, or a person gave back."""
        for detector in self.detectors:
            detector.begin(now_s)
        self.driving, self.looks = True, 0
        self._began_s, self._looked_s = now_s, now_s
        self._scores = np.zeros(len(self.detectors))
        self._before: Array | None = None
        self._news, self._command_due_s = False, now_s
        self._opinions: tuple[Opinion, ...] = ()
        self.elevated_s: float | None = None

    def end(self) -> None:
        """The policy does not drive any more: there is nothing to judge."""
        self.driving, self._opinions = False, ()

    def chunk(self, now_s: float, chunk: ActionChunk) -> None:
        """A chunk was received."""
        self._hear("chunk", now_s, chunk)
        self._news = True

    def embedding(self, now_s: float, embedding: Array) -> None:
        """What the policy makes of what it sees (e,)."""
        self._hear("embedding", now_s, embedding)

    def value(self, now_s: float, value: float) -> None:
        """How good the policy, or a critic, thinks the situation is."""
        self._hear("value", now_s, value)

    def progress(self, now_s: float, progress: float) -> None:
        """The task's progress in [0, 1]."""
        self._hear("progress", now_s, progress)

    def commanded(self, now_s: float, q_rad: Array) -> None:
        """What was sent to the robot (n,); one command per `COMMANDED_S` is looked at."""
        if now_s >= self._command_due_s:
            self._command_due_s = now_s + COMMANDED_S - 1e-9
            self._hear("commanded", now_s, q_rad)

    def opinion(self, now_s: float) -> tuple[Opinion, ...]:
        """What everyone thinks now, detectors first; empty while the policy does not drive. Call it at 10 Hz or more.

        It looks anew when a chunk came, or after `LONGEST_WAIT_S`; in between the last opinions stand.
        """
        if self.driving and (self._news or now_s - self._looked_s >= LONGEST_WAIT_S):
            self._look(now_s)
        return self._opinions

    @property
    def scores(self) -> Array:
        """Raw scores (d,) of the detectors."""
        return self._scores.copy()

    def _hear(self, stream: Heard, now_s: float, heard: Any) -> None:
        if self.driving:
            for column, detector in self._by_stream[stream]:
                self._scores[column] = detector.update(now_s, heard)

    def _look(self, now_s: float) -> None:
        self._hear("time", now_s, None)
        self._news, self._looked_s = False, now_s
        self.looks += 1
        elapsed_s = now_s - self._began_s
        combined = [float(item.score(self._scores[self._columns[name]])) for name, item in self.combinations.items()]
        scores = [*self._scores.tolist(), *combined]
        rules = [self.thresholds.get(name, _NONE) for name in self.names]
        above = np.array([rule.exceedance(elapsed_s, s) > rule.level for rule, s in zip(rules, scores, strict=True)])
        alarm = above & self._before if self._before is not None else np.zeros(len(above), bool)
        self._before = above
        self._note_elevated(now_s, elapsed_s, scores)
        self._opinions = tuple(
            Opinion(name, score, rule.at(elapsed_s), bool(on))
            for name, score, rule, on in zip(self.names, scores, rules, alarm, strict=True)
        )

    def _note_elevated(self, now_s: float, elapsed_s: float, scores: Sequence[float]) -> None:
        """Since when the score that decides has been higher than half of the successful episodes ever show."""
        if self.decides not in self.names:
            return
        rule = self.thresholds.get(self.decides, _NONE)
        if not rule.exceedance(elapsed_s, scores[self.names.index(self.decides)]) > self._calm:
            self.elevated_s = None
        elif self.elevated_s is None:
            self.elevated_s = now_s

    def advice(self, now_s: float) -> Advice:
        """What control is told; looks first, as `opinion`."""
        self.opinion(now_s)
        elevated = self.driving and self.elevated_s is not None
        elevated_for_s = now_s - self.elevated_s if elevated and self.elevated_s is not None else 0.0
        return Advice(self.alarm, elevated_for_s, self.decides in self.thresholds)

    @property
    def alarm(self) -> str | None:
        """A sentence for the supervisor while the one that decides raises an alarm."""
        decisive = next((item for item in self._opinions if item.detector == self.decides), None)
        if decisive is None or not decisive.alarm:
            return None
        return f"{self._because()}: consider taking over"

    def _because(self) -> str:
        """What most likely is wrong: the member that is furthest beyond its own threshold."""
        own = [item for item in self._opinions if item.detector in SENTENCES and item.threshold < NEVER]
        worst = max(own, key=lambda item: item.score / max(abs(item.threshold), 1e-9), default=None)
        return "the policy may be failing" if worst is None else SENTENCES[worst.detector]


_NONE = Threshold()
