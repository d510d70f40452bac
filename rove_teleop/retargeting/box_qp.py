"""A small quadratic problem with bounds, solved exactly: clipping an unbounded solution would turn hands by tens of
degrees at a joint limit.

Matrices of a tree of links are stored by depth. Row i has an entry for each link above link i and for itself:
``H[i, d]`` is its entry with ``above[i, d]``, and ``depth[i]`` the place of its own. All others are zero, and a
Cholesky factorisation from the leaves to the root keeps them zero. A dense matrix is that of a chain of all variables:
its lower half as it stands, with ``above[i, d] = d`` and ``depth[i] = i``.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ..compiled import njit
from ..types import Array

Ints = NDArray[np.int64] | NDArray[np.int32]
Flags = NDArray[np.bool_] | NDArray[np.int32]

_RELEASE = 1e-12
"""Smallest slope of the objective, relative to the largest entry of g, that lets a variable leave its bound."""


@njit
def solve_box(H: Array, g: Array, low: Array, high: Array, x: Array, stopped: Flags) -> None:
    """``solve_tree`` of a dense matrix H (m, m), of which only the lower half is read."""
    m = len(g)
    depth, above = np.empty(m, np.int64), np.empty((m, m), np.int64)
    for i in range(m):
        depth[i] = i
        for d in range(m):
            above[i, d] = d
    solve_tree(m, depth, above, H, g, low, high, x, stopped, np.empty((m, m)), np.empty(m), np.empty(m))


@njit
def solve_tree(
    m: int,
    depth: Ints,
    above: Ints,
    H: Array,
    g: Array,
    low: Array,
    high: Array,
    x: Array,
    stopped: Flags,
    L: Array,
    wanted: Array,
    slope: Array,
) -> None:
    """Minimise x'Hx/2 - g'x subject to low <= x <= high, by locking variables at bounds and solving for the rest.

    The search begins at the clipped unbounded solution, which is feasible and mostly close. From there the objective
    never rises, so x is useful even if the bounded number of rounds does not suffice.

    Args:
        m: how many variables there are; arrays may have room for more.
        depth, above: (m,) and (m, m), how H is stored.
        H: (m, m), symmetric positive definite.
        g: (m,).
        low, high: (m,), with low <= high.
        x: (m,), written; always inside the bounds.
        stopped: (m,), written; the variables that a bound stopped.
        L, wanted, slope: (m, m), (m,) and (m,), written; of no use to the caller.
    """
    for i in range(m):
        stopped[i] = not low[i] < high[i]
        x[i] = low[i] if stopped[i] else 0.0
    _solve_free(m, depth, above, H, g, x, stopped, L, wanted)
    if _clip(m, wanted, low, high, x, stopped):
        return
    largest = 0.0
    for i in range(m):
        largest = max(largest, abs(g[i]))
    for _ in range(4 * m):
        _solve_free(m, depth, above, H, g, x, stopped, L, wanted)
        blocked = _move(m, x, wanted, stopped, low, high)
        if blocked >= 0:
            stopped[blocked] = True
            continue
        released = _steepest(m, depth, above, H, g, x, stopped, low, high, slope, _RELEASE * largest)
        if released < 0:
            return
        stopped[released] = False


@njit
def _clip(m: int, wanted: Array, low: Array, high: Array, x: Array, stopped: Flags) -> bool:
    """The point inside the bounds that is closest to ``wanted``; True when that is ``wanted`` itself."""
    inside = True
    for i in range(m):
        x[i] = min(max(wanted[i], low[i]), high[i])
        if x[i] != wanted[i]:
            stopped[i], inside = True, False
    return inside


@njit
def _solve_free(
    m: int, depth: Ints, above: Ints, H: Array, g: Array, x: Array, stopped: Flags, L: Array, wanted: Array
) -> None:
    """The best point when the stopped variables stay, into ``wanted``: H = L'L, from the leaves to the root."""
    for i in range(m):
        wanted[i] = g[i]
    for i in range(m):
        n = depth[i]
        for d in range(n):
            j = above[i, d]
            L[i, d] = H[i, d]
            if stopped[i] or stopped[j]:
                L[i, d] = 0.0
                wanted[i] -= H[i, d] * x[j] if stopped[j] else 0.0
                wanted[j] -= H[i, d] * x[i] if stopped[i] else 0.0
        L[i, n] = 1.0 if stopped[i] else H[i, n]
    for i in range(m):
        if stopped[i]:
            wanted[i] = x[i]
    for i in range(m - 1, -1, -1):
        n = depth[i]
        inverse = 1.0 / sqrt(max(L[i, n], 1e-300))
        L[i, n] = inverse
        wanted[i] *= inverse
        for d in range(n):
            L[i, d] *= inverse
        for d in range(n):
            j, share = above[i, d], L[i, d]
            if share != 0.0:
                wanted[j] -= share * wanted[i]
                for e in range(d + 1):
                    L[j, e] -= share * L[i, e]
    for i in range(m):
        total = wanted[i]
        for d in range(depth[i]):
            total -= L[i, d] * wanted[above[i, d]]
        wanted[i] = total * L[i, depth[i]]


@njit
def _move(m: int, x: Array, wanted: Array, stopped: Flags, low: Array, high: Array) -> int:
    """Go towards ``wanted`` as far as bounds allow; returns the variable that a bound stopped there (-1: none)."""
    share, blocked = 1.0, -1
    for i in range(m):
        if stopped[i] or low[i] <= wanted[i] <= high[i]:
            continue
        bound = low[i] if wanted[i] < low[i] else high[i]
        reached = (bound - x[i]) / (wanted[i] - x[i])
        if reached < share or blocked < 0:
            share, blocked = reached, i
    for i in range(m):
        if not stopped[i]:
            x[i] = min(max(x[i] + share * (wanted[i] - x[i]), low[i]), high[i])
    if blocked >= 0:
        x[blocked] = low[blocked] if wanted[blocked] < low[blocked] else high[blocked]
    return blocked


@njit
def _steepest(
    m: int,
    depth: Ints,
    above: Ints,
    H: Array,
    g: Array,
    x: Array,
    stopped: Flags,
    low: Array,
    high: Array,
    slope: Array,
    smallest: float,
) -> int:
    """The stopped variable that gains most by leaving its bound inwards (-1: none gains)."""
    for i in range(m):
        slope[i] = -g[i]
    for i in range(m):
        for d in range(depth[i] + 1):
            j = above[i, d]
            slope[i] += H[i, d] * x[j]
            if j != i:
                slope[j] += H[i, d] * x[i]
    best, released = smallest, -1
    for i in range(m):
        if stopped[i] and low[i] < high[i]:
            push = -slope[i] if x[i] <= low[i] else slope[i]
            if push > best:
                best, released = push, i
    return released
