"""Which windows a batch holds: a pure function of seed, epoch, rank and batch number, the same on every machine.

The shuffle is computed place by place (a Feistel network walked until it falls inside), so that nothing is stored,
any batch can be asked for first, and no library's random stream can change it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...types import Array

_ROUNDS = 8
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)

_Numbers = NDArray[np.int64]
_Words = NDArray[np.uint64]


def shuffled(position: _Numbers, count: int, seed: int, epoch: int) -> _Numbers:
    """What stands at these places of the shuffle of ``range(count)`` that belongs to seed and epoch."""
    half = np.uint64(max(1, ((count - 1).bit_length() + 1) // 2))
    mask = np.uint64((1 << int(half)) - 1)
    key = _key(seed, epoch)
    value = _feistel(position.astype(np.uint64), half, mask, key)
    outside = np.flatnonzero(value >= count)
    while len(outside):
        value[outside] = _feistel(value[outside], half, mask, key)
        outside = outside[value[outside] >= count]
    return value.astype(np.int64)


def drawn(position: _Numbers, cumulative: Array, seed: int, epoch: int) -> _Numbers:
    """What stands at these places of an epoch drawn by weight, with replacement.

    ``cumulative`` (n,) are the summed weights. The range of weights is cut into n equal pieces and each gives one draw,
    in shuffled order: a window of weight w is drawn its expected number of times, rounded up or down.
    """
    count = len(cumulative)
    piece = shuffled(position, count, seed, epoch)
    word = _mixed(piece.astype(np.uint64) ^ _key(seed, epoch ^ 0x5DEECE66D))
    inside = (word >> np.uint64(11)).astype(np.float64) * 2.0**-53
    at = (piece + inside) * (cumulative[-1] / count)
    # Rounding may reach the very end, where nothing lies; a weight of zero is never reached from the right.
    last = np.searchsorted(cumulative, cumulative[-1])
    found: _Numbers = np.minimum(np.searchsorted(cumulative, at, side="right"), last).astype(np.int64)
    return found


@dataclass(frozen=True, slots=True)
class Batches:
    """The batches of one rank: windows ``[rank::world]`` of an epoch, equally many on every rank.

    Up to ``world - 1`` windows of an epoch are left over, others in every epoch. ``cumulative`` (windows,) are summed
    weights; without them every window comes once.

    Raises:
        UsageError: no window, or a size, rank or weight that cannot be.
    """

    windows: int
    batch_size: int
    seed: int = 0
    rank: int = 0
    world: int = 1
    cumulative: Array | None = None

    def __post_init__(self) -> None:
        if self.batch_size < 1 or not 0 <= self.rank < self.world:
            raise UsageError(f"batch_size {self.batch_size}, rank {self.rank} of {self.world}: these cannot be")
        if self.windows < self.world:
            raise UsageError(f"{self.windows} windows cannot be shared among {self.world} ranks")
        if self.cumulative is not None:
            _check_weights(self.cumulative, self.windows)

    def __len__(self) -> int:
        return -(-self.share // self.batch_size)

    @property
    def share(self) -> int:
        """Windows of one rank in one epoch."""
        return self.windows // self.world

    def batch(self, epoch: int, number: int) -> _Numbers:
        """The window numbers of one batch; the last one of an epoch may be smaller."""
        begin = number * self.batch_size
        position = np.arange(begin, min(begin + self.batch_size, self.share)) * self.world + self.rank
        if self.cumulative is not None:
            return drawn(position, self.cumulative, self.seed, epoch)
        return shuffled(position, self.windows, self.seed, epoch)

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[_Numbers]:
        """The batches of an epoch from ``first_batch`` on."""
        return (self.batch(epoch, number) for number in range(first_batch, len(self)))


def summed_weights(weight: Array) -> Array:
    """Cumulative weights for ``Batches``.

    Raises:
        UsageError: a weight is negative or not finite, or all are zero.
    """
    wrong = np.flatnonzero(~np.isfinite(weight) | (weight < 0.0))
    if len(wrong):
        raise UsageError(f"the weight of window {wrong[0]} is {weight[wrong[0]]}, it must be 0 or more")
    cumulative = np.cumsum(weight, dtype=np.float64)
    if not len(cumulative) or not cumulative[-1] > 0.0:
        raise UsageError("all weights are zero, so there is nothing to draw")
    return cumulative


def _check_weights(cumulative: Array, windows: int) -> None:
    if len(cumulative) != windows or not cumulative[-1] > 0.0:
        raise UsageError(f"{len(cumulative)} weights, not all zero, are needed for {windows} windows")


def _feistel(value: _Words, half: np.uint64, mask: np.uint64, key: np.uint64) -> _Words:
    left, right = value >> half, value & mask
    for number in range(_ROUNDS):
        step = np.uint64((int(key) + number * int(_GOLDEN)) & 0xFFFFFFFFFFFFFFFF)
        left, right = right, left ^ (_mixed(right ^ step) & mask)
    return (left << half) | right


def _key(seed: int, epoch: int) -> np.uint64:
    words = np.array([seed & 0xFFFFFFFFFFFFFFFF, epoch & 0xFFFFFFFFFFFFFFFF], np.uint64)
    first = _mixed(words[:1] + _GOLDEN)
    return np.uint64(_mixed(first ^ _mixed(words[1:] ^ _GOLDEN))[0])


def _mixed(word: _Words) -> _Words:
    """The finaliser of SplitMix64: every bit in changes half of the bits out. Wraps around on purpose."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))
