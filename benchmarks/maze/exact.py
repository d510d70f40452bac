"""What a critic should have found: the fixed point of the expectile backup on squares, and the shortest way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mazes import Floats, Maze, cell_of
from numpy.typing import NDArray

from rove_teleop.training.segments import segments
from rove_teleop.training.steps import EpisodeSteps

PER_CELL = 3
PACE = 0.12
"""Cells per step at which people walk in the data, on average."""


@dataclass(frozen=True)
class Squares:
    """A value per square of 1 / PER_CELL cells, NaN where nobody was; ``count`` of the steps seen in each."""

    of: Maze
    value: Floats
    count: NDArray[np.int64]

    def at(self, position: Floats) -> Floats:
        """Values (n,) at positions (n, 2)."""
        found: Floats = self.value.ravel()[square(self.of, position)]
        return found


def square(of: Maze, position: Floats) -> NDArray[np.int64]:
    """Number (n,) of the square that each position (n, 2) is in, row by row."""
    column, row = np.floor(position * PER_CELL).astype(np.int64).T
    return row * of.free.shape[1] * PER_CELL + column


def centres(of: Maze) -> Floats:
    """Centres (n, 2) of all squares, in the order of their numbers."""
    rows, columns = (size * PER_CELL for size in of.free.shape)
    row, column = np.divmod(np.arange(rows * columns), columns)
    return (np.stack([column, row], axis=1) + 0.5) / PER_CELL


def expectile_iteration(
    of: Maze, episodes: Sequence[EpisodeSteps], tau: float, horizon: int = 16, sweeps: int = 5000
) -> Squares:
    """V(square) = the tau-expectile of ``R + V(square H steps on)`` over what the data did from there, iterated.

    Every sweep is one weighted mean per square (the first-order condition of the expectile), until nothing moves.
    """
    found = segments(episodes, [episodes[0].instruction], horizon)
    here = square(of, found.scene[:, :2].astype(np.float64))
    after, shape = here[found.end], tuple(size * PER_CELL for size in of.free.shape)
    count = np.bincount(here, minlength=int(np.prod(shape)))
    value = _mean(here, found.mc_return.astype(np.float64), np.ones(len(here)), len(count))
    for _ in range(sweeps):
        target = found.reward_sum + found.discount * value[after]
        new = _mean(here, target, np.where(target < value[here], 1.0 - tau, tau), len(count))
        moved = np.nanmax(np.abs(new - value))
        value = new
        if moved < 1e-3:
            break
    return Squares(of, value.reshape(shape), count.reshape(shape))


def monte_carlo(of: Maze, episodes: Sequence[EpisodeSteps]) -> Squares:
    """The mean return of each square."""
    found = segments(episodes, [episodes[0].instruction], 1)
    here, shape = square(of, found.scene[:, :2].astype(np.float64)), tuple(size * PER_CELL for size in of.free.shape)
    count = np.bincount(here, minlength=int(np.prod(shape)))
    value = _mean(here, found.mc_return.astype(np.float64), np.ones(len(here)), len(count))
    return Squares(of, value.reshape(shape), count.reshape(shape))


def _mean(where: NDArray[np.int64], value: Floats, weight: Floats, size: int) -> Floats:
    total = np.bincount(where, weights=weight, minlength=size)
    with np.errstate(invalid="ignore"):
        result: Floats = np.bincount(where, weights=weight * value, minlength=size) / total
    return result


def steps_to_goal(of: Maze, position: Floats) -> Floats:
    """Steps (n,) of the shortest way from positions (n, 2) at the data's mean pace."""
    goal = cell_of(of.goal)
    distance, onward = of.distances(goal), of.onward([goal])[0]
    column, row = np.floor(position).astype(np.int64).T
    cells = np.maximum(distance[row, column] - 1, 0) + np.linalg.norm(position - onward[row, column], axis=1)
    return cells / PACE
