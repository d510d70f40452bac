"""Velocity limits at a share of the robot's: lowered at any time, raised only between episodes, at rest."""

from __future__ import annotations

from dataclasses import replace

from ..command_filter.check import CommandCheck
from ..command_filter.command_filter import CommandFilter
from ..command_filter.limits import Limits


class SpeedScale:
    """Keeps the filter's limits and the checker's together."""

    def __init__(self, command_filter: CommandFilter, check: CommandCheck) -> None:
        self._filter, self._check = command_filter, check
        self._full = command_filter.limits, check.limits
        self.share = 1.0

    def refusal(self, share: float, between_episodes: bool) -> str | None:
        """Why ``set`` would refuse, or None."""
        if not (0.0 < share <= 1.0):
            return f"the speed must be a share of the limits, up to 1, not {share:g}"
        if share > self.share and not (between_episodes and self._filter.at_rest):
            return f"the speed can only be lowered now (it is at {self.share:g}): raise it between episodes"
        return None

    def set(self, share: float, between_episodes: bool) -> str | None:
        """None when taken (or the same as before), else the sentence that says why not."""
        refusal = self.refusal(share, between_episodes)
        if refusal is not None or share == self.share:
            return refusal
        of_filter, of_check = (_scaled(limits, share) for limits in self._full)
        if share < self.share:
            refusal = self._filter.tighten(of_filter)
            if refusal is None:
                self._check.tighten(of_check)
        else:
            refusal = self._filter.relimit(of_filter)
            if refusal is None:
                self._check.relimit(of_check)
        if refusal is None:
            self.share = share
        return refusal


def _scaled(limits: Limits, share: float) -> Limits:
    return replace(limits, v_max_rad_s=share * limits.v_max_rad_s)
