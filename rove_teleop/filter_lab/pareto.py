"""Which of several compromises are worth having."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..types import Array


def pareto_front(points: Array) -> NDArray[np.bool_]:
    """(m,) whether each of ``points`` (m, k) is beaten by no other, less being better in every column.

    A point is beaten by one that is nowhere worse and somewhere better; equal points share their place. A point with a
    NaN is never on the front and beats nobody.
    """
    known: NDArray[np.bool_] = np.all(np.isfinite(points), axis=1)
    front = known.copy()
    for i in np.flatnonzero(known):
        others = points[known]
        front[i] = not np.any(np.all(others <= points[i], axis=1) & np.any(others < points[i], axis=1))
    return front
