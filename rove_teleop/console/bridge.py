"""What the web page needs from a session, whatever carries it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .messages import JsonObject
from .timeline import Segment

COMMANDS: tuple[str, ...] = (
    "pause",
    "take_over",
    "recovered",
    "give_back",
    "rewind",
    "success",
    "failure",
    "discard",
    "stop",
    "acknowledge",
)
"""The events of the handover table that a person may send from the page."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One JPEG picture. ``sequence`` counts up from 1 per camera; ``stamp_s`` is its arrival (monotonic)."""

    sequence: int
    stamp_s: float
    jpeg: bytes


class SessionBridge(Protocol):
    """The newest values of a session and a way to ask control for something. Called from several threads.

    Every JSON object is finite, and empty until the first message has arrived. ``now_s`` is the monotonic clock.
    """

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras that may be shown, the main one first."""

    def latest_status(self) -> JsonObject:
        """The newest status of control."""

    def status_age_s(self, now_s: float) -> float | None:
        """Seconds since control last said anything; None before its first word."""

    def latest_session(self) -> JsonObject:
        """The newest counts of the session."""

    def latest_task(self) -> JsonObject:
        """The newest progress of the task."""

    def latest_calibration(self) -> JsonObject:
        """What the calibration asks of the operator: title, text and progress in [0, 1]; empty when it is not on."""

    def latest_operator(self) -> JsonObject:
        """Why the operator is not engaged now (``trouble``), and the refusals of their frames by reason."""

    def latest_events(self) -> list[JsonObject]:
        """The last few events, oldest first."""

    def timeline(self, now_s: float) -> list[Segment]:
        """The phases of the last minute, oldest first."""

    def latest_frame(self, camera: str) -> Frame | None:
        """The newest picture of a camera, None before the first and for a camera that is not known."""

    def command(self, name: str) -> tuple[bool, str]:
        """Ask control for one of COMMANDS: (accepted, why).

        Raises:
            StageLost: control did not answer in time, so nobody knows whether it acted.
        """
