"""Filtered behaviour cloning: ROVE's critic decides what is kept, and what is kept is imitated without a tag."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...types import Array
from ..steps import EpisodeSteps
from ..supervision import Flags, LabelSettings, Supervision, judge
from .rove import CRITIC as CRITIC

BETA = None


def supervise(episodes: Sequence[EpisodeSteps], values: Sequence[Array] | None, settings: LabelSettings) -> Supervision:
    """Imitate the chunks above the threshold in which nothing failed; drop the others."""
    _, above = judge(episodes, values, settings)
    kept = [good & ~fails(episode, settings.horizon) for good, episode in zip(above, episodes, strict=True)]
    return Supervision(kept)


def fails(episode: EpisodeSteps, horizon: int) -> Flags:
    """(k,) the chunk of ``horizon`` steps that begins here pays for a failure: a failed end or a takeover.

    Its advantage alone would not drop it where the critic had seen the failure coming.
    """
    paid = episode.t_r | (episode.done & (not episode.success))
    total = np.concatenate([[0], np.cumsum(paid)])
    first = np.arange(len(episode))
    cut = np.append(np.flatnonzero(episode.cut_before), len(episode))
    end = np.minimum(first + horizon, cut[np.searchsorted(cut, first, side="right")])
    result: Flags = total[end] > total[first]
    return result
