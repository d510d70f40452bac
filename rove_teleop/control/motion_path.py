"""From two streams of targets to bounded commands: smooth each, blend at a change of driver, bound last.

One compiled tick serves the live loop and the filter lab, so that what the lab computes is what the robot got.
Everything advances by ticks, never by measured time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..command_filter.command_filter import CommandFilter
from ..command_filter.kernel import A_MAX, J_MAX, Q_MAX, Q_MIN, V_MAX, A, Q, V, advance
from ..command_filter.limits import Limits
from ..command_filter.prefilters import COUNT, prefilter_state, prefilter_tick
from ..command_filter.smoothing import low_pass, low_pass_matrix
from ..compiled import njit
from ..handover.blend import blend_duration, crossfade, offset_at, progress, quintic
from ..types import Array
from .hand_chains import Hands, no_hands
from .hand_slowing import advance_slowed
from .path_config import BLEND_KINDS, PathConfig

OUTSIDE_RAD = 0.5
"""How far outside the position limits a target is still told apart."""
NOBODY, POLICY, OPERATOR = 0, 1, 2
"""Drivers of a joint."""
Drivers = NDArray[np.int64]
Flags = NDArray[np.bool_]

# What a tick remembers besides the filter, one row each, per joint (n,). Smoothed position, velocity, acceleration of
# policy and operator; their last finite targets, and whether they had one in the last tick; who drove in the last tick;
# coefficients of the decaying offset (or where a crossfade began); duration of the transfer and ticks since the switch;
# the operator's share now and at the switch; what the prefilter made of the operator's targets; position, velocity,
# acceleration that were asked of the filter.
SMOOTH, TARGET, KNOWN, DRIVER, OFFSET = 0, 6, 8, 10, 11
DURATION, TICKS, WEIGHT, WEIGHT_FROM, ASKED, REFERENCE = 17, 18, 19, 20, 21, 22
PATH_ROWS = 25
# The numbers of a configuration as the compiled tick reads them; those of the prefilter follow.
DT, KIND, SHARE, MIN_S, FIXED_S, PREFILTER = range(6)
QUINTIC, LINEAR, _ = range(len(BLEND_KINDS))


@dataclass(frozen=True, slots=True)
class PathLog:
    """What many ticks gave, each (ticks, n).

    Asked of the filter, sent, the operator's share, driver, reason bits, and whether no transfer was under way.
    """

    q_target_rad: Array
    q_sent_rad: Array
    weight: Array
    driver: Drivers
    reason: NDArray[np.uint32]
    settled: Flags


def new_log(shape: tuple[int, ...]) -> PathLog:
    """An empty log of ``shape`` (ticks, n)."""
    return PathLog(
        q_target_rad=np.zeros(shape),
        q_sent_rad=np.zeros(shape),
        weight=np.zeros(shape),
        driver=np.zeros(shape, np.int64),
        reason=np.zeros(shape, np.uint32),
        settled=np.zeros(shape, np.bool_),
    )


class MotionPath:
    """The path of one robot. Joints of a group share the duration of a transfer; ``hands`` keep their bounds."""

    def __init__(
        self,
        limits: Limits,
        groups: Mapping[str, NDArray[np.int64]],
        config: PathConfig | None = None,
        hands: Hands | None = None,
    ) -> None:
        config = config or PathConfig()
        self.hands = hands or no_hands()
        n = limits.joint_count
        self.filter = CommandFilter(config.limited(limits))
        self.switched = False
        self._memory = np.zeros((PATH_ROWS, n))
        self._memory[DURATION], self._memory[TICKS], self._memory[REFERENCE:] = 1.0, np.inf, np.nan
        self._reference = self._memory[REFERENCE:]
        self._pre = prefilter_state(config.prefilter, n, limits.dt_s)
        blend = config.blend
        kind = float(BLEND_KINDS.index(blend.kind))
        self._numbers = np.array([limits.dt_s, kind, blend.share, blend.min_s, blend.fixed_s, *self._pre.parameters])
        self._matrix = low_pass_matrix(limits.dt_s, config.smoothing_rad_s, config.smoothing_damping)
        self.first_of_group = np.array([int(index[0]) for index in groups.values()], dtype=np.int64)
        self._group = np.zeros(n, dtype=np.int64)
        for k, index in enumerate(groups.values()):
            self._group[index] = k
        self._wanted, self._targets = np.zeros(n, dtype=np.int64), np.full((2, n), np.nan)
        self._stopping = np.ones(n, dtype=np.bool_)
        # Compiled now, for a loop must not wait for a compiler.
        self._arbitrate()
        f = self.filter
        advance_slowed(f.state, f.bounds, limits.dt_s, self._reference, self._stopping, f.reason, self.hands)

    @property
    def slows(self) -> bool:
        """Whether a hand has a cap or a box."""
        return len(self.hands.joints) > 0 and bool(np.isfinite(self.hands.bounds).any())

    @property
    def weight(self) -> Array:
        """The operator's share per group (g,)."""
        weight: Array = self._memory[WEIGHT, self.first_of_group]
        return weight

    @property
    def reference(self) -> Array:
        """Positions (n,) that were asked of the filter in the last tick; NaN where nobody drove."""
        reference: Array = self._memory[REFERENCE].copy()
        return reference

    @property
    def driver(self) -> Drivers:
        """Who drove each joint (n,) in the last tick."""
        driver: Drivers = self._memory[DRIVER].astype(np.int64)
        return driver

    @property
    def settled(self) -> bool:
        """True when no transfer is under way."""
        return bool((self._memory[TICKS] * self._numbers[DT] >= self._memory[DURATION]).all())

    def begin(self, q_rad: Array) -> None:
        """A new episode: nothing is known of any driver, the robot rests at ``q_rad`` (n,)."""
        m = self._memory
        m[SMOOTH:TARGET], m[KNOWN:DRIVER] = 0.0, 0.0
        m[SMOOTH], m[SMOOTH + 3], m[TARGET], m[TARGET + 1] = q_rad, q_rad, q_rad, q_rad
        m[DRIVER] = NOBODY
        self._pre.memory[COUNT] = 0.0

    def step(self, wanted: Drivers, q_policy_rad: Array, q_operator_rad: Array, stop: bool = False) -> Array:
        """One tick.

        Args:
            wanted: (n,) who should drive each joint. A driver without any finite target drives nothing.
            q_policy_rad, q_operator_rad: (n,) their targets, NaN where there is none; a joint that loses its target
                while it is driven keeps the last one.
            stop: every joint takes the next step of its stop, whoever drives.

        Returns:
            The command (n,); a joint that nobody drives comes to rest.
        """
        self._wanted[:] = wanted
        self._targets[0], self._targets[1] = q_policy_rad, q_operator_rad
        self._arbitrate()
        if stop:
            return self.filter.stop()
        if not self.slows:
            return self.filter.step(self._reference, self._stopping)
        f = self.filter
        advance_slowed(f.state, f.bounds, f.limits.dt_s, self._reference, self._stopping, f.reason, self.hands)
        command: Array = f.state[Q].copy()
        return command

    def run(self, wanted: Drivers, q_policy_rad: Array, q_operator_rad: Array, stop: Flags) -> PathLog:
        """Many ticks at once: exactly what as many calls of ``step`` do, several times faster.

        Args:
            wanted: (ticks, n); q_policy_rad, q_operator_rad: (ticks, n); stop: (ticks,).
        """
        log, p, f = new_log(wanted.shape), self._pre, self.filter
        run_ticks(
            self._memory, f.state, f.bounds, self._numbers, self._matrix, self._group,
            p.weights, p.history, p.memory, wanted, q_policy_rad, q_operator_rad, stop, self.hands, self.slows,
            log.q_target_rad, log.q_sent_rad, log.weight, log.driver, log.reason, log.settled,
        )  # fmt: skip
        return log

    def _arbitrate(self) -> None:
        p, f = self._pre, self.filter
        self.switched = arbitrate(
            self._memory, f.state, f.bounds, self._numbers, self._matrix, self._group,
            p.weights, p.history, p.memory, self._wanted, self._targets, self._stopping,
        )  # fmt: skip


