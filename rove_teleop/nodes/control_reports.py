"""What leaves control besides commands: rows for the recorder, topics for people and tools, diagnostics."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from .. import clock
from ..control.tick_row import TickRow
from ..control_loop import ControlLoop, Tick
from ..episodes.record.records import FailureRecord
from ..episodes.record.row_sender import RowSender
from ..handover.states import EPISODE_STATES, State
from ..robot_io import topics
from ..robot_io.joints import stamp_now
from ..types import Event
from .control_status import control_status
from .jitter import Jitter
from .support import Every, diagnostic

STATUS_PERIOD_S = 0.05
OPINION_PERIOD_S = 0.1


class Reports:
    """Everything that leaves control besides commands. Nothing here may raise into the loop or make it wait."""

    def __init__(self, node: Node, loop: ControlLoop, refused: Mapping[str, int], recorder: str) -> None:
        self._loop, self._refused = loop, refused
        self._episode, self._tick_number = 0, 0
        self._status = node.create_publisher(String, topics.ROVE_STATUS, topics.LATEST)
        self._event = node.create_publisher(String, topics.ROVE_EVENT, topics.STREAM)
        self._latched = {
            name: node.create_publisher(String, name, topics.LATCHED)
            for name in (topics.ROVE_STATE, topics.ROVE_PHASE, topics.ROVE_AUTHORITY, topics.ROVE_REASON)
        }
        self._diagnostics = node.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, topics.REPORTS)
        self._ghost = node.create_publisher(JointState, topics.ROVE_GHOST, topics.LATEST)
        self._said: dict[str, str] = {}
        robot = loop.robot
        self._row = TickRow(robot.joint_count, len(robot.groups))
        self._rows = RowSender(Path(recorder)) if recorder else None
        self._jitter = Jitter()
        self._status_due, self._diagnostics_due = Every(STATUS_PERIOD_S), Every(1.0)
        self._opinion_due = Every(OPINION_PERIOD_S)
        self._started_s = 0.0

    def begin_episode(self) -> None:
        """Rows are numbered anew."""
        self._episode += 1
        self._tick_number = 0

    def after_tick(self, tick: Tick, late_s: float, missed: int) -> None:
        """Record the tick, publish what changed, and at their own rates the status and the diagnostics."""
        self._jitter.add(late_s)
        self._record(tick)
        for event in tick.events:
            self._publish_event(event)
        words = {
            topics.ROVE_STATE: tick.state.name.lower(),
            topics.ROVE_PHASE: tick.phase.name.lower(),
            topics.ROVE_AUTHORITY: tick.authority.name.lower(),
            topics.ROVE_REASON: self._loop.handover.reason,
        }
        for name, word in words.items():
            if self._said.get(name) != word:
                self._said[name] = word
                self._latched[name].publish(String(data=word))
        if self._status_due.due(tick.stamp_s):
            self._status.publish(String(data=json.dumps(self._status_of(tick, missed))))
            self._publish_ghost(tick)
        if self._diagnostics_due.due(tick.stamp_s):
            self._diagnostics.publish(self._diagnose(tick, missed))

    def close(self) -> None:
        if self._rows is not None:
            self._rows.flush()
            self._rows.close()

    def _record(self, tick: Tick) -> None:
        if self._tick_number == 0:
            self._started_s = tick.stamp_s
        if self._rows is None:
            return
        if tick.state in EPISODE_STATES:
            self._rows.row(self._row.pack(tick, self._episode, self._tick_number, clock.wall_time_s()))
            self._tick_number += 1
            if self._opinion_due.due(tick.stamp_s):
                self._rows.opinion(self._no_progress(tick.stamp_s))
        for event in tick.events:
            self._rows.event(event)
        self._rows.flush()

    def _no_progress(self, now_s: float) -> FailureRecord:
        detector = self._loop.no_progress
        return FailureRecord(now_s, detector.score, detector.threshold, detector.alarm is not None, "no_progress")

    def _publish_event(self, event: Event) -> None:
        body = {"time_s": event.time_s, "kind": event.kind, "detail": event.detail, "episode": self._episode}
        self._event.publish(String(data=json.dumps(body)))

    def _publish_ghost(self, tick: Tick) -> None:
        """Where the operator's pose would put the robot, while it stands still: for displays to draw."""
        if tick.state not in (State.PAUSED, State.HOLD):
            return
        q_rad = self._loop.inputs.q_shown(tick.stamp_s)
        known = np.flatnonzero(np.isfinite(q_rad))
        if not len(known):
            return
        message = JointState(name=[self._loop.robot.joint_names[i] for i in known])
        message.position = array("d", q_rad[known].tobytes())
        stamp_now(message.header.stamp)
        self._ghost.publish(message)

    def _status_of(self, tick: Tick, missed: int) -> dict[str, object]:
        in_episode = tick.state in EPISODE_STATES
        return {
            **control_status(self._loop, tick),
            "episode": self._episode,
            "tick": self._tick_number,
            "elapsed_s": round(tick.stamp_s - self._started_s, 3) if in_episode else 0.0,
            "rows_sent": self._rows.sent if self._rows else 0,
            "rows_dropped": self._rows.dropped if self._rows else 0,
            "rows_waiting": self._rows.waiting if self._rows else 0,
            "missed_ticks": missed,
            "jitter_us": self._jitter.percentiles_us(),
        }

    def _diagnose(self, tick: Tick, missed: int) -> DiagnosticArray:
        problem = self._loop.handover.reason if tick.state in (State.FAULT, State.HOLD) else None
        values = {
            "state": tick.state.name.lower(),
            "authority": tick.authority.name.lower(),
            "missed_ticks": missed,
            **{f"jitter_{key}_us": value for key, value in self._jitter.percentiles_us().items()},
            **{f"refused.{key}": count for key, count in self._refused.items()},
            "rows_dropped": self._rows.dropped if self._rows else 0,
        }
        return diagnostic("rove_control", problem, values)
