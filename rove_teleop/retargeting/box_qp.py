"""A small quadratic problem with bounds, solved exactly: clipping an unbounded solution would turn hands by tens of
degrees at a joint limit.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..types import Array

_RELEASE = 1e-12
"""Smallest slope of the objective, relative to the largest entry of g, that lets a variable leave its bound."""


@njit(cache=True, error_model="numpy")
def solve_box(H: Array, g: Array, low: Array, high: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Minimise x'Hx/2 - g'x subject to low <= x <= high, by locking variables at bounds and solving for the rest.

    The search begins at the clipped unbounded solution, which is feasible and mostly close. From there the objective
    never rises, so x is useful even if the bounded number of rounds does not suffice.

    Args:
        H: (m, m), symmetric positive definite.
        g: (m,).
        low, high: (m,), with low <= high.

    Returns:
        x (m,), always inside the bounds, and a mask (m,) of the variables that a bound stopped.
    """
    m = len(g)
    x, wanted = np.zeros(m), np.zeros(m)
    stopped = np.zeros(m, dtype=np.bool_)
    index, L = np.empty(m, dtype=np.int64), np.empty((m, m))
    for i in range(m):
        stopped[i] = not low[i] < high[i]
        if stopped[i]:
            x[i] = low[i]
    _solve_free(H, g, x, stopped, wanted, index, L)
    inside = True
    for i in range(m):
        x[i] = min(max(wanted[i], low[i]), high[i])
        if x[i] != wanted[i]:
            stopped[i], inside = True, False
    if inside:
        return x, stopped
    largest = np.max(np.abs(g))
    for _ in range(4 * m):
        _solve_free(H, g, x, stopped, wanted, index, L)
        blocked = _move(x, wanted, stopped, low, high)
        if blocked >= 0:
            stopped[blocked] = True
            continue
        released = _steepest(H, g, x, stopped, low, high, _RELEASE * largest)
        if released < 0:
            break
        stopped[released] = False
    return x, stopped


@njit(cache=True, error_model="numpy")
def _solve_free(
    H: Array, g: Array, x: Array, stopped: NDArray[np.bool_], wanted: Array, index: NDArray[np.int64], L: Array
) -> None:
    """The best point when the stopped variables stay: written to ``wanted`` by a Cholesky factorisation."""
    n = 0
    for i in range(len(g)):
        wanted[i] = x[i]
        if not stopped[i]:
            index[n] = i
            n += 1
    for r in range(n):
        i = index[r]
        total = g[i]
        for j in range(len(g)):
            if stopped[j]:
                total -= H[i, j] * x[j]
        for c in range(r):
            s = H[i, index[c]]
            for k in range(c):
                s -= L[r, k] * L[c, k]
            L[r, c] = s / L[c, c]
            total -= L[r, c] * wanted[index[c]]
        s = H[i, i]
        for k in range(r):
            s -= L[r, k] * L[r, k]
        L[r, r] = np.sqrt(max(s, 1e-300))
        wanted[i] = total / L[r, r]
    for r in range(n - 1, -1, -1):
        s = wanted[index[r]]
        for c in range(r + 1, n):
            s -= L[c, r] * wanted[index[c]]
        wanted[index[r]] = s / L[r, r]


@njit(cache=True, error_model="numpy")
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


@njit(cache=True, error_model="numpy")
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
            slope += H[i, j] * x[j]
        push = -slope if x[i] <= low[i] else slope
        if push > best:
            best, released = push, i
    return released