@njit
def arbitrate(
    memory: Array,
    state: Array,
    bounds: Array,
    numbers: Array,
    matrix: Array,
    group: Drivers,
    weights: Array,
    history: Array,
    remembered: Array,
    wanted: Drivers,
    targets: Array,
    stopping: Flags,
) -> bool:
    """One tick of smoothing and blending; the rows ``REFERENCE`` are written. True when a driver took a joint.

    Args:
        memory: (PATH_ROWS, n), changed in place.
        state: of the filter's kernel, what was commanded in the last tick.
        bounds: (5, n) limits, rows as in the filter's kernel.
        numbers: of the configuration.
        matrix: of ``low_pass_matrix``.
        group: (n,) number of each joint's group.
        weights, history, remembered: the prefilter of the operator's targets, as in ``PrefilterState``.
        wanted: (n,) who should drive.
        targets: (2, n) of policy and operator.
        stopping: (n,) written: joints that nobody drives.
    """
    policy_there = _take(memory, state, bounds, 0, targets[0], wanted)
    operator_there = _take(memory, state, bounds, 1, targets[1], wanted)
    asked = TARGET + 1
    if numbers[PREFILTER] != 0.0:
        asked = ASKED
        _prefilter(memory, numbers, weights, history, remembered, wanted)
    _smooth(memory, matrix, SMOOTH, TARGET)
    _smooth(memory, matrix, SMOOTH + 3, asked)
    switched = False
    for i in range(memory.shape[1]):
        who = wanted[i]
        if (who == POLICY and not policy_there) or (who == OPERATOR and not operator_there):
            who = NOBODY
        if who != NOBODY and who != memory[DRIVER, i]:
            switched = True
            memory[TICKS, i] = -1.0  # marks the joint until its group's duration is known
        memory[DRIVER, i] = who
        stopping[i] = who == NOBODY
    if switched:
        _begin_transfers(memory, state, bounds, numbers, group)
    _refer(memory, numbers)
    return switched


