"""Who may speak as the headset: whoever knows the code, one at a time, and not too fast."""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque

MOST_WRONG_CODES = 5
REMEMBERED_S = 60.0
MOST_ADDRESSES = 256
SILENT_S = 2.0
MESSAGES_PER_S = 240.0
"""Twice the fastest headset's frames and all its other words."""


class Door:
    """Compares codes in constant time. An address with several wrong ones waits, even with the right one."""

    def __init__(self, code: str) -> None:
        self._code = code.encode()
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def admits(self, code: str, address: str, now_s: float) -> bool:
        wrong = self._wrong.get(address)
        while wrong and not now_s - wrong[0] <= REMEMBERED_S:
            wrong.popleft()
        if wrong and len(wrong) >= MOST_WRONG_CODES:
            return False
        if secrets.compare_digest(code.encode(errors="replace"), self._code):
            return True
        self._wrong.setdefault(address, deque()).append(now_s)
        self._wrong.move_to_end(address)
        if len(self._wrong) > MOST_ADDRESSES:
            self._wrong.popitem(last=False)
        return False


class Lease:
    """One headset at a time: the first keeps it until it gives it back or is silent for 2 s."""

    def __init__(self) -> None:
        self._holder: object = None
        self._heard_s = 0.0

    def takes(self, who: object, now_s: float) -> bool:
        """Whether ``who`` may stream now; who may has been heard of."""
        if self.state(who, now_s) == "other":
            return False
        self._holder, self._heard_s = who, now_s
        return True

    def state(self, who: object, now_s: float) -> str:
        """``yours``, ``other`` or ``free``, for ``who``."""
        if self._holder is None or not now_s - self._heard_s <= SILENT_S:
            return "free"
        return "yours" if self._holder is who else "other"

    def give_back(self, who: object) -> None:
        if self._holder is who:
            self._holder = None


class Budget:
    """A second's worth of messages, refilled as time passes."""

    def __init__(self, now_s: float) -> None:
        self._left, self._filled_s = MESSAGES_PER_S, now_s

    def spend(self, now_s: float) -> bool:
        """False when this message is one too many."""
        refilled = self._left + MESSAGES_PER_S * max(now_s - self._filled_s, 0.0)
        self._left, self._filled_s = min(refilled, MESSAGES_PER_S) - 1.0, now_s
        if self._left < 0.0:
            self._left = 0.0
            return False
        return True
