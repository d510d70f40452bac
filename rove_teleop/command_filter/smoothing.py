"""Smooth first, bound second: a third-order low-pass from sampled targets to position, velocity and acceleration."""

from __future__ import annotations

import numpy as np

from ..compiled import njit
from ..types import Array


def low_pass_matrix(dt_s: float, bandwidth_rad_s: float, damping: float = 1.0) -> Array:
    """(3, 4): how [x, v, a] follow from [x, v, a, target] over one tick.

    (s + w) (s^2 + 2 z w s + w^2) x = w^3 u with bandwidth ``w`` [rad/s] and ``damping`` z, discretised exactly for a
    target held over the tick; a ramp is followed with a lag of (1 + 2 z) / w seconds. z = 1 is critically damped and
    never overshoots; z = 0.5 (Butterworth) lags a third less, attenuates fast motion as much, and overshoots a step
    by 8 %.
    """
    w, h, z = bandwidth_rad_s, dt_s, damping
    if z == 1.0:
        # exp(S h) of a matrix S whose eigenvalues are all -w: N = S + w I is nilpotent of order 3.
        system = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [-(w**3), -3 * w**2, -3 * w]])
        n = system + w * np.eye(3)
        transition = np.exp(-w * h) * (np.eye(3) + n * h + (n @ n) * (h * h / 2.0))
    else:
        c = 1.0 + 2.0 * z
        transition = _exponential(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [-(w**3), -c * w**2, -c * w]]) * h, w)
    # In steady state x = u, so the input column is what the transition leaves of a constant.
    return np.column_stack([transition, np.array([1.0, 0.0, 0.0]) - transition[:, 0]])


def _exponential(system: Array, w: float) -> Array:
    """exp of a (3, 3) matrix: states scaled by w so that entries are alike, halved, Taylor, squared again."""
    scale = w ** np.arange(3.0)
    halvings = 8
    a = system * scale[None, :] / scale[:, None] / 2.0**halvings
    result, term = np.eye(3), np.eye(3)
    for k in range(1, 14):
        term = term @ a / k
        result = result + term
    for _ in range(halvings):
        result = result @ result
    exponential: Array = result * scale[:, None] / scale[None, :]
    return exponential


@njit
def low_pass(matrix: Array, x: float, v: float, a: float, target: float) -> tuple[float, float, float]:
    """One tick of one joint towards ``target``."""
    # fmt: off
    return (
        matrix[0, 0] * x + matrix[0, 1] * v + matrix[0, 2] * a + matrix[0, 3] * target,
        matrix[1, 0] * x + matrix[1, 1] * v + matrix[1, 2] * a + matrix[1, 3] * target,
        matrix[2, 0] * x + matrix[2, 1] * v + matrix[2, 2] * a + matrix[2, 3] * target,
    )
    # fmt: on
