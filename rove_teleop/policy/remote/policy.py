"""A policy elsewhere as a `Policy`: its answers are checked like a stranger's, and silence is no plan."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ...errors import CheckpointInvalid, MessageRefused, PolicyUnavailable
from ...robots.description import RobotDescription
from ...types import Array
from ..protocol import Observation, Plan
from .courier import Courier
from .fit import MAX_ROWS, Fit
from .link import Link, Message, Rows

OUTSIDE_RAD = 0.5
"""A little outside of a limit is a policy's noise, which the command filter bounds; so much is other units."""
FAR_RAD = 0.8
"""So far from where the robot is no plan begins, except that hands are told "closed" at once: joints are mixed up."""


class RemotePolicy:
    """Waits ``deadline_s`` for an answer at most, and not at all while there is no connection."""

    def __init__(self, link: Link, robot: RobotDescription, deadline_s: float) -> None:
        """Connects; raises `PolicyUnavailable` when nobody answers, `CheckpointInvalid` when it does not fit."""
        self._link, self._robot, self._deadline_s = link, robot, deadline_s
        self._fit: Fit | None = None
        self._seed: int | None = None
        self._wrong: Counter[str] = Counter()
        self._complaint: str | None = None
        fingers = [i for name, index in robot.groups.items() if name.endswith("_hand") for i in index]
        self._not_fingers = np.array([i not in fingers for i in range(len(robot.joint_names))])
        self._courier = Courier(link, self._accept)
        try:
            self._courier.wait_connected(link.patience_s)
        except (PolicyUnavailable, CheckpointInvalid):
            self._courier.close()
            raise
        self.joint_index = self.fit.joint_index(robot)
        self.execute_s = self.fit.step_s * self.fit.execute

    @property
    def fit(self) -> Fit:
        """What the policy works on."""
        if self._fit is None:
            raise PolicyUnavailable("no connection", f"{self._link.where} was never connected")
        return self._fit

    @property
    def cameras(self) -> tuple[str, ...]:
        return tuple(ours for ours, _ in self.fit.cameras)

    @property
    def refused(self) -> Counter[str]:
        return self._courier.refused + self._wrong

    @property
    def problem(self) -> str | None:
        return self._courier.problem or self._complaint

    def reset(self, seed: int) -> None:
        """Tell the policy with the next question that an episode begins."""
        self._seed = seed

    def act(self, observation: Observation) -> Plan | None:
        """A plan, or None (counted) when none came in time or what came cannot be used.

        Raises:
            CheckpointInvalid: the task does not offer a feature that the policy reads.
        """
        fit = self.fit
        missing = [name for name in fit.feature_names if name not in observation.feature_names]
        if missing:
            raise CheckpointInvalid(
                f"{self._link.where} reads features {missing}, but the task offers {list(observation.feature_names)}"
            )
        try:
            question = self._link.question(observation, fit, self._seed)
            answer = self._courier.ask(question, self._deadline_s)
            if answer is None:
                return None
            self._seed = None
            plan = self._plan(self._link.rows(answer, fit), fit, observation.q_measured_rad)
        except MessageRefused as refusal:
            self._wrong[refusal.reason] += 1
            self._complaint = f"{self._link.where}: {refusal}"
            return None
        self._complaint = None
        return plan

    def close(self) -> None:
        """Hang up."""
        self._courier.close()

    def _accept(self, description: Message) -> None:
        found = self._link.fit(description)
        if self._fit is None:
            self._fit = found
        elif self._fit != found:
            raise CheckpointInvalid(
                f"{self._link.where} is now {found}, but this session began with {self._fit}: start a new session"
            )

    def _plan(self, rows: Rows, fit: Fit, q_measured_rad: Array) -> Plan:
        q_rad = rows.q_rad
        if q_rad.ndim != 2 or not (1 <= len(q_rad) <= MAX_ROWS) or q_rad.shape[1] != len(fit.joint_names):
            wanted = f"(1 to {MAX_ROWS}, {len(fit.joint_names)})"
            raise MessageRefused("wrong shape", f"its plan has shape {q_rad.shape}, not {wanted}")
        offset_s = fit.step_s * np.arange(1.0, len(q_rad) + 1.0) if rows.offset_s is None else rows.offset_s
        if offset_s.shape != (len(q_rad),):
            raise MessageRefused("wrong shape", f"it says {offset_s.shape} times for {len(q_rad)} rows")
        if not (np.isfinite(q_rad).all() and np.isfinite(offset_s).all()):
            raise MessageRefused("plan not finite", "its plan holds values that are not finite")
        self._near(q_rad, fit, q_measured_rad)
        return Plan(offset_s, self.joint_index, q_rad, rows.valid_s, rows.embedding, rows.value)

    def _near(self, q_rad: Array, fit: Fit, q_measured_rad: Array) -> None:
        """Refuse what a policy for this robot does not say: other units, another order of joints, velocities."""
        robot, index = self._robot, self.joint_index
        outside = np.maximum(robot.q_min_rad[index] - q_rad, q_rad - robot.q_max_rad[index]).max(axis=0)
        k = int(np.argmax(outside))
        if outside[k] > OUTSIDE_RAD:
            sentence = f"its plan moves joint '{fit.joint_names[k]}' {outside[k]:.2g} rad outside of its limits"
            raise MessageRefused("outside limits", f"{sentence} (are these radians, in this order?)")
        away = np.abs(q_rad[0] - q_measured_rad[index]) * self._not_fingers[index]
        k = int(np.argmax(away))
        if away[k] > FAR_RAD:
            sentence = f"its plan begins {away[k]:.2g} rad from where joint '{fit.joint_names[k]}' is"
            raise MessageRefused("far from the robot", f"{sentence} (are these positions, in this order?)")
