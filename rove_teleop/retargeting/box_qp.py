"""A small quadratic problem with bounds, solved exactly: clipping an unbounded solution would turn hands by tens of
degrees at a joint limit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

from ..types import Array

_RELEASE = 1e-12


def solve_box(H: Array, g: Array, low: Array, high: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Minimise x'Hx/2 - g'x subject to low <= x <= high, by locking variables at bounds and solving for the rest.

    Args:
        H: (m, m), symmetric positive definite.
        g: (m,).
        low, high: (m,), with low <= 0 <= high, so that standing still is always allowed.

    Returns:
        x (m,), always inside the bounds, and a mask (m,) of the variables that a bound stopped. The objective falls
        with every round, so x is useful even if the bounded number of rounds does not suffice.
    """
    x = dposv(H, g)[1]
    if np.all(x >= low) and np.all(x <= high):
        return x, np.zeros(len(g), dtype=np.bool_)
    x = np.zeros(len(g))
    movable = low < high
    free = movable.copy()
    for _ in range(4 * len(g)):
        index = np.flatnonzero(free)
        wanted = x.copy()
        if len(index):
            wanted[index] = dposv(H[np.ix_(index, index)], (g - H[:, ~free] @ x[~free])[index])[1]
        step, blocked = _step_to_bound(x, wanted, low, high)
        if blocked < 0:
            x = wanted
            push = np.where(x <= low, g - H @ x, H @ x - g)  # > 0: the optimum lies inside, away from the bound
            push[free | ~movable] = 0.0
            worst = int(np.argmax(push))
            if not push[worst] > _RELEASE:
                break
            free[worst] = True
        else:
            x = x + step * (wanted - x)
            x[blocked] = low[blocked] if wanted[blocked] < low[blocked] else high[blocked]
            free[blocked] = False
    return np.clip(x, low, high), ~free


def _step_to_bound(x: Array, wanted: Array, low: Array, high: Array) -> tuple[float, int]:
    """How much of the way to ``wanted`` stays inside, and which variable stops it (-1: none)."""
    outside = (wanted < low) | (wanted > high)
    if not np.any(outside):
        return 1.0, -1
    index = np.flatnonzero(outside)
    bound = np.where(wanted < low, low, high)[index]
    share = (bound - x[index]) / (wanted[index] - x[index])
    k = int(np.argmin(share))
    return float(share[k]), int(index[k])
