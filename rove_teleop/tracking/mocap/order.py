"""Which samples of a numbered stream are new: duplicates and late ones are told from a sender that restarted."""

from __future__ import annotations

import math
from typing import Literal

Verdict = Literal["new", "duplicate", "late", "restart"]

SILENT_S = 0.5
"""A sender whose numbers jump is believed after this time without a usable sample: it restarted, or was changed."""


class StreamOrder:
    """Judges the number of each sample; ``wrap`` is where a counter starts again from 0, None for numbers without end.

    A number counts as new when it is ahead by at most ``farthest``; anything else is refused until the stream has been
    silent for a while. So neither an old datagram nor a forged number can block the real ones for longer than that.
    """

    def __init__(self, wrap: int | None, farthest: float) -> None:
        self._wrap, self._farthest = wrap, farthest
        self._newest: float | None = None
        self._accepted_s = -math.inf

    def judge(self, number: float, received_s: float) -> Verdict:
        """How ``number`` stands to the newest accepted one. Pass every sample that is to be used to ``accept``."""
        if self._newest is None:
            return "new"
        ahead = number - self._newest
        if self._wrap is not None:
            ahead = (ahead + self._wrap / 2) % self._wrap - self._wrap / 2
        if 0.0 < ahead <= self._farthest:
            return "new"
        if received_s - self._accepted_s > SILENT_S:
            return "restart"
        return "duplicate" if ahead == 0.0 else "late"

    def accept(self, number: float, received_s: float) -> None:
        self._newest, self._accepted_s = number, received_s
