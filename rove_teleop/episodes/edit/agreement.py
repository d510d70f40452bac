"""How far two people agree about the same episodes: phases per tick, outcomes, and where adaptation ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..read import Episode
from .interventions import Intervention, interventions
from .overlay import Labels, labels_of
from .overlay_files import read_revisions

_CODES = 256


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of the episodes that both edited. None: nothing to say (no pairs; or both use one and the same phase throughout).

    What one of them left as it was recorded counts as what they think. ``t_r`` is compared between interventions that
    overlap, one to one; ``interventions_unpaired`` counts the others, of both.
    """

    episodes: int
    ticks: int
    phase_share: float | None
    phase_kappa: float | None
    outcome_share: float
    t_r_pairs: int
    interventions_unpaired: int
    t_r_difference_median_s: float | None
    t_r_difference_95_s: float | None


def agreement(root: Path, episodes: Iterable[Episode], author_a: str, author_b: str) -> Agreement:
    """Compare what two authors said, each without the other's edits.

    Raises:
        UsageError: no episode that both edited.
        DatasetInvalid: a revision is missing or damaged.
    """
    confusion = np.zeros((_CODES, _CODES), np.int64)
    outcomes: list[bool] = []
    differences_s: list[float] = []
    unpaired = 0
    for a, b in _both(root, episodes, author_a, author_b):
        confusion += confusion_of(a.phase, b.phase)
        outcomes.append(a.outcome == b.outcome)
        runs_a, runs_b = interventions(a.phase), interventions(b.phase)
        pairs = overlapping(runs_a, runs_b)
        unpaired += len(runs_a) + len(runs_b) - 2 * len(pairs)
        differences_s += [abs(a.t_r_s[i] - b.t_r_s[j]) for i, j in pairs]
    if not outcomes:
        raise UsageError(f"{root}: there is no episode that both {author_a} and {author_b} edited")
    ticks = int(confusion.sum())
    return Agreement(
        episodes=len(outcomes),
        ticks=ticks,
        phase_share=float(np.trace(confusion)) / ticks if ticks else None,
        phase_kappa=cohens_kappa(confusion),
        outcome_share=sum(outcomes) / len(outcomes),
        t_r_pairs=len(differences_s),
        interventions_unpaired=unpaired,
        t_r_difference_median_s=float(np.median(differences_s)) if differences_s else None,
        t_r_difference_95_s=float(np.quantile(differences_s, 0.95)) if differences_s else None,
    )


def confusion_of(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often the first says i where the second says j, (256, 256)."""
    pairs = a.astype(np.int64) * _CODES + b
    return np.bincount(pairs, minlength=_CODES * _CODES).reshape(_CODES, _CODES).astype(np.int64)


def cohens_kappa(confusion: NDArray[np.int64]) -> float | None:
    """Cohen's kappa of a table (k, k): agreement beyond chance, 1 is perfect; None where chance explains all."""
    total = float(confusion.sum())
    shares = confusion / max(total, 1.0)
    chance = float(shares.sum(axis=0) @ shares.sum(axis=1))
    if total == 0.0 or np.count_nonzero(shares.sum(axis=0) + shares.sum(axis=1)) == 1:
        return None
    return float((np.trace(shares) - chance) / (1.0 - chance))


def overlapping(a: list[Intervention], b: list[Intervention]) -> list[tuple[int, int]]:
    """Pairs of positions of runs that share rows, each run in one pair at most, in order."""
    pairs = []
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i].to_row <= b[j].from_row:
            i += 1
        elif b[j].to_row <= a[i].from_row:
            j += 1
        else:
            pairs.append((i, j))
            i, j = i + 1, j + 1
    return pairs


def _both(root: Path, episodes: Iterable[Episode], author_a: str, author_b: str) -> Iterator[tuple[Labels, Labels]]:
    for episode in episodes:
        revisions = read_revisions(root, episode)
        a, b = ([item for item in revisions if item.author == author] for author in (author_a, author_b))
        if a and b:
            yield labels_of(episode, a), labels_of(episode, b)
