"""What a detector is, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

NEVER = 1e300
"""The threshold of a detector that was not calibrated: it is logged, and never raises an alarm."""

Heard = Literal["chunk", "embedding", "value", "progress", "commanded", "time"]


@dataclass(frozen=True, slots=True)
class Opinion:
    """One detector at one moment: ``alarm`` once its score was above the threshold at two looks in a row."""

    detector: str
    score: float
    threshold: float
    alarm: bool


class Detector(Protocol):
    """Hears one stream of an episode and turns it into a score: higher is worse, no unit, no threshold of its own."""

    name: str
    hears: Heard

    def begin(self, now_s: float) -> None:
        """The policy starts to drive; forget what was before."""

    def update(self, now_s: float, heard: Any) -> float:
        """Take the newest of what it hears; return the score."""
