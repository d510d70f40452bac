"""A small quadratic problem with bounds, solved exactly: clipping an unbounded solution would turn hands by tens of
degrees at a joint limit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..types import Array

_RELEASE = 1e-12
"""Smallest slope of the objective, relative to the largest entry of g, that lets a variable leave its bound."""


@njit
def solve_box(H: Array, g: Array, low: Array, high: Array, x: Array, stopped: NDArray[np.bool_]) -> None:
    """Minimise x'Hx/2 - g'x subject to low <= x <= high, by locking variables at bounds and solving for the rest.

    The search begins at the clipped unbounded solution, which is feasible and mostly close. From there the objective
    never rises, so x is useful even if the bounded number of rounds does not suffice.

    Args:
        H: (m, m), symmetric positive definite; only its lower half is read.
        g: (m,).
        low, high: (m,), with low <= high.
        x: (m,), written; always inside the bounds.
        stopped: (m,), written; the variables that a bound stopped.
    """
    m = len(g)
    wanted, index, first, L = np.empty(m), np.empty(m, np.int64), np.empty(m, np.int64), np.empty((m, m))
    largest = 0.0
    for i in range(m):
        stopped[i] = not low[i] < high[i]
        x[i] = low[i] if stopped[i] else 0.0
        largest = max(largest, abs(g[i]))
    for rounds in range(4 * m + 1):
        _solve_free(H, g, x, stopped, wanted, index, first, L)
        if rounds == 0:
            if _clip(wanted, low, high, x, stopped):
                break
            continue
        blocked = _move(x, wanted, stopped, low, high)
        if blocked >= 0:
            stopped[blocked] = True
            continue
        released = _steepest(H, g, x, stopped, low, high, _RELEASE * largest)
        if released < 0:
            break
        stopped[released] = False


@njit
def _clip(wanted: Array, low: Array, high: Array, x: Array, stopped: NDArray[np.bool_]) -> bool:
    """The point inside the bounds that is closest to ``wanted``; True when that is ``wanted`` itself."""
    inside = True
    for i in range(len(x)):
        x[i] = min(max(wanted[i], low[i]), high[i])
        if x[i] != wanted[i]:
            stopped[i], inside = True, False
    return inside


@njit
def _solve_free(
    H: Array,
    g: Array,
    x: Array,
    stopped: NDArray[np.bool_],
    wanted: Array,
    index: NDArray[np.int64],
    first: NDArray[np.int64],
    L: Array,
) -> None:
    """The best point when the stopped variables stay: written to ``wanted`` by a Cholesky factorisation.

    From the last variable to the first, and no row begins before its first entry that is not zero (``first``): with
    variables in the order of a tree, parents first, what is zero between two branches then stays zero.
    """
    n = 0
    for i in range(len(g) - 1, -1, -1):
        wanted[i] = x[i]
        if not stopped[i]:
            index[n] = i
            n += 1
    for r in range(n):
        i = index[r]
        total = g[i]
        for j in range(len(g)):
            if stopped[j] and x[j] != 0.0:
                total -= H[max(i, j), min(i, j)] * x[j]
        first[r] = 0
        while first[r] < r and H[index[first[r]], i] == 0.0:
            first[r] += 1
        for c in range(first[r], r):
            s = H[index[c], i]
            for k in range(max(first[r], first[c]), c):
                s -= L[r, k] * L[c, k]
            L[r, c] = s / L[c, c]
            total -= L[r, c] * wanted[index[c]]
        s = H[i, i]
        for k in range(first[r], r):
            s -= L[r, k] * L[r, k]
        L[r, r] = np.sqrt(max(s, 1e-300))
        wanted[i] = total / L[r, r]
    for r in range(n - 1, -1, -1):
        wanted[index[r]] /= L[r, r]
        for c in range(first[r], r):
            wanted[index[c]] -= L[r, c] * wanted[index[r]]


@njit
def _move(x: Array, wanted: Array, stopped: NDArray[np.bool_], low: Array, high: Array) -> int:
    """Go towards ``wanted`` as far as bounds allow; returns the variable that a bound stopped there (-1: none)."""
    share, blocked = 1.0, -1
    for i in range(len(x)):
        if stopped[i] or low[i] <= wanted[i] <= high[i]:
            continue
        bound = low[i] if wanted[i] < low[i] else high[i]
        reached = (bound - x[i]) / (wanted[i] - x[i])
        if reached < share or blocked < 0:
            share, blocked = reached, i
    for i in range(len(x)):
        if not stopped[i]:
            x[i] = min(max(x[i] + share * (wanted[i] - x[i]), low[i]), high[i])
    if blocked >= 0:
        x[blocked] = low[blocked] if wanted[blocked] < low[blocked] else high[blocked]
    return blocked


@njit
def _steepest(
    H: Array, g: Array, x: Array, stopped: NDArray[np.bool_], low: Array, high: Array, smallest: float
) -> int:
    """The stopped variable that gains most by leaving its bound inwards (-1: none gains)."""
    best, released = smallest, -1
    for i in range(len(x)):
        if not stopped[i] or not low[i] < high[i]:
            continue
        slope = -g[i]
        for j in range(len(x)):
            slope += H[max(i, j), min(i, j)] * x[j]
        push = -slope if x[i] <= low[i] else slope
        if push > best:
            best, released = push, i
    return released
