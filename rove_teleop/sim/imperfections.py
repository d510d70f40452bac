"""What a simulated hand does wrong while it works: aims beside, runs past its goal, stops, sets off the wrong way."""

from __future__ import annotations

import math

import numpy as np

from ..geometry import exp_so3, log_so3, transform
from ..types import Array

_MOMENTUM_RAD_S = 9.0
"""Natural frequency of a hand that runs past its goal and swings back: 1.4 Hz."""
_NOTICEABLE_M = 0.003
_TURNED_RAD = math.radians(60.0)
"""A wrong direction is the opposite of the right one, turned by up to this much."""


def aim_error(rng: np.random.Generator, bias_m: float, bias_rad: float) -> Array:
    """(4, 4) where the person believes the goal to be, in the goal's frame: beside it in its plane, and turned."""
    offset_m = rng.normal(0.0, 1.0, 3) * [bias_m, bias_m, 0.0]
    return transform(exp_so3(rng.normal(0.0, 1.0, 3) * bias_rad), offset_m)


def misjudged(features: Array, first: int, T_error: Array) -> Array:
    """Features in which the six from ``first`` on, a pose in the goal's frame, are as a person with that error sees."""
    seen = features.copy()
    T_goal_object = T_error @ transform(exp_so3(features[first + 3 : first + 6]), features[first : first + 3])
    seen[first : first + 3], seen[first + 3 : first + 6] = T_goal_object[:3, 3], log_so3(T_goal_object[:3, :3])
    return seen


def wrong_direction(rng: np.random.Generator, right: Array) -> Array:
    """(3,) unit vector away from the direction ``right`` (3,), turned by up to 60 degrees about any axis."""
    size = float(np.linalg.norm(right))
    away = rng.normal(size=3) if size < 1e-9 else -right / size
    axis = rng.normal(size=3)
    turned = exp_so3(axis / np.linalg.norm(axis) * rng.uniform(0.0, _TURNED_RAD)) @ away
    unit: Array = turned / np.linalg.norm(turned)
    return unit


class Momentum:
    """A hand with inertia: a sudden movement goes ``overshoot`` (a share, above 0) too far, then swings back.

    The response of a damped spring to a step overshoots by exp(-pi z / sqrt(1 - z^2)) for the damping ratio z.
    """

    def __init__(self, overshoot: float, position_m: Array) -> None:
        left = math.log(overshoot)
        self._damping = -left / math.hypot(math.pi, left)
        self._position_m, self._velocity_m_s = position_m.copy(), np.zeros(3)
        self.overshooting = False

    def step(self, aimed_m: Array, dt_s: float) -> Array:
        """(3,) where the hand is, ``dt_s`` later, when it is aimed there."""
        pull = _MOMENTUM_RAD_S**2 * (aimed_m - self._position_m)
        self._velocity_m_s += dt_s * (pull - 2.0 * self._damping * _MOMENTUM_RAD_S * self._velocity_m_s)
        self._position_m = self._position_m + dt_s * self._velocity_m_s
        beyond_m = self._position_m - aimed_m
        away = float(beyond_m @ self._velocity_m_s) > 0.0
        self.overshooting = away and float(np.linalg.norm(beyond_m)) > _NOTICEABLE_M
        return self._position_m


class Pauses:
    """Stops at random: ``per_s`` of them a second of work, each of a length within ``length_s``."""

    def __init__(self, rng: np.random.Generator, per_s: float, length_s: tuple[float, float]) -> None:
        self._rng, self._per_s, self._length_s = rng, per_s, length_s
        self._left_s = 0.0

    def step(self, dt_s: float) -> bool:
        """Whether the hand stands still for these ``dt_s``."""
        if self._left_s > 0.0:
            self._left_s -= dt_s
            return True
        if self._rng.random() < self._per_s * dt_s:
            self._left_s = float(self._rng.uniform(*self._length_s))
        return False
