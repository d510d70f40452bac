"""Success over seeds: pooled with a Wilson interval, per seed, and paired with another policy by McNemar's test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scipy.stats import binomtest

from rove_teleop.virtual_time.comparison import mcnemar_p

Outcomes = Mapping[int, tuple[bool, ...]]
"""By seed of the run, whether each evaluation episode succeeded; the episodes are the same for all policies."""


def outcomes(told: Mapping[str, Any]) -> tuple[bool, ...]:
    """Of what `rounds.evaluation.evaluation_json` told."""
    return tuple(result["outcome"] == "success" for result in told["results"])


@dataclass(frozen=True)
class Success:
    """Counts over all seeds that are there."""

    by_seed: Outcomes

    @property
    def successes(self) -> int:
        return sum(map(sum, self.by_seed.values()))

    @property
    def episodes(self) -> int:
        return sum(map(len, self.by_seed.values()))

    @property
    def percent(self) -> float:
        return 100.0 * self.successes / self.episodes

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the pooled rate [%]. It knows of episodes, not of how much seeds differ."""
        bounds = binomtest(self.successes, self.episodes).proportion_ci(0.95, method="wilson")
        return 100.0 * float(bounds.low), 100.0 * float(bounds.high)

    @property
    def each(self) -> str:
        """Percent per seed."""
        return " ".join(f"{100.0 * sum(one) / len(one):.0f}" for _, one in sorted(self.by_seed.items()))

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.percent:.1f} [{low:.0f}, {high:.0f}]"


@dataclass(frozen=True)
class Paired:
    """Two policies over the seeds that both have, episode by episode."""

    one: Outcomes
    other: Outcomes

    @property
    def seeds(self) -> list[int]:
        both = sorted(set(self.one) & set(self.other))
        return [seed for seed in both if len(self.one[seed]) == len(self.other[seed])]

    @property
    def only_one(self) -> int:
        return self._count(True, False)

    @property
    def only_other(self) -> int:
        return self._count(False, True)

    @property
    def points(self) -> float:
        """How much better the first one is [percentage points]."""
        episodes = sum(len(self.one[seed]) for seed in self.seeds)
        return 100.0 * (self.only_one - self.only_other) / episodes

    @property
    def p_value(self) -> float:
        """Two-sided exact McNemar test over all pairs."""
        return mcnemar_p(self.only_one, self.only_other)

    def __str__(self) -> str:
        return f"{self.points:+.1f} ({self.only_one}:{self.only_other}, p {shown_p(self.p_value)})"

    def verdict(self, what: str, than: str) -> str:
        """One plain sentence; an effect that does not show is said not to."""
        if self.p_value >= 0.05:
            return f"{what} and {than}: no difference shows ({self})."
        better = "better" if self.points > 0 else "worse"
        return f"{what} is {better} than {than} by {abs(self.points):.1f} points (p {shown_p(self.p_value)})."

    def _count(self, one: bool, other: bool) -> int:
        return sum(
            (a, b) == (one, other) for seed in self.seeds for a, b in zip(self.one[seed], self.other[seed], strict=True)
        )


def shown_p(p: float) -> str:
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}"
