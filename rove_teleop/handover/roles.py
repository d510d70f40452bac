"""Who may ask for what: a supervisor for everything, an operator for what concerns their own driving."""

from __future__ import annotations

from enum import StrEnum

from .states import REQUESTS, Signal


class Role(StrEnum):
    """In whose name a request is made. One person may be both, and then asks as a supervisor."""

    SUPERVISOR = "supervisor"
    OPERATOR = "operator"


MAY_ASK: dict[Role, tuple[Signal, ...]] = {
    Role.SUPERVISOR: REQUESTS,
    Role.OPERATOR: (Signal.PAUSE, Signal.TAKE_OVER, Signal.RECOVERED, Signal.GIVE_BACK, Signal.STOP),
}
"""Outcomes, rewinds and acknowledged faults are for the person who watches, not for the one inside the headset."""
