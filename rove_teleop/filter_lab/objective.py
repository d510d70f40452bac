"""What a search for a better path asks for: one figure as small as possible, others no worse than live."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from .scores import Scores

FIGURES: Mapping[str, Callable[[Scores], float]] = {
    "lag": lambda s: s.follows.lag_s,
    "jerk": lambda s: s.jerk_rms_share,
    "acceleration": lambda s: s.acceleration_rms_share,
    "error": lambda s: s.follows.error_rad,
    "aligned_error": lambda s: s.follows.aligned_error_rad,
    "authority": lambda s: s.time_to_authority_s,
    "handover": lambda s: 100.0 - s.handover_score,
}
"""Figures by the names of the command line; less is better in each."""
UNMET = 10.0
"""How much dearer one relative unit of a broken constraint is than one of the objective."""


@dataclass(frozen=True, slots=True)
class Objective:
    """Minimise ``minimise``; keep each figure of ``keep`` at or below its factor times what it is with the live path.

    Raises:
        UsageError: an unknown figure, or a factor that is not positive.
    """

    minimise: str
    keep: Mapping[str, float]

    def __post_init__(self) -> None:
        for name in (self.minimise, *self.keep):
            if name not in FIGURES:
                raise UsageError(f"'{name}' is no figure of the lab: {', '.join(FIGURES)}")
        for name, factor in self.keep.items():
            if not (0.0 < factor < 1e6):
                raise UsageError(f"--keep {name}: the factor must be positive, got {factor:g}")

    def cost(self, scores: Scores, live: Scores) -> float:
        """1 for the live path where its constraints are met; smaller is better; infinite where it cannot be told.

        A constraint on a figure that the live path does not have (no handover, nothing moves) is no constraint.
        """
        cost = _relative(self.minimise, scores, live)
        if not cost == cost:
            return float("inf")
        for name, factor in self.keep.items():
            share = _relative(name, scores, live)
            if share > factor:
                cost += UNMET * (share - factor)
        return cost

    def met(self, scores: Scores, live: Scores) -> bool:
        """Whether every constraint holds."""
        return not any(_relative(name, scores, live) > factor for name, factor in self.keep.items())

    def as_dict(self) -> dict[str, Any]:
        return {"minimise": self.minimise, "keep": dict(self.keep)}

    def figures(self, scores: Scores) -> dict[str, float | None]:
        """Every figure, None where it cannot be told."""
        values = {name: figure(scores) for name, figure in FIGURES.items()}
        return {name: (round(value, 9) if value == value else None) for name, value in values.items()}


def parse_objective(minimise: str, keep: Sequence[str]) -> Objective:
    """From ``lag`` and texts like ``jerk=1.0``.

    Raises:
        UsageError: a text that is not a figure and a number.
    """
    factors: dict[str, float] = {}
    for text in keep:
        name, _, factor = text.partition("=")
        try:
            factors[name] = float(factor or "1")
        except ValueError:
            raise UsageError(f"--keep {text}: write a figure and a factor, like jerk=1.0") from None
    return Objective(minimise, factors)


def _relative(name: str, scores: Scores, live: Scores) -> float:
    """A figure as a share of the live path's; NaN where either cannot be told."""
    value, reference = FIGURES[name](scores), FIGURES[name](live)
    if not reference > 0.0:
        return float("nan") if value != value or reference != reference else 1.0 + value
    return value / reference
