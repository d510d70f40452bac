"""The operator's deadman, debounced: a release counts at once, a press only after it has lasted."""

from __future__ import annotations

HOLD_S = 0.1
"""A press that is shorter than this is a bounce of the contact."""


class Deadman:
    """Contacts that bounce never take over: each release starts the time anew."""

    def __init__(self, hold_s: float = HOLD_S) -> None:
        self.hold_s = hold_s
        self.pressed = False
        self._since_s = 0.0
        self._released_before = False

    def update(self, pressed: bool, now_s: float) -> None:
        """What the device says at ``now_s``."""
        if pressed and not self.pressed:
            self._since_s = now_s
        # Who begins with a pressed deadman has not pressed it for anything yet.
        self._released_before = self._released_before or not pressed
        self.pressed = pressed

    def missing(self, now_s: float) -> str | None:
        """None while it has been held long enough, else what is wrong."""
        if not self.pressed:
            return "the operator's deadman is released"
        # Stamps are multiples of a tick: a nanosecond settles which tick it is.
        held = now_s - self._since_s + 1e-9 >= self.hold_s
        return None if held else f"the operator's deadman must be held for {self.hold_s:g} s first"

    def take_press(self, now_s: float) -> bool:
        """True once per press, as soon as it has lasted; a release must have been seen before."""
        if not self._released_before or self.missing(now_s) is not None:
            return False
        self._released_before = False
        return True
