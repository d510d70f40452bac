"""What is told of takeovers and returns: a scorecard of each, and the policy's disagreement with the person."""

from __future__ import annotations

import json

import numpy as np

from ..handover.disagreement import Disagreement
from ..handover.handover import Handover
from ..handover.scorecard import HandoverMeter
from ..handover.states import HUMAN_STATES, POLICY_STATES, State
from ..robots.description import RobotDescription
from ..types import Array, Event
from .inputs import Inputs, age_s
from .motion_path import OPERATOR, Drivers, MotionPath


class HandoverRecord:
    """Looks on; each method returns the events to log, if any."""

    def __init__(self, robot: RobotDescription) -> None:
        dynamic = (robot.v_max_rad_s, robot.a_max_rad_s2, robot.j_max_rad_s3)
        self.meter = HandoverMeter(robot.groups, dynamic, robot.dt_s)
        self.disagreement = Disagreement(robot.groups, robot.dt_s)
        self._stopped_s = 0.0

    def transition(self, before: State, state: State, now_s: float) -> list[Event]:
        """The state changed."""
        if state in (State.PAUSED, State.HOLD):
            self._stopped_s = now_s
        if not ({before, state} <= HUMAN_STATES or {before, state} <= POLICY_STATES):
            self.meter.abandon()
        if before not in HUMAN_STATES and state in HUMAN_STATES:
            self.disagreement.begin()
        if before in HUMAN_STATES and state not in HUMAN_STATES:
            summary = self.disagreement.summary()
            return [] if summary is None else [Event(now_s, "disagreement", summary)]
        return []

    def switched(
        self, handover: Handover, inputs: Inputs, now_s: float, q_policy: Array, q_operator: Array, commanded: Array,
        driver: Drivers,
    ) -> None:  # fmt: skip
        """A driver took joints: measure how that goes, unless it is how the episode begins, or a rewind."""
        to_human = handover.driver == "operator"
        if handover.state is State.REWINDING or not (to_human or handover.taken_over):
            return
        mismatch = np.nan_to_num(np.where(driver == OPERATOR, q_operator, q_policy) - commanded)
        paused_s = now_s - self._stopped_s if to_human else 0.0
        source_age_s = age_s(inputs.targets, now_s) if to_human else inputs.schedule.age_s(now_s)
        self.meter.start("takeover" if to_human else "return", now_s, mismatch, paused_s, source_age_s)

    def tick(
        self, state: State, path: MotionPath, now_s: float, wanted: Drivers, q_policy: Array, q_operator: Array
    ) -> list[Event]:
        """What was sent in this tick, and what both drivers wanted."""
        if state in HUMAN_STATES:
            self.disagreement.add(wanted == OPERATOR, q_policy, q_operator)
        if not self.meter.watching:
            return []
        _, v, a = path.filter.motion
        card = self.meter.update(now_s, v, a, path.filter.reason, path.settled)
        return [] if card is None else [Event(now_s, "handover", json.dumps(card.as_dict()))]
