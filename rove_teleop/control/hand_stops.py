"""Whether a hand keeps its cap and its box while all joints stop: their stops run ahead together, compiled."""

from __future__ import annotations

import math

import numpy as np

from ..command_filter.kernel import A_START, DOWN, HOLD, PEAK, RELEASE, TICK, UP, Q, V, stop_acceleration
from ..compiled import njit
from ..types import Array
from .hand_chains import NO_LINK, Hands, place_hand

STRAIGHT_RAD = 0.03
"""So much turning of all joints together moves a hand along a line, to a quarter of a millimetre."""
STILL_M = 1e-9
"""Rounding of positions of about a metre: what is less is standing still."""


@njit
def stops_within(state: Array, dt: float, hands: Hands, h: int, place_before: Array) -> bool:
    """Whether hand ``h`` keeps the cap and the box from this tick to the end of the stops that its joints hold.

    A hand that is outside may only come back; it was at ``place_before`` (3,).
    """
    links = hands.joints.shape[1]
    place, moves, q_rad = np.empty(3), np.zeros((links, 3)), state[Q].copy()
    dq, turned, nearest = np.zeros(links), np.zeros(links), place_before.copy()
    for k in range(links):
        if hands.joints[h, k] != NO_LINK:
            dq[k] = state[V, hands.joints[h, k]]
    tick, turned_rad, moving = 0.0, np.inf, True
    while moving:
        if turned_rad > STRAIGHT_RAD:
            place_hand(hands, h, q_rad, place, moves)
            turned_rad, turned[:] = 0.0, 0.0
        if not _is_within(hands, place, moves, turned, dq, nearest):
            return False
        tick += 1.0
        moving = False
        for k in range(links):
            joint = hands.joints[h, k]
            if joint != NO_LINK:
                dq[k] = _stop_velocity(state, dt, joint, tick, dq[k])
                turned[k] += dt * dq[k]
                q_rad[joint] += dt * dq[k]
                turned_rad += dt * abs(dq[k])
                moving = moving or dq[k] != 0.0
    return True


@njit
def _is_within(hands: Hands, place: Array, moves: Array, turned: Array, dq: Array, nearest: Array) -> bool:
    """Whether a hand is, ``turned`` (m,) after ``place`` (3,), within its bounds, at joint velocities ``dq`` (m,).

    ``nearest`` (3,): where it was before, and then where it is now.
    """
    squared = 0.0
    for a in range(3):
        v, x = 0.0, place[a]
        for k in range(len(moves)):
            v += moves[k, a] * dq[k]
            x += moves[k, a] * turned[k]
        squared += v * v
        low, high = min(hands.bounds[1 + a], nearest[a]), max(hands.bounds[4 + a], nearest[a])
        if not (low - STILL_M <= x <= high + STILL_M):
            return False
        nearest[a] = x
    return bool(math.sqrt(squared) <= hands.bounds[0])


@njit
def _stop_velocity(state: Array, dt: float, i: int, tick: float, v: float) -> float:
    """Velocity of joint ``i`` in tick 1, 2, ... of what is left of its stop, after ``v`` in the tick before."""
    n, up, hold, down = state[RELEASE, i], state[UP, i], state[HOLD, i], state[DOWN, i]
    tick += state[TICK, i]
    if tick >= n + up + hold + down:
        return 0.0
    return v + dt * stop_acceleration(tick, state[A_START, i], n, state[PEAK, i], up, hold, down)
