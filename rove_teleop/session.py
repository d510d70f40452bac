"""What a collection session is asked to be, and what came of it: plain values for the command line and the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import UsageError


@dataclass(frozen=True)
class SessionOptions:
    """What a session is. ``operator`` is ``simulated``, ``replay:FILE`` or ``none``."""

    dataset: Path
    task: str = "toaster"
    episodes: int = 5
    robot: str = "iron_r01"
    operator: str = "simulated"
    supervisor: str = "simulated"
    checkpoint: str = ""
    protocol: str = "complete"
    takeover: str = "anchored"
    simulated_robot: bool = True
    console_port: int | None = 8080
    cameras: tuple[str, ...] = ("ego",)
    seed: int | None = None
    time_limit_s: float = 45.0
    policy: bool = True

    def __post_init__(self) -> None:
        if not (1 <= self.episodes <= 10_000):
            raise UsageError(f"--episodes must be 1 to 10000, got {self.episodes}")
        if not (1.0 <= self.time_limit_s <= 3600.0):
            raise UsageError(f"--time-limit must be 1 to 3600 s, got {self.time_limit_s:g}")


@dataclass
class Summary:
    """What happened. ``handovers`` are scorecards, ``episodes`` one entry per sealed episode."""

    options: SessionOptions
    robot_note: str
    session_id: str
    console_url: str = ""
    recovered: list[str] = field(default_factory=list)
    episodes: list[dict[str, Any]] = field(default_factory=list)
    handovers: list[dict[str, Any]] = field(default_factory=list)
    jitter_us: dict[str, float] = field(default_factory=dict)
    missed_ticks: int = 0
    rows_dropped: int = 0
    stopped: str = ""
    exit_code: int = 0

    def count(self, outcome: str) -> int:
        return sum(episode["outcome"] == outcome for episode in self.episodes)

    @property
    def takeovers(self) -> int:
        return sum(episode["takeovers"] for episode in self.episodes)

    @property
    def ticks_lost(self) -> int:
        return sum(episode["lost"] for episode in self.episodes)
