"""The one place where the stages are wired: a tick reads targets, arbitrates, bounds, checks, and says what it did."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .command_filter.check import CommandCheck
from .command_filter.command_filter import CommandFilter
from .command_filter.limits import Limits
from .command_filter.smoothing import LowPass, Reference
from .errors import RobotUnavailable
from .failure.no_progress import NoProgress
from .handover.alignment import Alignment, AlignmentGate
from .handover.blend import OffsetDecay
from .handover.handover import Decision, Handover, Protocol, Readiness, TakeoverMode
from .handover.scorecard import HandoverMeter
from .handover.states import EPISODE_STATES, HUMAN_STATES, PHASE, Signal, State
from .policy.chunk import ChunkSchedule
from .robots.description import RobotDescription
from .types import ActionChunk, Array, Authority, Event, JointTargets, Phase, Reason, RobotState


@dataclass(frozen=True)
class Deadlines:
    """How old an input may be, in seconds on the loop's clock, before the robot brakes or the state changes."""

    operator_s: float = 0.1
    robot_brake_s: float = 0.03
    robot_fault_s: float = 0.25
    first_chunk_s: float = 5.0
    chunk_gap_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Tick:
    """One control tick. ``q_sent_rad`` is None when nothing may be sent (no episode, robot at rest)."""

    stamp_s: float
    q_sent_rad: Array | None
    q_measured_rad: Array
    dq_measured_rad_s: Array
    q_policy_rad: Array
    q_operator_rad: Array
    q_target_rad: Array
    weight: Array
    authority: Authority
    phase: Phase
    state: State
    reason: NDArray[np.uint32]
    operator_age_s: float
    policy_age_s: float
    events: tuple[Event, ...]


@dataclass
class _Source:
    """A driver's targets made smooth; joints it does not speak for stay where the robot is."""

    smooth: LowPass
    target: Array
    last_s: float = -np.inf

    def step(self, q_rad: Array, valid: NDArray[np.bool_], motion: Reference, driving: bool) -> Array:
        """Advance one tick; while the source does not drive, joints without a target follow the robot."""
        if not driving:
            self.target = np.where(valid, self.target, motion.x)
            state = self.smooth.reference
            still = np.zeros_like(motion.x)
            self.smooth.start(
                Reference(
                    np.where(valid, state.x, motion.x),
                    np.where(valid, state.v, still),
                    np.where(valid, state.a, still),
                )
            )
        self.target = np.where(valid, q_rad, self.target)
        reference = self.smooth.step(self.target)
        return np.stack([reference.x, reference.v, reference.a])

    def start(self, q_rad: Array) -> None:
        still = np.zeros_like(q_rad)
        self.target, self.last_s = q_rad.copy(), -np.inf
        self.smooth.start(Reference(q_rad, still, still))


