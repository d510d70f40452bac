"""Smooth first, bound second: a third-order low-pass from sampled targets to position, velocity and acceleration."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..types import Array


def low_pass_matrix(dt_s: float, bandwidth_rad_s: float) -> Array:
    """(3, 4): how [x, v, a] follow from [x, v, a, target] over one tick.

    Critically damped, (s + w)^3 x = w^3 u with bandwidth ``w`` [rad/s], discretised exactly for a target held over the
    tick; a ramp is followed with a lag of 3 / w seconds. exp(S h) of a matrix S whose three eigenvalues are -w is
    exp(-w h) (I + N h + N^2 h^2 / 2), for N = S + w I is nilpotent of order 3.
    """
    w, h = bandwidth_rad_s, dt_s
    system = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [-(w**3), -3 * w**2, -3 * w]])
    n = system + w * np.eye(3)
    transition = np.exp(-w * h) * (np.eye(3) + n * h + (n @ n) * (h * h / 2.0))
    # In steady state x = u, so the input column is what the transition leaves of a constant.
    return np.column_stack([transition, np.array([1.0, 0.0, 0.0]) - transition[:, 0]])


@njit(cache=True)
def low_pass(matrix: Array, x: float, v: float, a: float, target: float) -> tuple[float, float, float]:
    """One tick of one joint towards ``target``."""
    # fmt: off
    return (
        matrix[0, 0] * x + matrix[0, 1] * v + matrix[0, 2] * a + matrix[0, 3] * target,
        matrix[1, 0] * x + matrix[1, 1] * v + matrix[1, 2] * a + matrix[1, 3] * target,
        matrix[2, 0] * x + matrix[2, 1] * v + matrix[2, 2] * a + matrix[2, 3] * target,
    )
    # fmt: on
