"""Is one policy better than another? The same seeds for both, and McNemar's exact test on those that differ."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import binomtest

from ..errors import UsageError
from ..handover.states import Signal
from .evaluation import Evaluation


def mcnemar_p(only_one: int, only_other: int) -> float:
    """Two-sided exact McNemar test of pairs in which only the one, or only the other, succeeds."""
    differ = only_one + only_other
    return 1.0 if differ == 0 else float(binomtest(only_one, differ, 0.5).pvalue)


@dataclass(frozen=True)
class Comparison:
    """Two evaluations over the same seeds."""

    one: Evaluation
    other: Evaluation

    def __post_init__(self) -> None:
        ours, theirs = (self.one, self.other)
        same = (ours.task, ours.first_seed, ours.episodes) == (theirs.task, theirs.first_seed, theirs.episodes)
        if not same:
            raise UsageError("two policies are compared over the same seeds of the same task")

    @property
    def only_one(self) -> int:
        """Seeds at which only the first succeeds."""
        return self._count(True, False)

    @property
    def only_other(self) -> int:
        """Seeds at which only the second succeeds."""
        return self._count(False, True)

    @property
    def p_value(self) -> float:
        """How likely such a difference is between policies that are equally good (`mcnemar_p`)."""
        return mcnemar_p(self.only_one, self.only_other)

    def sentence(self) -> str:
        """One line for a person."""
        verdict = "a difference" if self.p_value < 0.05 else "no difference that these episodes show"
        return (
            f"{self.one.successes} against {self.other.successes} of {self.one.episodes} episodes: only the first "
            f"succeeds in {self.only_one}, only the second in {self.only_other} (p = {self.p_value:.2g}): {verdict}"
        )

    def _count(self, one: bool, other: bool) -> int:
        pairs = zip(self.one.results, self.other.results, strict=True)
        return sum(((a.outcome is Signal.SUCCESS), (b.outcome is Signal.SUCCESS)) == (one, other) for a, b in pairs)
