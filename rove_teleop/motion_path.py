"""From two streams of targets to bounded commands: smooth each, blend at a change of driver, bound last.

One compiled tick serves the live loop and the filter lab, so that what the lab computes is what the robot got.
Everything advances by ticks, never by measured time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .command_filter.command_filter import CommandFilter
from .command_filter.kernel import A_MAX, J_MAX, Q_MAX, Q_MIN, V_MAX, advance
from .command_filter.limits import Limits
from .command_filter.prefilters import COUNT, PrefilterState, prefilter_state, prefilter_tick
from .command_filter.smoothing import low_pass, low_pass_matrix
from .compiled import njit
from .handover.blend import blend_duration, crossfade, offset_at, progress, quintic
from .path_config import BLEND_KINDS, PathConfig
from .types import Array, Reason

OUTSIDE_RAD = 0.5
"""How far outside the position limits a target is still told apart."""
_HOLDING = int(Reason.HOLDING)
NOBODY, POLICY, OPERATOR = 0, 1, 2
"""Drivers of a joint."""
QUINTIC, LINEAR, _ = range(len(BLEND_KINDS))
# What of the blend is configured, as the compiled tick reads it.
KIND, SHARE, MIN_S, FIXED_S = range(4)
Drivers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PathState:
    """Everything that a tick remembers besides the filter, per joint (n,).

    ``smooth`` (2, 3, n): smoothed position, velocity, acceleration of policy and operator. ``target`` (2, n): their
    last finite targets; ``known`` (2, n): whether they had one in the last tick. ``driver``: who drove then.
    ``offset`` (6, n): coefficients of the decaying offset, or where a crossfade began. ``duration_s``, ``ticks``: of
    the transfer, and since the switch. ``weight`` and ``weight_from``: the operator's share now and at the switch.
    ``reference`` (3, n): what was asked of the filter.
    """

    smooth: Array
    target: Array
    known: NDArray[np.bool_]
    driver: Drivers
    offset: Array
    duration_s: Array
    ticks: Array
    weight: Array
    weight_from: Array
    reference: Array


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
    settled: NDArray[np.bool_]


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


def new_state(joint_count: int) -> PathState:
    n = joint_count
    return PathState(
        smooth=np.zeros((2, 3, n)),
        target=np.zeros((2, n)),
        known=np.zeros((2, n), dtype=np.bool_),
        driver=np.zeros(n, dtype=np.int64),
        offset=np.zeros((6, n)),
        duration_s=np.ones(n),
        ticks=np.full(n, np.inf),
        weight=np.zeros(n),
        weight_from=np.zeros(n),
        reference=np.full((3, n), np.nan),
    )


class MotionPath:
    """The path of one robot. Joints of a group share the duration of a transfer."""

    def __init__(
        self, limits: Limits, groups: Mapping[str, NDArray[np.int64]], config: PathConfig | None = None
    ) -> None:
        config = config or PathConfig()
        self.filter = CommandFilter(config.limited(limits))
        self.switched = False
        self._dt_s = limits.dt_s
        self._matrix = low_pass_matrix(limits.dt_s, config.smoothing_rad_s, config.smoothing_damping)
        self._pre: PrefilterState = prefilter_state(config.prefilter, limits.joint_count, limits.dt_s)
        blend = config.blend
        self._blend = np.array([BLEND_KINDS.index(blend.kind), blend.share, blend.min_s, blend.fixed_s])
        self._state = new_state(limits.joint_count)
        self.first_of_group = np.array([int(index[0]) for index in groups.values()], dtype=np.int64)
        self._group = np.zeros(limits.joint_count, dtype=np.int64)
        for k, index in enumerate(groups.values()):
            self._group[index] = k
        # Compiled now, for a loop must not wait for a compiler.
        self._arbitrate(np.zeros(limits.joint_count, dtype=np.int64), np.full((2, limits.joint_count), np.nan))

    @property
    def weight(self) -> Array:
        """The operator's share per group (g,)."""
        weight: Array = self._state.weight[self.first_of_group]
        return weight

    @property
    def reference(self) -> Array:
        """Positions (n,) that were asked of the filter in the last tick; NaN where nobody drove."""
        reference: Array = self._state.reference[0].copy()
        return reference

    @property
    def driver(self) -> Drivers:
        """Who drove each joint (n,) in the last tick."""
        return self._state.driver.copy()

    @property
    def settled(self) -> bool:
        """True when no transfer is under way."""
        return bool(np.all(self._state.ticks * self._dt_s >= self._state.duration_s))

    def begin(self, q_rad: Array) -> None:
        """A new episode: nothing is known of any driver, the robot rests at ``q_rad`` (n,)."""
        self._state.smooth[:] = 0.0
        self._state.smooth[:, 0] = q_rad
        self._state.target[:] = q_rad
        self._state.known[:] = False
        self._state.driver[:] = NOBODY
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
        self._arbitrate(wanted, np.stack([q_policy_rad, q_operator_rad]))
        if stop:
            return self.filter.stop()
        return self.filter.step(self._state.reference, self._state.driver == NOBODY)

    def run(self, wanted: Drivers, q_policy_rad: Array, q_operator_rad: Array, stop: NDArray[np.bool_]) -> PathLog:
        """Many ticks at once: exactly what as many calls of ``step`` do, some twenty times faster.

        Args:
            wanted: (ticks, n); q_policy_rad, q_operator_rad: (ticks, n); stop: (ticks,).
        """
        log = new_log(wanted.shape)
        s, p = self._state, self._pre
        run_ticks(
            s.smooth, s.target, s.known, s.driver,
            s.offset, s.duration_s, s.ticks, s.weight, s.weight_from, s.reference,
            p.parameters, p.weights, p.history, p.memory, self._blend,
            self.filter.state, self.filter.bounds, self._group, self._matrix, self._dt_s,
            wanted, q_policy_rad, q_operator_rad, stop,
            log.q_target_rad, log.q_sent_rad, log.weight, log.driver, log.reason, log.settled,
        )  # fmt: skip
        return log

    def _arbitrate(self, wanted: Drivers, targets: Array) -> None:
        s, p = self._state, self._pre
        self.switched = arbitrate(
            s.smooth, s.target, s.known, s.driver,
            s.offset, s.duration_s, s.ticks, s.weight, s.weight_from, s.reference,
            p.parameters, p.weights, p.history, p.memory, self._blend,
            self.filter.motion, self.filter.bounds, self._group, self._matrix, self._dt_s, wanted, targets,
        )  # fmt: skip