@dataclass
class ControlLoop:
    """All state of control. Time and inputs are arguments; nothing here reads a clock, a socket or a file."""

    robot: RobotDescription
    takeover: TakeoverMode = "anchored"
    protocol: Protocol = "complete"
    smoothing_rad_s: float = 50.0
    deadlines: Deadlines = field(default_factory=Deadlines)
    no_progress: NoProgress = field(default_factory=NoProgress)

    def __post_init__(self) -> None:
        r = self.robot
        limits = Limits(r.q_min_rad, r.q_max_rad, r.v_max_rad_s, r.a_max_rad_s2, r.j_max_rad_s3, r.dt_s)
        dynamic = (r.v_max_rad_s, r.a_max_rad_s2, r.j_max_rad_s3)
        self.filter = CommandFilter(limits)
        self.check = CommandCheck(limits, r.joint_names)
        self.handover = Handover(r.groups, OffsetDecay(r.groups, *dynamic), self.takeover, self.protocol)
        self.meter = HandoverMeter(r.groups, dynamic, r.dt_s)
        self.gate = AlignmentGate(r.groups)
        self.schedule = ChunkSchedule(r.joint_count)
        self.policy = _Source(LowPass(r.dt_s, self.smoothing_rad_s), r.home_rad)
        self.operator = _Source(LowPass(r.dt_s, self.smoothing_rad_s), r.home_rad)
        self.alignment: Alignment | None = None
        self.alarm: str | None = None
        self._now_s = 0.0
        self._measured: RobotState | None = None
        self._targets: JointTargets | None = None
        self._engaged = False
        self._events: list[Event] = []
        self._episode_s, self._paused_s, self._no_chunk_s = 0.0, 0.0, 0.0
        self._had_chunk = False

    # --- inputs, each stamped on arrival with the loop's own clock ---

    def on_robot_state(self, state: RobotState) -> None:
        """Newest measurement; must already be finite and in the order of the robot description."""
        self._measured = state

    def on_chunk(self, chunk: ActionChunk) -> str | None:
        """Offer a plan of the policy; a refusal is returned as a sentence and leaves the old plan in place."""
        refusal = self.schedule.offer(chunk)
        if refusal is not None:
            self._log(chunk.received_s, "chunk_refused", refusal)
        return refusal

    def on_operator(self, targets: JointTargets, engaged: bool) -> None:
        """Newest retargeted targets and the deadman that came with them."""
        self._targets, self._engaged = targets, engaged

    def on_progress(self, now_s: float, progress: float) -> None:
        """Progress of the task in [0, 1]; only watched while the policy drives."""
        if self.handover.state is not State.AUTONOMOUS:
            self.no_progress.reset(now_s)
        self.no_progress.update(now_s, progress)
        alarm = self.no_progress.alarm
        if alarm is not None and self.alarm is None:
            self._log(now_s, "alarm", alarm)
        self.alarm = alarm

    def request(self, signal: Signal, now_s: float) -> str | None:
        """A person's request; None when taken, else the sentence that says why not."""
        before = self.handover.state
        if signal is Signal.START and (self.handover.state, signal) in _STARTS:
            refusal = self._prepare_start(now_s)
            if refusal is not None:
                return refusal
        refusal = self.handover.request(signal, self._readiness(now_s))
        if refusal is None:
            self._after_transition(before, now_s)
        else:
            self._log(now_s, "refused", refusal)
        return refusal

    # --- the tick ---

    def tick(self, now_s: float) -> Tick:
        """One control period: what is sent is within every limit, whatever the inputs were."""
        self._now_s = now_s
        self._notice_losses(now_s)
        policy, q_policy = self._policy_motion(now_s)
        operator, q_operator = self._operator_motion(now_s)
        self._watch_alignment(now_s, q_operator)
        motion = self.filter.motion
        decision = self.handover.step(
            now_s, np.stack([motion.x, motion.v, motion.a]), {"policy": policy, "operator": operator}
        )
        if self.handover.finished_returning(now_s):
            self._notice(Signal.RETURNED, "the policy has full control again", now_s)
        if decision.handover is not None:
            self._begin_handover(decision.handover, now_s, q_policy, q_operator)
        sent = self._bounded(decision, now_s)
        self._measure_handover(now_s)
        return self._tick(now_s, decision, sent, q_policy, q_operator)

    def _bounded(self, decision: Decision, now_s: float) -> Array | None:
        if self.handover.state not in EPISODE_STATES and self.filter.at_rest:
            return None
        stale = self._age(self._measured, now_s) > self.deadlines.robot_brake_s
        if decision.reference is None or stale:
            sent = self.filter.stop()
        else:
            sent = self.filter.step(Reference(*decision.reference))
        violation = self.check.violation(sent)
        if violation is None:
            return sent
        return self._emergency_stop(violation, now_s)

    def _emergency_stop(self, violation: str, now_s: float) -> Array | None:
        """The filter failed its check: brake from what was really sent, and stay in FAULT."""
        self._notice(Signal.CHECK_FAILED, f"command withheld: {violation}", now_s)
        self.filter.restore(self.check.motion)
        sent = self.filter.stop()
        self.filter.reason |= np.uint32(Reason.CHECK_FAILED)
        return sent if self.check.violation(sent) is None else None

    # --- parts of a tick ---

    def _policy_motion(self, now_s: float) -> tuple[Array | None, Array]:
        nothing = np.full(self.robot.joint_count, np.nan)
        target = self.schedule.at(now_s)
        motion = self.filter.motion
        if target is None:
            self.policy.start(motion.x)
            return None, nothing
        index, q = target
        nothing[index] = q
        self.policy.last_s = now_s
        self._had_chunk = True
        driving = self.handover.state in (State.AUTONOMOUS, State.RETURNING)
        return self.policy.step(nothing, np.isfinite(nothing), motion, driving), nothing

    def _operator_motion(self, now_s: float) -> tuple[Array | None, Array]:
        nothing = np.full(self.robot.joint_count, np.nan)
        if self._targets is None or self._operator_missing(now_s) is not None:
            self.operator.start(self.filter.motion.x)
            return None, nothing
        valid = self._targets.valid & np.isfinite(self._targets.q_rad)
        q = np.where(valid, self._targets.q_rad, np.nan)
        driving = self.handover.state in HUMAN_STATES
        return self.operator.step(q, valid, self.filter.motion, driving), q

    def _notice_losses(self, now_s: float) -> None:
        state = self.handover.state
        if state in EPISODE_STATES and self._age(self._measured, now_s) > self.deadlines.robot_fault_s:
            self._notice(Signal.ROBOT_LOST, "the robot's state stopped arriving", now_s)
        missing = self._operator_missing(now_s)
        if state in HUMAN_STATES and missing is not None:
            self._notice(Signal.OPERATOR_LOST, missing, now_s)
        if state in (State.AUTONOMOUS, State.RETURNING) and self.schedule.at(now_s) is None:
            waited = now_s - max(self.policy.last_s, self._episode_s)
            patience = self.deadlines.chunk_gap_s if self._had_chunk else self.deadlines.first_chunk_s
            if waited > patience:
                self._notice(Signal.POLICY_LOST, f"no valid chunk of the policy for {waited:.1f} s", now_s)

    def _watch_alignment(self, now_s: float, q_operator: Array) -> None:
        if self.takeover == "aligned" and np.any(np.isfinite(q_operator)):
            valid = np.isfinite(q_operator)
            self.alignment = self.gate.update(now_s, self.filter.motion.x, q_operator, valid)
        else:
            self.gate.reset()
            self.alignment = None

    def _begin_handover(self, kind: str, now_s: float, q_policy: Array, q_operator: Array) -> None:
        if kind == "start":
            return
        q_new = q_operator if kind == "takeover" else q_policy
        mismatch = np.nan_to_num(q_new - self.filter.motion.x)
        paused = now_s - self._paused_s if kind == "takeover" else 0.0
        age = self._age(self._targets, now_s) if kind == "takeover" else 0.0
        self.meter.start(kind, now_s, mismatch, paused, age)

    def _measure_handover(self, now_s: float) -> None:
        motion = self.filter.motion
        finished = self.handover.decay.finished(now_s)
        card = self.meter.update(now_s, motion.v, motion.a, self.filter.reason, finished)
        if card is not None:
            self._log(now_s, "handover", json.dumps(card.as_dict()))

    def _tick(self, now_s: float, decision: Decision, sent: Array | None, q_policy: Array, q_operator: Array) -> Tick:
        events, self._events = tuple(self._events), []
        n = self.robot.joint_count
        measured = self._measured
        target = decision.reference[0] if decision.reference is not None else np.full(n, np.nan)
        return Tick(
            stamp_s=now_s,
            q_sent_rad=sent,
            q_measured_rad=measured.q_rad if measured is not None else np.full(n, np.nan),
            dq_measured_rad_s=measured.dq_rad_s if measured is not None else np.full(n, np.nan),
            q_policy_rad=q_policy,
            q_operator_rad=q_operator,
            q_target_rad=target,
            weight=decision.weight,
            authority=decision.authority,
            phase=PHASE[self.handover.state],
            state=self.handover.state,
            reason=self.filter.reason,
            operator_age_s=self._age(self._targets, now_s),
            policy_age_s=now_s - self.policy.last_s,
            events=events,
        )

    # --- transitions ---

    def _prepare_start(self, now_s: float) -> str | None:
        """A new episode begins at rest, at the measured pose, with no plan left over from the last one."""
        missing = self._robot_missing(now_s)
        if missing is not None or self._measured is None:
            return missing
        try:
            self.filter.start(self._measured.q_rad, self.robot.joint_names)
        except RobotUnavailable as error:
            return str(error)
        q = self.filter.motion.x
        self.check.start(q)
        self.policy.start(q)
        self.operator.start(q)
        self.schedule.clear()
        self.no_progress.reset(now_s)
        self.alarm = None
        self._episode_s, self._had_chunk = now_s, False
        return None

    def _notice(self, signal: Signal, reason: str, now_s: float) -> None:
        before = self.handover.state
        if self.handover.notice(signal, reason):
            self._after_transition(before, now_s)

    def _after_transition(self, before: State, now_s: float) -> None:
        state = self.handover.state
        if state is before:
            return
        if state in (State.PAUSED, State.HOLD):
            self._paused_s = now_s
        if not {before, state} <= HUMAN_STATES and not {before, state} <= {State.RETURNING, State.AUTONOMOUS}:
            self.meter.abandon()
        self._log(now_s, "state", f"{before.name.lower()} -> {state.name.lower()}: {self.handover.reason}")

    # --- what is missing ---

    def _readiness(self, now_s: float) -> Readiness:
        return Readiness(
            policy_missing=None if self.schedule.at(now_s) is not None else "the policy has no valid chunk",
            operator_missing=self._operator_missing(now_s),
            robot_missing=self._robot_missing(now_s),
            misaligned=self._misaligned(),
        )

    def _robot_missing(self, now_s: float) -> str | None:
        if self._measured is None:
            return "the robot has not reported its joints yet"
        age = self._age(self._measured, now_s)
        if not (0.0 <= age <= self.deadlines.robot_fault_s):
            return f"the robot's joints were last reported {age:.2f} s ago"
        return None

    def _operator_missing(self, now_s: float) -> str | None:
        if self._targets is None:
            return "no operator is connected"
        age = self._age(self._targets, now_s)
        if not (0.0 <= age <= self.deadlines.operator_s):
            return f"the operator's tracking is {age:.2f} s old"
        if not self._engaged:
            return "the operator's deadman is released"
        if not np.any(self._targets.valid):
            return "the operator is not tracked"
        return None

    def _misaligned(self) -> str | None:
        if self.alignment is None:
            return "the operator's pose is not known"
        if self.alignment.aligned:
            return None
        joint = self.robot.joint_names[self.alignment.worst_joint]
        return f"not aligned: {joint} is {self.alignment.error_rad:.2f} rad away"

    @staticmethod
    def _age(value: RobotState | JointTargets | None, now_s: float) -> float:
        return now_s - value.stamp_s if value is not None else np.inf

    def _log(self, time_s: float, kind: str, detail: str) -> None:
        self._events.append(Event(time_s, kind, detail))


_STARTS = {(State.IDLE, Signal.START), (State.DONE, Signal.START)}
