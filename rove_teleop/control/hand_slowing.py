"""A tick of the filter in which hands keep a cap on their speed and a box: the reference is slowed, the stop verified.

docs/command_filter.md says why. Joints that move no hand never notice.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..command_filter.kernel import (
    A_MAX,
    POSITION_GAIN_PER_S,
    Q_MAX,
    Q_MIN,
    USABLE_SHARE,
    V_MAX,
    Q,
    V,
    advance,
    root_law,
)
from ..compiled import njit
from ..types import Array, Reason
from .hand_chains import NO_LINK, Hands, place_hand
from .hand_stops import stops_within

Flags = NDArray[np.bool_]

AIM = 0.95
"""Share of the cap that a slowed reference asks for; the rest is for what the joints' own limits make of it."""
AIM_INSIDE_M = 0.005
"""A reference leads a hand up to this far from a wall of its box."""
WALL_GAIN_PER_S, WALL_DECELERATION_M_S2 = 8.0, 1.5
"""How a hand approaches a wall: as if braked by this much, and the last of it linearly."""
RETURN_M_S = 0.25
"""A hand in a box is at most so much faster than its reference: what a wall held back comes after it without haste."""
_WALL_ROUNDS = 2

_BY_HAND, _HOLDING = int(Reason.LIMITED_BY_HAND), int(Reason.HOLDING)


@njit
def advance_slowed(
    state: Array, limits: Array, dt: float, reference: Array, stopping: Flags, reason: NDArray[np.uint32], hands: Hands
) -> None:
    """One tick of every joint, as ``advance`` with the same arguments, for hands that have a cap or a box.

    A tick is taken only if the stop of all joints after it keeps every hand within both. A hand for which it does not
    takes, with all joints that move it, the next step of the stop that was verified before.
    """
    count, links = hands.joints.shape
    places, moves = np.empty((count, 3)), np.empty((count, links, 3))
    for h in range(count):
        place_hand(hands, h, state[Q], places[h], moves[h])
    asked, slowed = reference.copy(), np.zeros(state.shape[1], np.bool_)
    _slow(state, limits, asked, stopping, hands, places, moves, slowed)
    before, stops = state.copy(), stopping.copy()
    advance(state, limits, dt, asked, stops, reason)
    held = np.zeros(count, np.bool_)
    for _ in range(count):
        if not _hold_more(state, dt, hands, places, held, stops):
            break
        state[:] = before
        advance(state, limits, dt, asked, stops, reason)
    for i in range(len(reason)):
        if slowed[i] or stops[i] != stopping[i]:
            reason[i] = (reason[i] if stops[i] == stopping[i] else reason[i] & ~_HOLDING) | _BY_HAND


@njit
def _hold_more(state: Array, dt: float, hands: Hands, places: Array, held: Flags, stops: Flags) -> bool:
    """Mark the joints of each hand whose stop from here is not within its bounds; True if that is any new one."""
    more = False
    for h in range(len(held)):
        if not held[h] and not stops_within(state, dt, hands, h, places[h]):
            held[h] = more = True
            for joint in hands.joints[h]:
                if joint != NO_LINK:
                    stops[joint] = True
    return more


@njit
def _slow(
    state: Array,
    limits: Array,
    asked: Array,
    stopping: Flags,
    hands: Hands,
    places: Array,
    moves: Array,
    slowed: Flags,
) -> None:
    """Change the reference ``asked`` (3, n) where the velocity that the filter would aim for is too much for a hand.

    ``places`` (h, 3) and ``moves`` (h, m, 3) are those of ``place_hand``; ``slowed`` (n,) is written.
    """
    joints = state.shape[1]
    wish, weight, share = np.empty(joints), np.empty(joints), np.ones(joints)
    lead, aims = np.zeros(joints), np.empty(len(places))
    for i in range(joints):
        wish[i], weight[i] = _velocity_wish(state, limits, asked, stopping, i)
        lead[i] = asked[1, i] if weight[i] > 0.0 else 0.0
    free = wish.copy()
    for _ in range(_WALL_ROUNDS):
        for h in range(len(places)):
            _mind_walls(hands, h, places[h], moves[h], wish, weight)
    for h in range(len(places)):
        aims[h] = AIM * hands.bounds[0]
        if np.isfinite(hands.bounds[1:]).any():
            aims[h] = min(aims[h], _speed(hands, h, moves[h], lead) + RETURN_M_S)
    _mind_cap(hands, moves, wish, aims, share)
    for i in range(joints):
        if weight[i] > 0.0 and (wish[i] != free[i] or share[i] < 1.0):
            # The filter aims for the reference's velocity and what closes the gap to its position: here no gap.
            asked[0, i], asked[1, i], asked[2, i] = state[Q, i], wish[i] * share[i], 0.0
            slowed[i] = True