@njit
def arbitrate(
    smooth: Array,
    target: Array,
    known: NDArray[np.bool_],
    driver: Drivers,
    offset: Array,
    duration_s: Array,
    ticks: Array,
    weight: Array,
    weight_from: Array,
    reference: Array,
    pre: Array,
    weights: Array,
    history: Array,
    memory: Array,
    blend: Array,
    motion: Array,
    bounds: Array,
    group: Drivers,
    matrix: Array,
    dt: float,
    wanted: Drivers,
    targets: Array,
) -> bool:
    """One tick of smoothing and blending; ``reference`` (3, n) is written. True when a driver took a joint.

    Args:
        smooth ... reference: as in ``PathState``, changed in place.
        pre, weights, history, memory: the prefilter of the operator's targets, as in ``PrefilterState``.
        blend: (4,) kind, share, min_s, fixed_s of the configured blend.
        motion: (3, n) commanded position, velocity, acceleration of the last tick.
        bounds: (5, n) limits, rows as in the filter's kernel.
        group: (n,) number of each joint's group.
        matrix: of ``low_pass_matrix``.
        wanted: (n,) who should drive.
        targets: (2, n) of policy and operator.
    """
    joints = motion.shape[1]
    present = np.zeros(3, dtype=np.bool_)
    for d in range(2):
        for i in range(joints):
            present[d + 1] |= np.isfinite(targets[d, i])
    for d in range(2):
        for i in range(joints):
            driving = wanted[i] == d + 1
            drove = driver[i] == d + 1
            _take(smooth[d], target[d], known[d], i, targets[d, i], motion, bounds, driving, drove)
            if d + 1 == OPERATOR and not (driving or known[d, i]):
                memory[COUNT, i] = 0.0
            asked = target[d, i]
            if d + 1 == OPERATOR and (driving or np.isfinite(targets[d, i])):
                asked = prefilter_tick(pre, weights, history, memory, i, asked)
            smooth[d, 0, i], smooth[d, 1, i], smooth[d, 2, i] = low_pass(
                matrix, smooth[d, 0, i], smooth[d, 1, i], smooth[d, 2, i], asked
            )
    switched = False
    for i in range(joints):
        who = wanted[i] if present[wanted[i]] else NOBODY
        if who != NOBODY and who != driver[i]:
            switched = True
            ticks[i] = -1.0  # marks the joint until its group's duration is known
        driver[i] = who
    if switched:
        _begin_transfers(smooth, driver, offset, duration_s, ticks, weight, weight_from, blend, motion, bounds, group)
    for i in range(joints):
        who = driver[i]
        if who == NOBODY:
            weight[i] = 0.0
            reference[0, i], reference[1, i], reference[2, i] = np.nan, np.nan, np.nan
            continue
        x, v, a = 0.0, 0.0, 0.0
        t = ticks[i] * dt
        if t < duration_s[i]:
            if blend[KIND] == QUINTIC:
                x, v, a = offset_at(offset[:, i], t)
            else:
                x, v, a = _faded(smooth[who - 1, :, i], offset[0, i], blend, t / duration_s[i])
        reference[0, i] = smooth[who - 1, 0, i] + x
        reference[1, i] = smooth[who - 1, 1, i] + v
        reference[2, i] = smooth[who - 1, 2, i] + a
        goal = 1.0 if who == OPERATOR else 0.0
        weight[i] = weight_from[i] + (goal - weight_from[i]) * progress(t / duration_s[i])
        ticks[i] += 1.0
    return switched