@njit
def _take(memory: Array, state: Array, bounds: Array, d: int, asked: Array, wanted: Drivers) -> bool:
    """Note one driver's targets (n,). Without one, a joint that it does not drive follows the robot. True if any is.

    The first target of a driver who did not drive yet is where its motion begins: were it approached through the
    low-pass, whoever takes over with it would ask for a step that no blend knows of.
    """
    x = SMOOTH + 3 * d
    there = False
    for i in range(memory.shape[1]):
        if math.isfinite(asked[i]):
            there = True
            # A wild target may not put infinities into the low-pass; just outside, it still counts as outside.
            target = min(max(asked[i], bounds[Q_MIN, i] - OUTSIDE_RAD), bounds[Q_MAX, i] + OUTSIDE_RAD)
            memory[TARGET + d, i] = target
            if memory[KNOWN + d, i] == 0.0 and memory[DRIVER, i] != d + 1:
                memory[x, i], memory[x + 1, i], memory[x + 2, i] = target, 0.0, 0.0
            memory[KNOWN + d, i] = 1.0
        elif wanted[i] != d + 1:
            memory[TARGET + d, i] = state[Q, i]
            memory[x, i], memory[x + 1, i], memory[x + 2, i] = state[Q, i], 0.0, 0.0
            memory[KNOWN + d, i] = 0.0
    return there


@njit
def _prefilter(
    memory: Array, numbers: Array, weights: Array, history: Array, remembered: Array, wanted: Drivers
) -> None:
    """The operator's targets through the prefilter; one that is not there is forgotten, unless it is driven."""
    for i in range(memory.shape[1]):
        target = memory[TARGET + 1, i]
        if wanted[i] == OPERATOR or memory[KNOWN + 1, i] != 0.0:
            memory[ASKED, i] = prefilter_tick(numbers[PREFILTER:], weights, history, remembered, i, target)
        else:
            memory[ASKED, i] = target
            remembered[COUNT, i] = 0.0


@njit
def _smooth(memory: Array, matrix: Array, x: int, asked: int) -> None:
    """The low-pass of one driver: rows ``x`` to ``x`` + 2 towards the row ``asked``."""
    for i in range(memory.shape[1]):
        memory[x, i], memory[x + 1, i], memory[x + 2, i] = low_pass(
            matrix, memory[x, i], memory[x + 1, i], memory[x + 2, i], memory[asked, i]
        )


@njit
def _refer(memory: Array, numbers: Array) -> None:
    """What is asked of the filter: the driver's motion and what is left of the transfer; NaN where nobody drives."""
    for i in range(memory.shape[1]):
        who = memory[DRIVER, i]
        if who == NOBODY:
            memory[WEIGHT, i] = 0.0
            memory[REFERENCE, i], memory[REFERENCE + 1, i], memory[REFERENCE + 2, i] = np.nan, np.nan, np.nan
            continue
        s = SMOOTH if who == POLICY else SMOOTH + 3
        x, v, a = memory[s, i], memory[s + 1, i], memory[s + 2, i]
        weight, was = 1.0 if who == OPERATOR else 0.0, memory[WEIGHT_FROM, i]
        t, duration_s = memory[TICKS, i] * numbers[DT], memory[DURATION, i]
        if t < duration_s:
            weight = was + (weight - was) * progress(t / duration_s)
            if numbers[KIND] == QUINTIC:
                dx, dv, da = offset_at(memory[OFFSET : OFFSET + 6, i], t)
            else:
                dx, dv, da = _faded(x, v, a, memory[OFFSET, i], numbers, t / duration_s)
            x, v, a = x + dx, v + dv, a + da
        memory[WEIGHT, i] = weight
        memory[REFERENCE, i], memory[REFERENCE + 1, i], memory[REFERENCE + 2, i] = x, v, a
        memory[TICKS, i] += 1.0


