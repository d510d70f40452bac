"""The operator's deadman, debounced: a release counts at once, a press only after it has lasted."""

from __future__ import annotations

import math

HOLD_S = 0.1
"""A press that is shorter than this is a bounce of the contact."""


class Deadman:
    """Contacts that bounce never take over: each release starts the time anew."""

    def __init__(self, hold_s: float = HOLD_S) -> None:
        self.hold_s = hold_s
        self.pressed = False
        self._since_s = math.inf
        self._released_before = False

    def update(self, pressed: bool, now_s: float) -> None:
        """What the device says at ``now_s``."""
        # A release that is as short as a bounce was none. Who begins with a pressed deadman has not pressed it yet.
        if not self.pressed and self._lasted(now_s):
            self._released_before = True
        if pressed != self.pressed or self._since_s == math.inf:
            self._since_s = now_s
        self.pressed = pressed

    def missing(self, now_s: float) -> str | None:
        """None while it has been held long enough, else what is wrong."""
        if not self.pressed:
            return "the operator's deadman is released"
        return None if self._lasted(now_s) else f"the operator's deadman must be held for {self.hold_s:g} s first"

    def take_press(self, now_s: float) -> bool:
        """True once per press, as soon as it has lasted; a release must have been seen before."""
        if not self._released_before or self.missing(now_s) is not None:
            return False
        self._released_before = False
        return True

    def _lasted(self, now_s: float) -> bool:
        """Stamps are multiples of a tick: a nanosecond settles which tick it is."""
        return now_s - self._since_s + 1e-9 >= self.hold_s
