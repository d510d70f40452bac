"""The one place where the stages are wired: a tick reads targets, arbitrates, bounds, checks, and says what it did."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from .command_filter.check import CommandCheck
from .command_filter.limits import Limits
from .control.hand_limits import HandLimits
from .control.handover_record import HandoverRecord
from .control.inputs import Deadlines, Inputs, age_s
from .control.motion_path import NOBODY, OPERATOR, POLICY, MotionPath
from .control.path_config import PathConfig
from .control.speed_scale import SpeedScale
from .control.tick import Tick
from .errors import RobotUnavailable
from .failure.alarms import Advice, Alarms
from .failure.no_progress import NoProgress
from .handover.alignment import Alignment, AlignmentGate
from .handover.handover import Handover, Protocol, TakeoverMode
from .handover.rewind import ARRIVAL_S, Rewind
from .handover.roles import Role
from .handover.states import (
    EPISODE_STATES,
    HUMAN_STATES,
    PHASE,
    POLICY_STATES,
    SILENT_STATES,
    TRANSITIONS,
    Signal,
    State,
)
from .robots.description import RobotDescription
from .types import ActionChunk, Array, Authority, Event, JointTargets, Reason, RobotState

__all__ = ["ControlLoop", "Tick"]


class ControlLoop:
    """All state of control. Time and inputs are arguments; nothing here reads a clock, a socket or a file."""

    def __init__(
        self,
        robot: RobotDescription,
        takeover: TakeoverMode = "anchored",
        protocol: Protocol = "complete",
        no_progress: NoProgress | None = None,
        deadlines: Deadlines | None = None,
        path: PathConfig | None = None,
    ) -> None:
        dynamic = (robot.v_max_rad_s, robot.a_max_rad_s2, robot.j_max_rad_s3)
        limits = Limits(robot.q_min_rad, robot.q_max_rad, *dynamic, robot.dt_s)
        self.robot = robot
        self.inputs = Inputs(robot, deadlines or Deadlines())
        self.handover = Handover(takeover, protocol)
        self.hand_limits = HandLimits(robot, limits.longest_stop_ticks)
        self.path = MotionPath(limits, robot.groups, path, self.hand_limits.chains)
        self.filter = self.path.filter
        self.check = CommandCheck(limits, robot.joint_names)
        self.speed = SpeedScale(self.filter, self.check)
        self.record = HandoverRecord(robot)
        self.gate = AlignmentGate(robot.groups)
        self.rewind = Rewind(robot.joint_count, robot.dt_s)
        self.takeover_groups: Collection[str] | None = None
        """The joint groups that a takeover takes when the request does not say; None: all."""
        self.deadman_takes_over = False
        """Whether a fresh press of the deadman is itself the operator's request to take over."""
        self.rewind_s, self.rewind_pace = 2.0, 0.5
        """How much motion a rewind walks back, and at what share of the original speed."""
        self.alarms = Alarms(no_progress or NoProgress())
        self.auto_pause, self._by_alarm = False, False
        """Whether an alarm pauses the policy by itself; it only asks for a person otherwise."""
        self.alignment: Alignment | None = None
        self._events: list[Event] = []
        self._wanted = np.zeros(robot.joint_count, dtype=np.int64)
        self._rest_first = False
        self._episode_s, self._last_tick_s = 0.0, 0.0
        self._rewound_s = -np.inf

    # --- inputs, each stamped on arrival with the loop's own clock ---

    def on_robot_state(self, state: RobotState) -> None:
        """Newest measurement; must already be finite and in the order of the robot description."""
        self.inputs.measured = state

    def on_operator(self, targets: JointTargets) -> None:
        """Newest retargeted targets."""
        self.inputs.ramp.put(targets)

    def on_deadman(self, pressed: bool, now_s: float) -> None:
        """Whether the operator holds the deadman."""
        self.inputs.deadman.update(pressed, now_s)

    def on_chunk(self, chunk: ActionChunk) -> str | None:
        """Offer a plan of the policy; a refusal is returned as a sentence and leaves the old plan in place."""
        refusal = self.inputs.schedule.offer(chunk)
        if refusal is not None:
            self._log(chunk.received_s, "chunk_refused", refusal)
        return refusal

    def on_progress(self, now_s: float, progress: float) -> None:
        """Progress of the task in [0, 1]; only watched while the policy drives."""
        self.alarms.on_progress(now_s, progress, self.handover.state is State.AUTONOMOUS)
        self._heed_alarms(now_s)

    def on_advice(self, now_s: float, advice: Advice) -> None:
        """What a failure monitor thinks of the policy. It advises: only with ``auto_pause`` does it do anything."""
        self.alarms.advise(now_s, advice)
        self._heed_alarms(now_s)

    @property
    def alarm(self) -> str | None:
        """Why a person should look, one sentence; None while there is no reason."""
        return self.alarms.sentence

    @property
    def no_progress(self) -> NoProgress:
        return self.alarms.no_progress

    def _heed_alarms(self, now_s: float) -> None:
        drives = self.handover.state is State.AUTONOMOUS
        if not self.alarms.look(now_s, drives):
            return
        self._log(now_s, "alarm", self.alarms.sentence or "")
        self._events.append(self.alarms.preroll(now_s, "alarm"))
        if self.auto_pause and drives:
            self._by_alarm = True
            self.request(Signal.PAUSE, now_s)
            self._by_alarm = False

    def request(
        self,
        signal: Signal,
        now_s: float,
        groups: Collection[str] | None = None,
        role: Role = Role.SUPERVISOR,
    ) -> str | None:
        """A person's request; None when taken, else the sentence that says why not.

        ``groups``: the joint groups that a takeover takes; None takes ``takeover_groups``.
        """
        before, groups = self.handover.state, self.takeover_groups if groups is None else groups
        refusal = self._unknown_group(groups)
        if signal in (Signal.START, Signal.ACKNOWLEDGE) and (before, signal) in TRANSITIONS:
            refusal = refusal or self._rest_at_measured(now_s)
        if signal is Signal.GIVE_BACK:
            refusal = refusal or self._just_rewound(now_s)
        ready = self.inputs.readiness(now_s, self._misaligned(groups), self._rewind_missing(now_s))
        refusal = refusal or self.handover.request(signal, ready, groups, role)
        if refusal is None:
            self._rest_first = self._rest_first or signal in (Signal.START, Signal.ACKNOWLEDGE)
            if signal is Signal.START:
                self._begin_episode(now_s)
            if before is State.AUTONOMOUS and signal in (Signal.PAUSE, Signal.TAKE_OVER) and not self._by_alarm:
                self._events.append(self.alarms.preroll(now_s, "trigger"))
            if signal is Signal.REWIND:
                self.rewind.begin(self.rewind_s, self.rewind_pace)
            self._after_transition(before, now_s)
        else:
            self._log(now_s, "refused", refusal)
        return refusal

    @property
    def between_episodes(self) -> bool:
        return self.handover.state in (State.IDLE, State.DONE)

    def scale_speed(self, share: float, now_s: float) -> str | None:
        """Velocity limits at a share of the robot's; None when taken, else the sentence that says why not."""
        before = self.speed.share
        refusal = self.speed.set(share, self.between_episodes)
        if self.speed.share != before:
            self._log_speed(now_s)
        return refusal

    def _log_speed(self, now_s: float) -> None:
        """Counts for every tick with a later stamp, so that the log can be replayed."""
        self._log(now_s, "limits", json.dumps({"speed_scale": self.speed.share}))

    def limit_hands(self, speed_m_s: float, box_m: Sequence[float], now_s: float) -> None:
        """A cap on the hands' speed and a box around them, at any time; 0 and an empty box are none.

        Raises:
            ValueError: they are nonsense.
        """
        if self.hand_limits.set(speed_m_s, box_m):
            self._log_hands(now_s)

    def _log_hands(self, now_s: float) -> None:
        limits = self.hand_limits
        self._log(now_s, "limits", json.dumps({"hand_speed_m_s": limits.speed_m_s, "hand_box_m": limits.box_m}))

    # --- the tick ---

    def tick(self, now_s: float) -> Tick:
        """One control period: what is sent is within every limit, whatever the inputs were."""
        self._notice_losses(now_s)
        if self._rest_first:
            # Again with the measurement that this tick's row shows: whoever replays the log can start from it.
            self._rest_first = False
            lost = self._rest_at_measured(now_s)
            if lost is not None:
                self._notice(Signal.ROBOT_LOST, lost, now_s)
        self._heed_deadman(now_s)
        q_policy, q_operator = self._q_policy(now_s), self.inputs.q_operator(now_s)
        self._watch_alignment(now_s)
        silent = self.handover.state in SILENT_STATES and self.filter.at_rest
        commanded = self.filter.position_rad
        command = self.path.step(self._drivers(q_policy), q_policy, q_operator, self.inputs.robot_late(now_s))
        # Between episodes and in FAULT a robot at rest hears nothing more; its own timeout keeps it where it is.
        sent = None if silent else self._checked(command, now_s)
        if self.path.switched:
            self.record.switched(self.handover, self.inputs, now_s, q_policy, q_operator, commanded, self.path.driver)
        if self._returned():
            self._notice(Signal.RETURNED, "the policy has full control again", now_s)
        state = self.handover.state
        self._events += self.record.tick(state, self.path, now_s, self._wanted, q_policy, q_operator)
        self._watch_hands(commanded, now_s)
        if sent is not None and self.handover.state is not State.REWINDING:
            self.rewind.note(sent)
        return self._report(now_s, sent, q_policy, q_operator)

    def _q_policy(self, now_s: float) -> Array:
        """The policy's target (n,), or on the way back the place to be next."""
        if self.handover.state is not State.REWINDING:
            return self.inputs.q_policy(now_s)
        # A robot that cannot be seen brakes; it does not also fall behind its way back.
        return self.rewind.here if self.inputs.robot_late(now_s) else self.rewind.step()

    def _drivers(self, q_policy: Array) -> NDArray[np.int64]:
        """Who should drive each joint (n,) in the present state."""
        if self.handover.taken_groups is None:
            self._wanted[:] = _DRIVER[self.handover.driver]
        else:
            for group, index in self.robot.groups.items():
                self._wanted[index] = _DRIVER[self.handover.driver_of(group)]
        if self.handover.state is State.REWINDING and not np.isfinite(q_policy).all():
            self._wanted[:] = NOBODY
        return self._wanted

    def _watch_hands(self, q_before_rad: Array, now_s: float) -> None:
        """Hands that slowing could not keep below their cap or in their box: the stop begins with the next tick."""
        if not self.hand_limits.any:
            return
        broken = self.hand_limits.broken(q_before_rad, self.filter.position_rad)
        if broken is not None:
            self._notice(Signal.HANDS_LIMITED, broken, now_s)

    def _returned(self) -> bool:
        """True when the way back to the policy is complete."""
        return self.handover.state is State.RETURNING and self.path.settled and bool((self.path.driver == POLICY).any())

    def _checked(self, command: Array, now_s: float) -> Array | None:
        """Nothing leaves unchecked."""
        violation = self.check.violation(command)
        return command if violation is None else self._emergency_stop(violation, now_s)

    def _emergency_stop(self, violation: str, now_s: float) -> Array | None:
        """The filter failed its check: brake from what was really sent, and stay in FAULT."""
        self._notice(Signal.CHECK_FAILED, f"command withheld: {violation}", now_s)
        self.filter.restore(self.check.motion)
        sent = self.filter.stop()
        self.filter.reason |= np.uint32(Reason.CHECK_FAILED)
        return sent if self.check.violation(sent) is None else None

    # --- what the loop notices ---

    def _notice_losses(self, now_s: float) -> None:
        state, inputs = self.handover.state, self.inputs
        if state in EPISODE_STATES:
            lost = self._held_up(now_s) or inputs.robot_missing(now_s)
            lost = lost or inputs.robot_astray(now_s, self.filter.position_rad)
            if lost is not None:
                self._notice(Signal.ROBOT_LOST, lost, now_s)
        self._last_tick_s = now_s
        missing = inputs.operator_missing(now_s)
        if state in HUMAN_STATES and missing is not None:
            self._notice(Signal.OPERATOR_LOST, missing, now_s)
        silent = inputs.policy_silent(now_s, self._episode_s)
        if state in POLICY_STATES and silent is not None:
            self._notice(Signal.POLICY_LOST, silent, now_s)
        if state is State.REWINDING and self.rewind.arrived:
            self._notice(Signal.REWOUND, "the robot is back where it was", now_s)

    def _heed_deadman(self, now_s: float) -> None:
        """A fresh press of the deadman as the operator's request, if the session wants that."""
        pressed = self.inputs.deadman.take_press(now_s)
        if pressed and self.deadman_takes_over and (self.handover.state, Signal.TAKE_OVER) in TRANSITIONS:
            self.request(Signal.TAKE_OVER, now_s, role=Role.OPERATOR)

    def _held_up(self, now_s: float) -> str | None:
        """After a pause of this loop (a suspended machine, starvation) the robot has stopped by itself."""
        pause_s = now_s - self._last_tick_s
        if pause_s <= self.inputs.deadlines.loop_s:
            return None
        return f"control was held up for {pause_s:.2f} s, so the robot has stopped by itself"

    def _watch_alignment(self, now_s: float) -> None:
        if self.handover.takeover != "aligned":
            return
        q_operator = self.inputs.q_shown(now_s)
        valid = np.isfinite(q_operator)
        if np.any(valid):
            self.alignment = self.gate.update(now_s, self.filter.position_rad, q_operator, valid)
        else:
            self.gate.reset()
            self.alignment = None

    def _notice(self, signal: Signal, reason: str, now_s: float) -> None:
        before = self.handover.state
        if self.handover.notice(signal, reason):
            self._after_transition(before, now_s)

    # --- transitions and scorecards ---

    def _rest_at_measured(self, now_s: float) -> str | None:
        """Commands begin, or begin again, where the robot stands, with no driver; a sentence when that cannot be."""
        measured, missing = self.inputs.measured, self.inputs.robot_missing(now_s)
        if missing is not None or measured is None:
            return missing
        if not self.filter.at_rest:
            return "the robot is still braking"
        try:
            self.filter.start(measured.q_rad, self.robot.joint_names)
        except RobotUnavailable as error:
            return str(error)
        self.check.start(self.filter.motion[0])
        self.path.begin(self.filter.motion[0])
        # The way back may not lead through the place where the robot was lost.
        self.rewind.forget()
        return None

    def _begin_episode(self, now_s: float) -> None:
        self.inputs.begin_episode()
        self.alarms.begin(now_s)
        self._episode_s = now_s
        if self.speed.share != 1.0:
            self._log_speed(now_s)
        if self.hand_limits.any:
            self._log_hands(now_s)

    def _after_transition(self, before: State, now_s: float) -> None:
        state = self.handover.state
        if state is before:
            return
        if before is State.REWINDING:
            self.rewind.end(self.filter.motion[0])
            self._rewound_s = now_s
        self._events += self.record.transition(before, state, now_s)
        self._log(now_s, "state", f"{before.name.lower()} -> {state.name.lower()}: {self.handover.reason}")

    def _log(self, time_s: float, kind: str, detail: str) -> None:
        self._events.append(Event(time_s, kind, detail))

    def _authority(self) -> Authority:
        foremost = self.path.driver.max()  # of NOBODY, POLICY, OPERATOR
        if foremost == OPERATOR:
            return Authority.HUMAN
        if foremost == NOBODY:
            return self.handover.idle_authority
        return Authority.REWIND if self.handover.state is State.REWINDING else Authority.POLICY

    def _misaligned(self, groups: Collection[str] | None) -> str | None:
        if self.alignment is None:
            return "the operator's pose is not known"
        return self.alignment.misaligned(self.robot.joint_names, groups)

    def _rewind_missing(self, now_s: float) -> str | None:
        if not self.filter.at_rest:
            return "the robot is still braking"
        if self.rewind.remembered_s == 0.0:
            return "there is nothing to rewind: the robot has not moved since commands began"
        return self.inputs.robot_missing(now_s)

    def _just_rewound(self, now_s: float) -> str | None:
        """The low-pass of the policy's targets needs a moment to come back from the rewind's."""
        if now_s - self._rewound_s >= ARRIVAL_S:
            return None
        return "the robot has only just stopped rewinding"

    def _unknown_group(self, groups: Collection[str] | None) -> str | None:
        unknown = [name for name in groups or () if name not in self.robot.groups]
        known = ", ".join(self.robot.groups)
        return f"'{unknown[0]}' is no joint group of this robot (it has {known})" if unknown else None

    def _report(self, now_s: float, sent: Array | None, q_policy: Array, q_operator: Array) -> Tick:
        events, self._events = tuple(self._events), []
        measured, nothing = self.inputs.measured, self.inputs.nothing
        return Tick(
            stamp_s=now_s,
            q_sent_rad=sent,
            q_measured_rad=nothing if measured is None else measured.q_rad,
            dq_measured_rad_s=nothing if measured is None else measured.dq_rad_s,
            q_policy_rad=q_policy,
            q_operator_rad=q_operator,
            q_target_rad=self.path.reference,
            weight=self.path.weight,
            driver=self._wanted[self.path.first_of_group],
            authority=self._authority(),
            phase=PHASE[self.handover.state],
            state=self.handover.state,
            reason=self.filter.reason.copy(),
            operator_age_s=age_s(self.inputs.targets, now_s),
            policy_age_s=self.inputs.schedule.age_s(now_s),
            events=events,
        )


# The way back goes through the policy's place in the path, which nobody else uses meanwhile.
_DRIVER = {None: NOBODY, "policy": POLICY, "operator": OPERATOR, "rewind": POLICY}