@njit
def _begin_transfers(memory: Array, state: Array, bounds: Array, numbers: Array, group: Drivers) -> None:
    """The offset of every marked joint decays from now on, in the longest time that a joint of its group needs."""
    joints = memory.shape[1]
    longest = np.zeros(joints)
    for i in range(joints):
        if memory[TICKS, i] < 0.0:
            d, v, a = _offset_now(memory, state, i)
            v_max, a_max, j_max = bounds[V_MAX, i], bounds[A_MAX, i], bounds[J_MAX, i]
            needed = numbers[FIXED_S]
            if numbers[KIND] == QUINTIC:
                needed = blend_duration(d, v, a, v_max, a_max, j_max, numbers[SHARE], numbers[MIN_S])
            longest[group[i]] = max(longest[group[i]], needed)
    for i in range(joints):
        if memory[TICKS, i] < 0.0:
            memory[DURATION, i] = longest[group[i]]
            if numbers[KIND] == QUINTIC:
                d, v, a = _offset_now(memory, state, i)
                quintic(d, v, a, memory[DURATION, i], memory[OFFSET : OFFSET + 6, i])
            else:
                memory[OFFSET, i] = state[Q, i]
            memory[WEIGHT_FROM, i] = memory[WEIGHT, i]
            memory[TICKS, i] = 0.0


@njit
def _offset_now(memory: Array, state: Array, i: int) -> tuple[float, float, float]:
    """What was commanded minus the motion of the new driver: position, velocity, acceleration."""
    s = SMOOTH + 3 * (int(memory[DRIVER, i]) - 1)
    return state[Q, i] - memory[s, i], state[V, i] - memory[s + 1, i], state[A, i] - memory[s + 2, i]


@njit
def _faded(x: float, v: float, a: float, q_from: float, numbers: Array, share: float) -> tuple[float, float, float]:
    """What a crossfade from ``q_from`` adds to the new source in position, velocity, acceleration."""
    w, rate, bend = crossfade(numbers[KIND] == LINEAR, share, numbers[FIXED_S])
    gap = x - q_from
    return (w - 1.0) * gap, (w - 1.0) * v + rate * gap, (w - 1.0) * a + 2.0 * rate * v + bend * gap


@njit
def run_ticks(
    memory: Array,
    state: Array,
    bounds: Array,
    numbers: Array,
    matrix: Array,
    group: Drivers,
    weights: Array,
    history: Array,
    remembered: Array,
    wanted: Drivers,
    q_policy: Array,
    q_operator: Array,
    stop: Flags,
    hands: Hands,
    slows: bool,
    target_log: Array,
    sent_log: Array,
    weight_log: Array,
    driver_log: Drivers,
    reason_log: NDArray[np.uint32],
    settled_log: Flags,
) -> None:
    """``arbitrate`` and the filter's ``advance``, or ``advance_slowed``, for every row, the logs written."""
    rows, joints = wanted.shape
    targets = np.empty((2, joints))
    stopping = np.empty(joints, dtype=np.bool_)
    for k in range(rows):
        targets[0], targets[1] = q_policy[k], q_operator[k]
        arbitrate(
            memory, state, bounds, numbers, matrix, group, weights, history, remembered, wanted[k], targets, stopping
        )
        if stop[k]:
            stopping[:] = True
        if slows and not stop[k]:
            advance_slowed(state, bounds, numbers[DT], memory[REFERENCE:], stopping, reason_log[k], hands)
        else:
            advance(state, bounds, numbers[DT], memory[REFERENCE:], stopping, reason_log[k])
        for i in range(joints):
            settled_log[k, i] = memory[TICKS, i] * numbers[DT] >= memory[DURATION, i]
            driver_log[k, i] = int(memory[DRIVER, i])
        target_log[k], sent_log[k], weight_log[k] = memory[REFERENCE], state[Q], memory[WEIGHT]
