"""What a simulated person does between a takeover and doing the task: hesitate, grope, set off the wrong way."""

from __future__ import annotations

import numpy as np

from ..types import Array
from .imperfections import wrong_direction
from .skills import OperatorSkill

_FADE_S = 0.25
_REACH_M_S = 0.12
"""How fast a hand of speed 1 moves."""
PHASES = ("hesitating", "groping", "wrong way")


class Adaptation:
    """One person's getting used to the robot after one takeover, as a way of the hand from where it was then.

    ``rng`` draws how long they hesitate and grope, ``errors`` the wrong ways, so that one changes nothing of the other.
    """

    def __init__(self, skill: OperatorSkill, rng: np.random.Generator, errors: np.random.Generator) -> None:
        self._skill, self._errors = skill, errors
        self._hesitates_s = float(rng.uniform(*skill.hesitation_s))
        self._gropes_s = 0.0
        if skill.grope_s[1] > 0.0:
            self._gropes_s = float(rng.uniform(*skill.grope_s))
            self._grope_hz = rng.uniform(0.4, 1.2, 3)
        errs = errors.random() < skill.wrong_way_chance
        self._errs_s = float(errors.uniform(*skill.wrong_way_s)) if errs else 0.0
        self._wrong_way: Array | None = None

    @property
    def lasts_s(self) -> float:
        """Seconds from the takeover to the task."""
        return self._hesitates_s + self._gropes_s + self._errs_s

    def phase(self, since_s: float) -> str | None:
        """The name of what the person does ``since_s`` after the takeover; None once they do the task."""
        for name, lasts_s in zip(PHASES, (self._hesitates_s, self._gropes_s, self._errs_s), strict=True):
            since_s -= lasts_s
            if since_s < 0.0:
                return name
        return None

    def needs_direction(self, since_s: float) -> bool:
        """Whether the person now chooses where to go: ``mistake`` must be called with where the task is."""
        return self._wrong_way is None and self.phase(since_s) == "wrong way"

    def mistake(self, right_m: Array) -> None:
        """Choose a wrong direction where ``right_m`` (3,) would be the way to go."""
        self._wrong_way = wrong_direction(self._errors, right_m)

    def place_m(self, from_m: Array, since_s: float) -> Array:
        """(3,) where the hand is that was at ``from_m`` at the takeover. Before a mistake is chosen, it is not made."""
        s = min(since_s / self._hesitates_s, 1.0)
        back_m = self._skill.retraction_m * _smooth(s) * np.array([-0.5, 0.0, 1.0])
        now_m: Array = from_m + back_m + self._grope(since_s - self._hesitates_s)
        erring_s = since_s - self._hesitates_s - self._gropes_s
        if self._wrong_way is not None and erring_s > 0.0:
            gone_m = _REACH_M_S * self._skill.speed * self._errs_s
            now_m = now_m + gone_m * _smooth(min(erring_s / self._errs_s, 1.0)) * self._wrong_way
        return now_m

    def _grope(self, since_s: float) -> Array:
        """Wander around, and end where it began."""
        if since_s <= 0.0 or since_s >= self._gropes_s:
            return np.zeros(3)
        fade = _smooth(min(1.0, since_s / _FADE_S, (self._gropes_s - since_s) / _FADE_S))
        wander: Array = self._skill.grope_m * fade * np.sin(2.0 * np.pi * self._grope_hz * since_s)
        return wander


def _smooth(s: float) -> float:
    return s * s * (3.0 - 2.0 * s)
