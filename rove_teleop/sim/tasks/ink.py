"""Ink on a whiteboard: a grid of cells that strokes fill and an eraser takes away, more when pressed and moved."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...types import Array

COLUMNS, ROWS = 12, 8
CELL_M = 0.02
_CLEAN = 0.05
"""Below this a cell counts as clean and is not drawn any more."""


def cell_centres_m() -> Array:
    """(96, 2) centres of the cells in the board's frame, row by row from the lower left."""
    x = (np.arange(COLUMNS) - (COLUMNS - 1) / 2) * CELL_M
    y = (np.arange(ROWS) - (ROWS - 1) / 2) * CELL_M
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def draw_strokes(rng: np.random.Generator, coverage: float) -> Array:
    """(96,) amounts in {0, 1}: wandering strokes until ``coverage`` of the cells are inked."""
    ink = np.zeros((ROWS, COLUMNS))
    while np.mean(ink) < coverage:
        cell = rng.uniform([0, 0], [ROWS, COLUMNS])
        heading = rng.uniform(0.0, 2.0 * np.pi)
        for _ in range(int(rng.integers(5, 12))):
            row, column = int(cell[0]), int(cell[1])
            if not (0 <= row < ROWS and 0 <= column < COLUMNS) or np.mean(ink) >= coverage:
                break
            ink[row, column] = 1.0
            heading += rng.normal(0.0, 0.5)
            cell += np.array([np.sin(heading), np.cos(heading)])
    return ink.reshape(-1)


class Ink:
    """What is left on the board, and the cell to go for next."""

    def __init__(self) -> None:
        self.centres_m = cell_centres_m()
        self.amount = np.zeros(ROWS * COLUMNS)
        self._drawn = 1.0
        self.remaining = 0.0
        """Fraction of the ink that was drawn."""
        self._target = 0

    def reset(self, amount: Array) -> None:
        """New ink (96,)."""
        self.amount = amount.copy()
        self._drawn = max(float(np.sum(amount)), 1e-9)
        self.remaining = float(np.sum(amount)) / self._drawn
        self._target = int(np.argmax(amount))

    def erase(self, under: NDArray[np.bool_], strength: float) -> None:
        """Take ``strength`` (0 nothing, 1 everything) off the cells (96,) that are under the eraser."""
        self.amount[under] = np.maximum(0.0, self.amount[under] - strength)
        self.amount[self.amount < _CLEAN] = 0.0
        self.remaining = float(self.amount.sum()) / self._drawn

    def target_m(self, eraser_m: Array) -> Array:
        """(2,) the inked cell to wipe: kept until it is clean, then the nearest to the eraser."""
        if self.amount[self._target] < _CLEAN and self.remaining > 0.0:
            distance_m = np.linalg.norm(self.centres_m - eraser_m, axis=1)
            distance_m[self.amount < _CLEAN] = np.inf
            self._target = int(np.argmin(distance_m))
        centre: Array = self.centres_m[self._target]
        return centre

    def coarse(self) -> Array:
        """(24,) mean amounts of 2x2 blocks of cells, 6 columns by 4 rows."""
        blocks: Array = self.amount.reshape(ROWS // 2, 2, COLUMNS // 2, 2).mean(axis=(1, 3)).reshape(-1)
        return blocks
