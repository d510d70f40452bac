"""The phases of the last minute as a few segments, so that a page opened late still shows how it came to this."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ..types import Phase

PHASES: tuple[str, ...] = tuple(phase.name.lower() for phase in Phase)


@dataclass(frozen=True, slots=True)
class Segment:
    """One phase of one episode, from ``start_ago_s`` to ``end_ago_s`` seconds before now (start is the larger)."""

    start_ago_s: float
    end_ago_s: float
    phase: str
    episode: int


@dataclass(slots=True)
class _Run:
    start_s: float
    end_s: float
    phase: str
    episode: int


class Timeline:
    """Run-length record of (phase, episode). A silence longer than ``gap_s`` stays a gap: nothing is filled in."""

    def __init__(self, window_s: float = 60.0, gap_s: float = 0.5, max_runs: int = 400) -> None:
        self.window_s = window_s
        self.gap_s = gap_s
        self._runs: deque[_Run] = deque(maxlen=max_runs)

    def add(self, stamp_s: float, phase: str, episode: int) -> None:
        """Say that ``phase`` holds at ``stamp_s`` (monotonic). A phase this page does not know is ``unlabelled``."""
        known = phase if phase in PHASES else "unlabelled"
        start_s = stamp_s
        if self._runs and stamp_s - self._runs[-1].end_s <= self.gap_s:
            last = self._runs[-1]
            start_s = last.end_s = stamp_s
            if (last.phase, last.episode) == (known, episode):
                return
        self._runs.append(_Run(start_s, stamp_s, known, episode))

    def segments(self, now_s: float) -> list[Segment]:
        """What the window still shows, oldest first, in seconds before ``now_s``."""
        while self._runs and now_s - self._runs[0].end_s >= self.window_s:
            self._runs.popleft()
        return [
            Segment(min(now_s - run.start_s, self.window_s), now_s - run.end_s, run.phase, run.episode)
            for run in self._runs
        ]