@njit
def _take(
    smooth: Array,
    target: Array,
    known: NDArray[np.bool_],
    i: int,
    asked: float,
    motion: Array,
    bounds: Array,
    driving: bool,
    drove: bool,
) -> None:
    """Note one driver's target. Without one, a joint that it does not drive follows the robot.

    The first target of a driver who did not drive yet is where its motion begins: were it approached through the
    low-pass, whoever takes over with it would ask for a step that no blend knows of.
    """
    if np.isfinite(asked):
        # A wild target may not put infinities into the low-pass; just outside, it still counts as outside.
        target[i] = min(max(asked, bounds[Q_MIN, i] - OUTSIDE_RAD), bounds[Q_MAX, i] + OUTSIDE_RAD)
        if not (known[i] or drove):
            smooth[0, i], smooth[1, i], smooth[2, i] = target[i], 0.0, 0.0
        known[i] = True
    elif not driving:
        target[i] = motion[0, i]
        smooth[0, i], smooth[1, i], smooth[2, i] = motion[0, i], 0.0, 0.0
        known[i] = False


@njit
def _begin_transfers(
    smooth: Array,
    driver: Drivers,
    offset: Array,
    duration_s: Array,
    ticks: Array,
    weight: Array,
    weight_from: Array,
    blend: Array,
    motion: Array,
    bounds: Array,
    group: Drivers,
) -> None:
    """The offset of every marked joint decays from now on, in the longest time that a joint of its group needs."""
    joints = motion.shape[1]
    longest = np.zeros(joints)
    for i in range(joints):
        if ticks[i] < 0.0:
            k = driver[i] - 1
            d, v, a = motion[0, i] - smooth[k, 0, i], motion[1, i] - smooth[k, 1, i], motion[2, i] - smooth[k, 2, i]
            v_max, a_max, j_max = bounds[V_MAX, i], bounds[A_MAX, i], bounds[J_MAX, i]
            needed = blend[FIXED_S]
            if blend[KIND] == QUINTIC:
                needed = blend_duration(d, v, a, v_max, a_max, j_max, blend[SHARE], blend[MIN_S])
            longest[group[i]] = max(longest[group[i]], needed)
    for i in range(joints):
        if ticks[i] < 0.0:
            k = driver[i] - 1
            d, v, a = motion[0, i] - smooth[k, 0, i], motion[1, i] - smooth[k, 1, i], motion[2, i] - smooth[k, 2, i]
            duration_s[i] = longest[group[i]]
            if blend[KIND] == QUINTIC:
                quintic(d, v, a, duration_s[i], offset[:, i])
            else:
                offset[0, i] = motion[0, i]
            weight_from[i] = weight[i]
            ticks[i] = 0.0


@njit
def _faded(smooth: Array, q_from: float, blend: Array, share: float) -> tuple[float, float, float]:
    """What a crossfade from ``q_from`` adds to the new source (3,) in position, velocity, acceleration."""
    w, rate, bend = crossfade(blend[KIND] == LINEAR, share, blend[FIXED_S])
    gap = smooth[0] - q_from
    return (
        (w - 1.0) * gap,
        (w - 1.0) * smooth[1] + rate * gap,
        (w - 1.0) * smooth[2] + 2.0 * rate * smooth[1] + bend * gap,
    )


@njit
def run_ticks(
    smooth: Array,
    target: Array,
    known: NDArray[np.bool_],
    driver: Drivers,
    offset: Array,
    duration_s: Array,
    ticks: Array,
    weight: Array,
    weight_from: Array,
    reference: Array,
    pre: Array,
    weights: Array,
    history: Array,
    memory: Array,
    blend: Array,
    state: Array,
    bounds: Array,
    group: Drivers,
    matrix: Array,
    dt: float,
    wanted: Drivers,
    q_policy: Array,
    q_operator: Array,
    stop: NDArray[np.bool_],
    target_log: Array,
    sent_log: Array,
    weight_log: Array,
    driver_log: Drivers,
    reason_log: NDArray[np.uint32],
    settled_log: NDArray[np.bool_],
) -> None:
    """``arbitrate`` and the filter's ``advance`` for every row, the logs written."""
    rows, joints = wanted.shape
    targets = np.empty((2, joints))
    stopping = np.empty(joints, dtype=np.bool_)
    for k in range(rows):
        targets[0], targets[1] = q_policy[k], q_operator[k]
        arbitrate(
            smooth, target, known, driver, offset, duration_s, ticks, weight, weight_from, reference,
            pre, weights, history, memory, blend,
            state[:3].copy(), bounds, group, matrix, dt, wanted[k], targets,
        )  # fmt: skip
        for i in range(joints):
            stopping[i] = stop[k] or driver[i] == NOBODY
        advance(state, bounds, dt, reference, stopping, reason_log[k])
        for i in range(joints):
            if stopping[i]:
                reason_log[k, i] = _HOLDING
            settled_log[k, i] = ticks[i] * dt >= duration_s[i]
        target_log[k], sent_log[k], weight_log[k], driver_log[k] = reference[0], state[0], weight, driver
