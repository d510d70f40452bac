"""Which chunks an actor learns from and which of them were better than expected: what every method answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetInvalid
from ..types import Array
from .advantages import advantages, threshold
from .steps import EpisodeSteps

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Supervision:
    """Per episode and step (k,): is the chunk that begins here shown to the actor, and with which tag.

    ``positive`` None is plain imitation: every chunk that is used is an example, nothing is said of its worth.
    """

    use: list[Flags]
    positive: list[Flags] | None = None


@dataclass(frozen=True, slots=True)
class LabelSettings:
    """How advantages become tags.

    A chunk is positive where its advantage over ``horizon`` steps exceeds, strictly, the ``percentile`` of all chunks
    that actors may learn from (``pooled``), or of those of the same driver: policy, adapting person, recovering person.
    ``positives_only`` shows the actor the positive chunks alone and without a tag, as the seed of this project read
    the method; there is nothing to guide away from then.
    """

    percentile: float = 70.0
    horizon: int = 16
    gamma: float = 1.0
    pooled: bool = True
    positives_only: bool = False


def robot_steps(episode: EpisodeSteps) -> Flags:
    """(k,) a robot did this and what it did next is known; never true of a person without a robot."""
    return episode.imitable & (episode.kind != "human")


def judge(
    episodes: Sequence[EpisodeSteps], values: Sequence[Array] | None, settings: LabelSettings
) -> tuple[list[Array], list[Flags]]:
    """Advantages (k,) per episode, NaN where nothing is known, and whether they exceed the threshold.

    Only chunks that an actor may learn from count for the threshold (the paper takes it over the actor's data).

    Raises:
        DatasetInvalid: no values, values of another length, or no chunk with an advantage.
    """
    if values is None or len(values) != len(episodes):
        found = "none" if values is None else str(len(values))
        raise DatasetInvalid(f"labels need a critic's values of every episode: {len(episodes)} episodes, {found}")
    advantage = []
    for episode, value in zip(episodes, values, strict=True):
        if len(value) != len(episode):
            raise DatasetInvalid(f"episode {episode.name} has {len(episode)} steps but {len(value)} values")
        found_here = advantages(episode, value, settings.horizon, settings.gamma)
        advantage.append(np.where(robot_steps(episode), found_here, np.nan))
    return advantage, _above(episodes, advantage, settings)


def _above(episodes: Sequence[EpisodeSteps], advantage: list[Array], settings: LabelSettings) -> list[Flags]:
    """NaN compares false, so that what has no advantage is never positive."""
    if settings.pooled:
        least = threshold(advantage, settings.percentile)
        return [item > least for item in advantage]
    above = [np.zeros(len(item), bool) for item in advantage]
    for driver in sorted({int(source) for episode in episodes for source in np.unique(episode.source)}):
        rows = [episode.source == driver for episode in episodes]
        judged = [item[row] for item, row in zip(advantage, rows, strict=True)]
        if not any(np.isfinite(item).any() for item in judged):
            continue
        least = threshold(judged, settings.percentile)
        above = [old | (row & (item > least)) for old, row, item in zip(above, rows, advantage, strict=True)]
    return above


def conditioned(use: list[Flags], positive: list[Flags], settings: LabelSettings) -> Supervision:
    """All used chunks with their tags, or with ``positives_only`` the positive ones without a tag."""
    if settings.positives_only:
        return Supervision([used & good for used, good in zip(use, positive, strict=True)])
    return Supervision(use, [used & good for used, good in zip(use, positive, strict=True)])
