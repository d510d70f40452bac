"""Rotations of many quaternions at once; what is no orientation becomes NaN, which means "not tracked"."""

from __future__ import annotations

import numpy as np

from ...types import Array

ROOM_FROM_UNITY: Array = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""Unity's left-handed axes (x right, y up, z forward) to ours; a mirror, so rotations are turned by M R M^T."""


def rotations(quats_wxyz: Array) -> Array:
    """Rotations (n, 3, 3) of quaternions (n, 4), normalised; NaN where the norm is outside 0.5 to 2."""
    quats = np.asarray(quats_wxyz, dtype=np.float64)
    with np.errstate(over="ignore"):
        norm = np.sqrt(np.einsum("ni,ni->n", quats, quats))
    usable = (norm > 0.5) & (norm < 2.0)
    w, x, y, z = np.divide(quats, norm[:, None], out=np.full_like(quats, np.nan), where=usable[:, None]).T
    result = np.empty((len(quats), 3, 3))
    result[:, 0, 0], result[:, 0, 1], result[:, 0, 2] = (
        1 - 2 * (y * y + z * z),
        2 * (x * y - w * z),
        2 * (x * z + w * y),
    )
    result[:, 1, 0], result[:, 1, 1], result[:, 1, 2] = (
        2 * (x * y + w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z - w * x),
    )
    result[:, 2, 0], result[:, 2, 1], result[:, 2, 2] = (
        2 * (x * z - w * y),
        2 * (y * z + w * x),
        1 - 2 * (x * x + y * y),
    )
    return result
