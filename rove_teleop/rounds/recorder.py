"""Virtual episodes as a live session would have recorded them: the same rows, streams, events and attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..control.tick_row import TickRow
from ..control_loop import ControlLoop, Tick
from ..episodes.layout import pack_operator_frame
from ..episodes.record.recording import EpisodeRecording
from ..episodes.record.records import ChunkRecord, FailureRecord
from ..episodes.record.virtual_clock import VirtualClock
from ..failure.alarms import Advice
from ..failure.monitor import FailureMonitor
from ..handover.states import EPISODE_STATES, Signal, State
from ..operators.chain import OperatorChain
from ..robots.description import RobotDescription
from ..sessions.session import SessionOptions, episode_attributes
from ..sim.operator import SimulatedOperator
from ..sim.skills import DEFAULT_SKILL
from ..sim.tasks import Task
from ..types import (
    TRUE_IMPERFECTION_EVENT,
    TRUE_STATE_EVENT,
    ActionChunk,
    Array,
    Event,
    JointTargets,
    RobotState,
    TaskState,
)
from ..virtual_time.rollout import ADVICE_S, Operator, Result

SCRIPT = "scripted expert"
_TAKEN = f"-> {State.ADAPTATION.name.lower()}"
OUTCOMES = {Signal.SUCCESS: "success", Signal.FAILURE: "failure", Signal.DISCARD: "discarded"}


@dataclass(frozen=True)
class About:
    """What an episode says of how it was made. ``policy`` is a name that means something to people, or empty: nobody.

    ``skill`` names the simulated person; empty: a script demonstrates. ``more`` are attributes of whoever makes it.
    """

    seed: int
    policy: str
    skill: str
    protocol: str = "complete"
    takeover: str = "anchored"
    more: Mapping[str, Any] = field(default_factory=dict)


def virtual_attributes(robot: RobotDescription, task: Task, about: About) -> dict[str, Any]:
    """The attributes of a live session with a simulated robot, without cameras, as `About` says."""
    options = SessionOptions(
        dataset=Path(),
        task=task.name,
        robot=robot.name,
        operator="simulated" if about.skill else "none",
        operator_name="" if about.skill else SCRIPT,
        operator_skill=about.skill or DEFAULT_SKILL,
        checkpoint=about.policy,
        policy=bool(about.policy),
        protocol=about.protocol,
        takeover=about.takeover,
        cameras=(),
    )
    return {**episode_attributes(options, robot, task, "virtual", about.seed), **about.more}


class EpisodeRecorder:
    """One episode: ``on_tick`` and ``monitor`` of `rollout.run_episode`, and an ear at the operator's device.

    ``monitor`` is asked and heard as in a live session; without one its streams are only recorded.
    """

    def __init__(
        self,
        dataset: Path,
        episode_id: str,
        attributes: Mapping[str, Any],
        loop: ControlLoop,
        monitor: FailureMonitor | None = None,
    ) -> None:
        """Begin the recording. Whoever asks for it holds the dataset's writer lock.

        Raises:
            DatasetInvalid: attributes that do not fit, or an episode that is there already.
            RecordingFailed: the disk is nearly full.
        """
        self._clock = VirtualClock(episode_id)
        self.recording = EpisodeRecording(dataset, attributes, virtual=self._clock)
        self._loop, self._monitor = loop, monitor
        self._row = TickRow(loop.robot.joint_count, len(loop.robot.groups))
        self._ticks, self._opinion_due_s = 0, 0.0
        self._task: TaskState | None = None
        self.takeovers = 0
        self._true: dict[str, str] = {}

    def __call__(self, tick: Tick, task: TaskState) -> None:
        """A tick and what the task was then."""
        if tick.state in EPISODE_STATES:
            self.recording.control_row(self._row.pack(tick, 1, self._ticks, tick.stamp_s))
            self._ticks += 1
            if tick.stamp_s >= self._opinion_due_s:
                self._opinion_due_s += ADVICE_S
                self._no_progress(tick.stamp_s)
        if task is not self._task:
            self._task = task
            self.recording.task_state(task.stamp_s, task.features)
        for event in tick.events:
            self.recording.event(event)
            self.takeovers += event.kind == "state" and _TAKEN in event.detail

    def _no_progress(self, now_s: float) -> None:
        detector = self._loop.no_progress
        alarm = detector.alarm is not None
        self.recording.failure(FailureRecord(now_s, detector.score, detector.threshold, alarm, "no_progress"))

    def person(self, operator: SimulatedOperator, chain: OperatorChain) -> Operator:
        """As `rollout.person`, with every device frame in the episode, and what the person truly does."""

        def targets(now_s: float, measured: RobotState, task: TaskState, driving: bool) -> JointTargets | None:
            frame = operator.frame(now_s, measured.q_rad, task, driving)
            self.recording.tracking(pack_operator_frame(frame), now_s)
            self.tell(now_s, TRUE_STATE_EVENT, operator.true_state)
            self.tell(now_s, TRUE_IMPERFECTION_EVENT, operator.true_imperfection)
            passed = chain.step(frame, now_s, measured.q_rad, driving)
            return passed[1] if passed is not None and passed[0].engaged else None

        return targets

    def tell(self, now_s: float, kind: str, true: str) -> None:
        """What a simulated person truly does, or does wrong, told when it changes."""
        if true != self._true.get(kind, ""):
            self._true[kind] = true
            self.recording.event(Event(now_s, kind, true))

    def seal(self, result: Result, more: Mapping[str, Any] | None = None) -> Path:
        """Seal the episode; ``more`` are attributes that are known only now."""
        now_s = result.duration_s
        # Control goes on after an episode: its next tick tells how this one ended.
        for event in self._loop.tick(now_s + self._loop.robot.dt_s).events:
            self.recording.event(event)
        self._clock.now_s = now_s
        return self.recording.seal(OUTCOMES[result.outcome], more, last_tick=self._ticks - 1)

    def discard(self) -> None:
        """Keep nothing of this attempt."""
        self.recording.remove()

    # --- failure.streams.Listener ---

    def begin(self, now_s: float) -> None:
        if self._monitor is not None:
            self._monitor.begin(now_s)

    def chunk(self, now_s: float, chunk: ActionChunk) -> None:
        self.recording.chunk(ChunkRecord(now_s, now_s, chunk.offset_s, chunk.joint_index, chunk.q_rad))
        if self._monitor is not None:
            self._monitor.chunk(now_s, chunk)

    def embedding(self, now_s: float, embedding: Array) -> None:
        if self._monitor is not None:
            self._monitor.embedding(now_s, embedding)

    def value(self, now_s: float, value: float) -> None:
        if self._monitor is not None:
            self._monitor.value(now_s, value)

    def progress(self, now_s: float, progress: float) -> None:
        if self._monitor is not None:
            self._monitor.progress(now_s, progress)

    def commanded(self, now_s: float, q_rad: Array) -> None:
        if self._monitor is not None:
            self._monitor.commanded(now_s, q_rad)

    def advice(self, now_s: float) -> Advice:
        """What the monitor thinks, written down as in a live session."""
        if self._monitor is None:
            return Advice(None)
        for item in self._monitor.opinion(now_s):
            self.recording.failure(FailureRecord(now_s, item.score, item.threshold, item.alarm, item.detector))
        return self._monitor.advice(now_s)

    def end(self) -> None:
        if self._monitor is not None:
            self._monitor.end()
