"""Smooth first, bound second: a third-order low-pass from sampled targets to position, velocity and acceleration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Array


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a joint should be and how it moves there: x [rad], v [rad/s], a [rad/s^2], each (n,)."""

    x: Array
    v: Array
    a: Array


class LowPass:
    """Critically damped third-order low-pass, discretised exactly for a target held over one tick.

    (s + w)^3 x = w^3 u with bandwidth ``w`` [rad/s]; a ramp is followed with a lag of 3 / w seconds.
    """

    def __init__(self, dt_s: float, bandwidth_rad_s: float = 50.0) -> None:
        w, h = bandwidth_rad_s, dt_s
        system = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [-(w**3), -3 * w**2, -3 * w]])
        self._transition = _triple_pole_exponential(system, w, h)
        # In steady state x = u, so the input column is what the transition leaves of a constant.
        self._input = np.array([1.0, 0.0, 0.0]) - self._transition[:, 0]
        self._state = np.zeros((3, 0))

    def start(self, reference: Reference) -> None:
        """Begin from a state of motion; targets then pull away from it smoothly."""
        self._state = np.stack([reference.x, reference.v, reference.a])

    def step(self, target_rad: Array) -> Reference:
        """One tick towards ``target_rad`` (n,), which must be finite."""
        self._state = self._transition @ self._state + np.outer(self._input, target_rad)
        return self.reference

    @property
    def reference(self) -> Reference:
        return Reference(self._state[0], self._state[1], self._state[2])


def _triple_pole_exponential(system: Array, w: float, h: float) -> Array:
    """exp(system * h) for a matrix whose three eigenvalues are -w: (system + w I) is nilpotent of order 3."""
    n = system + w * np.eye(3)
    result: Array = np.exp(-w * h) * (np.eye(3) + n * h + (n @ n) * (h * h / 2.0))
    return result
