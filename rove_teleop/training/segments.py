"""Segments: from every step the rewards up to H steps on, and the state whose value stands for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetInvalid
from ..types import Array
from .steps import EpisodeSteps, Single

HORIZON = 16
"""Of critic targets, advantages and execution alike (the paper's)."""


@dataclass(frozen=True, slots=True)
class Spans:
    """What follows each step (k,) of one episode: ``end`` the row whose value is added, times ``discount``.

    ``discount`` is gamma^n of the n steps summed, and 0 where the episode ends before: nothing is beyond its end.
    The last step before a cut is not ``usable``: nobody knows what followed.
    """

    end: NDArray[np.int64]
    reward_sum: Array
    discount: Array
    usable: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Segments:
    """The segments (s,) of all steps of several episodes, one after the other.

    ``scene`` (s, d) float32; ``instruction`` an index; ``end`` the row, among these s, of the state whose value is
    added; ``reward_sum`` discounted; ``mc_return`` the discounted sum to the end; ``episode`` the number of it.
    """

    scene: Single
    instruction: NDArray[np.int64]
    end: NDArray[np.int64]
    reward_sum: Single
    discount: Single
    mc_return: Single
    usable: NDArray[np.bool_]
    episode: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.end)


def spans(episode: EpisodeSteps, horizon: int = HORIZON, gamma: float = 1.0) -> Spans:
    """Up to ``horizon`` rewards from each step on, the step's own first: r_t + ... + gamma^(n-1) r_(t+n-1).

    Truncated at the episode's end. Before a cut the sum ends at the last step before it, whose own reward is not in
    it, and bootstraps from that state.
    """
    count = len(episode)
    row = np.arange(count)
    last = _last_before_cut(episode.cut_before)
    end = np.minimum(row + horizon, last)
    over = (last == count - 1) & (row + horizon > last)
    summed = np.where(over, count - row, end - row)
    reward_sum = np.zeros(count)
    reward = episode.reward.astype(np.float64)
    for ahead in range(min(horizon, count)):
        rows = np.flatnonzero(ahead < summed)
        reward_sum[rows] += gamma**ahead * reward[rows + ahead]
    discount = np.where(over, 0.0, float(gamma) ** summed)
    return Spans(end, reward_sum, discount, summed > 0)


def monte_carlo(episode: EpisodeSteps, gamma: float = 1.0) -> Array:
    """(k,) the discounted rewards from each step to the end. What was cut took no time, so the sum goes on across."""
    total = np.empty(len(episode))
    ahead = 0.0
    for row, reward in zip(range(len(episode) - 1, -1, -1), episode.reward[::-1].tolist(), strict=True):
        ahead = reward + gamma * ahead
        total[row] = ahead
    return total


def segments(
    episodes: Sequence[EpisodeSteps], instructions: Sequence[str], horizon: int = HORIZON, gamma: float = 1.0
) -> Segments:
    """Segments of all ``episodes``; ``instructions`` is the order in which they are numbered.

    Raises:
        DatasetInvalid: no episode, scenes of different width, or an instruction that is not in the list.
    """
    _check(episodes, instructions)
    found = [spans(episode, horizon, gamma) for episode in episodes]
    lengths = [len(episode) for episode in episodes]
    first = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    numbers = [list(instructions).index(episode.instruction) for episode in episodes]
    return Segments(
        scene=np.concatenate([np.asarray(episode.scene, np.float32) for episode in episodes]),
        instruction=np.repeat(np.array(numbers, np.int64), lengths),
        end=np.concatenate([span.end + start for span, start in zip(found, first, strict=True)]).astype(np.int64),
        reward_sum=np.concatenate([span.reward_sum for span in found]).astype(np.float32),
        discount=np.concatenate([span.discount for span in found]).astype(np.float32),
        mc_return=np.concatenate([monte_carlo(episode, gamma) for episode in episodes]).astype(np.float32),
        usable=np.concatenate([span.usable for span in found]),
        episode=np.repeat(np.arange(len(episodes)), lengths),
    )


def _last_before_cut(cut_before: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(k,) the last row of the uncut stretch that each row is in."""
    stretch = np.cumsum(cut_before)
    return np.searchsorted(stretch, stretch, side="right") - 1


def _check(episodes: Sequence[EpisodeSteps], instructions: Sequence[str]) -> None:
    if not episodes:
        raise DatasetInvalid("there is no episode to learn a value from")
    width = episodes[0].scene.shape[1]
    for episode in episodes:
        if episode.scene.shape[1] != width:
            raise DatasetInvalid(
                f"episode {episode.name} has {episode.scene.shape[1]} scene features, {episodes[0].name} has {width}"
            )
        if episode.instruction not in instructions:
            raise DatasetInvalid(f"episode {episode.name} has an unknown instruction, '{episode.instruction}'")