@njit
def _velocity_wish(state: Array, limits: Array, asked: Array, stopping: Flags, i: int) -> tuple[float, float]:
    """The velocity that the filter would aim for, and how willingly it is changed: not at all where a joint stops."""
    x, v_ref, a_ref = asked[0, i], asked[1, i], asked[2, i]
    if stopping[i] or not (math.isfinite(x) and math.isfinite(v_ref) and math.isfinite(a_ref)):
        return state[V, i], 0.0
    inside = min(max(x, limits[Q_MIN, i]), limits[Q_MAX, i])
    if inside != x:
        v_ref = 0.0
    v_max = limits[V_MAX, i]
    wish = v_ref + root_law(inside - state[Q, i], POSITION_GAIN_PER_S, USABLE_SHARE * limits[A_MAX, i])
    return min(max(wish, -v_max), v_max), v_max * v_max


@njit
def _mind_walls(hands: Hands, h: int, place: Array, moves: Array, wish: Array, weight: Array) -> None:
    """Take from ``wish`` what would bring the hand to a wall too fast, by the least change that does; it may glide."""
    for a in range(3):
        speed = _speed_along(hands, h, moves, wish, a)
        toward = math.copysign(1.0, speed)
        room = hands.bounds[4 + a] - place[a] if speed > 0.0 else place[a] - hands.bounds[1 + a]
        if not math.isfinite(room):
            continue
        excess = abs(speed) - root_law(max(room - AIM_INSIDE_M, 0.0), WALL_GAIN_PER_S, WALL_DECELERATION_M_S2)
        if excess <= 0.0:
            continue
        total = 0.0
        for k in range(len(moves)):
            joint = hands.joints[h, k]
            if joint != NO_LINK:
                total += weight[joint] * moves[k, a] * moves[k, a]
        if total > 0.0:
            for k in range(len(moves)):
                joint = hands.joints[h, k]
                if joint != NO_LINK:
                    wish[joint] -= toward * excess * weight[joint] * moves[k, a] / total


@njit
def _mind_cap(hands: Hands, moves: Array, wish: Array, aims: Array, share: Array) -> None:
    """The share of ``wish`` (n,) that keeps every hand below its aim (h,), the same for all joints of a hand."""
    least = 1.0
    for h in range(len(moves)):
        speed = _speed(hands, h, moves[h], wish)
        if speed > aims[h]:
            least = min(least, aims[h] / speed)
            for joint in hands.joints[h]:
                if joint != NO_LINK:
                    share[joint] = min(share[joint], aims[h] / speed)
    if least == 1.0:
        return
    for h in range(len(moves)):
        # A waist that is slower than the arm on it may leave more than the cap of a sum that cancelled.
        if _speed(hands, h, moves[h], wish * share) > aims[h] * (1.0 + 1e-9):
            for joint in hands.joints.flat:
                if joint != NO_LINK:
                    share[joint] = least
            return


@njit
def _speed_along(hands: Hands, h: int, moves: Array, dq: Array, a: int) -> float:
    total = 0.0
    for k in range(len(moves)):
        joint = hands.joints[h, k]
        if joint != NO_LINK:
            total += moves[k, a] * dq[joint]
    return total


@njit
def _speed(hands: Hands, h: int, moves: Array, dq: Array) -> float:
    x, y, z = (
        _speed_along(hands, h, moves, dq, 0),
        _speed_along(hands, h, moves, dq, 1),
        _speed_along(hands, h, moves, dq, 2),
    )
    return math.sqrt(x * x + y * y + z * z)
