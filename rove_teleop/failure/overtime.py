"""Longer than it should take. The baseline of every other detector: whoever does not finish has failed."""

from __future__ import annotations

from .opinion import Heard


class Overtime:
    """Hears nothing but the time; the score is the seconds since the policy began to drive."""

    name = "overtime"
    hears: Heard = "time"

    def __init__(self) -> None:
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        self._began_s = now_s

    def update(self, now_s: float, heard: object) -> float:
        """Seconds since the beginning."""
        return now_s - self._began_s
