"""The only place that reads a clock. Everything else takes time as an argument, in seconds of the monotonic clock."""

from __future__ import annotations

import time


def monotonic_s() -> float:
    """Seconds of the machine's monotonic clock (the same clock in every process of one machine)."""
    return time.monotonic()


def wall_time_s() -> float:
    """Seconds since the epoch. For labels only: it may step, so nothing is ever scheduled or aged by it."""
    # The one place that may read it: people want a date in a file, and no other clock knows one.
    return time.time()


def sleep_until(deadline_s: float) -> None:
    """Return at ``deadline_s`` of the monotonic clock, at once when that is past."""
    delay_s = deadline_s - monotonic_s()
    if delay_s > 0.0:
        time.sleep(delay_s)


class Pacer:
    """Deadlines at a fixed period on the monotonic clock.

    A tick that overran is counted and skipped, never caught up: a burst of late ticks would move a robot faster
    than anyone asked.
    """

    def __init__(self, period_s: float, start_s: float | None = None) -> None:
        if not period_s > 0.0:
            raise ValueError(f"period_s must be positive, got {period_s}")
        self.period_s = period_s
        self.deadline_s = monotonic_s() if start_s is None else start_s
        self.missed = 0

    def wait(self) -> float:
        """Sleep to the next deadline; return by how much the wake-up was late, in seconds."""
        self.deadline_s += self.period_s
        sleep_until(self.deadline_s)
        late_s = monotonic_s() - self.deadline_s
        if late_s > self.period_s:
            skipped = int(late_s / self.period_s)
            self.missed += skipped
            self.deadline_s += skipped * self.period_s
        return late_s
