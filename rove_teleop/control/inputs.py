"""What the control loop knows of the outside: the newest of everything, how old it is, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..handover.deadman import Deadman
from ..handover.handover import Readiness
from ..policy.chunk import ChunkSchedule
from ..robots.description import RobotDescription
from ..types import Array, JointTargets, RobotState


@dataclass(frozen=True)
class Deadlines:
    """How old an input may be, in seconds on the loop's clock, before the robot brakes or the state changes."""

    operator_s: float = 0.1
    robot_brake_s: float = 0.03
    robot_fault_s: float = 0.25
    first_chunk_s: float = 5.0
    chunk_gap_s: float = 0.5
    loop_s: float = 0.1
    following_s: float = 0.25


FOLLOWING_ERROR_RAD = 0.25
"""Further from its command than this, for longer than ``following_s``, a robot is not following any more."""


MOST_RAD = 100.0
"""No joint has a target beyond this."""


class Ramp:
    """Samples of a device as a line instead of a staircase: each sample is reached one sample period after it came.

    A staircase of 72 samples a second would put w^3 times its step into the jerk behind the low-pass.
    """

    LONGEST_S = 0.035

    def __init__(self) -> None:
        self.newest: JointTargets | None = None
        self._from: Array = np.empty(0)
        self._period_s = self.LONGEST_S

    def put(self, targets: JointTargets) -> None:
        """Take a sample. A joint that had no target before begins at its sample; a wild number is no target."""
        before = self.newest
        valid = targets.valid & (np.abs(targets.q_rad) <= MOST_RAD)
        targets = JointTargets(targets.stamp_s, np.where(valid, targets.q_rad, 0.0), valid)
        if before is None:
            self._from = targets.q_rad
        else:
            self._from = np.where(before.valid, self.at(targets.stamp_s), targets.q_rad)
            self._period_s = min(max(targets.stamp_s - before.stamp_s, 0.0), self.LONGEST_S)
        self.newest = targets

    def at(self, now_s: float) -> Array:
        """Targets (n,) at ``now_s``, NaN for joints without one."""
        if self.newest is None:
            return self._from
        share = 1.0 if self._period_s <= 0.0 else min(max((now_s - self.newest.stamp_s) / self._period_s, 0.0), 1.0)
        q_rad = self._from + share * (self.newest.q_rad - self._from)
        return np.where(self.newest.valid, q_rad, np.nan)


class Inputs:
    """Everything that arrived, each stamped on arrival with the loop's own clock."""

    def __init__(self, robot: RobotDescription, deadlines: Deadlines) -> None:
        self.robot, self.deadlines = robot, deadlines
        self.measured: RobotState | None = None
        self.nothing = np.full(robot.joint_count, np.nan)
        """Targets (n,) of nobody, for reading only."""
        self.nothing.flags.writeable = False
        self.ramp = Ramp()
        self.deadman = Deadman()
        self.schedule = ChunkSchedule(robot.joint_count)
        self.policy_s = -np.inf
        self.chunk_seen = False
        fingers = {i for name in robot.groups if name.endswith("_hand") for i in robot.groups[name].tolist()}
        self._followers = np.array([i for i in range(robot.joint_count) if i not in fingers], dtype=np.int64)
        self._astray_since_s = np.inf

    def begin_episode(self) -> None:
        """Forget every plan: none may outlive the episode it was made for."""
        self.schedule.clear()
        self.policy_s, self.chunk_seen = -np.inf, False

    @property
    def targets(self) -> JointTargets | None:
        """The operator's newest sample."""
        return self.ramp.newest

    def q_policy(self, now_s: float) -> Array:
        """The policy's target (n,) at this moment, NaN for joints (or all) without one."""
        q_rad = self.nothing.copy()
        target = self.schedule.at(now_s)
        if target is not None:
            q_rad[target[0]] = target[1]
            self.policy_s, self.chunk_seen = now_s, True
        return q_rad

    def q_operator(self, now_s: float) -> Array:
        """The operator's target (n,), NaN for joints (or all) that are not to be trusted now."""
        if self.operator_missing(now_s) is not None:
            return self.nothing
        return self.ramp.at(now_s)

    def q_shown(self, now_s: float) -> Array:
        """The operator's pose (n,) for eyes and for the alignment gate: also while the deadman is released."""
        if not (age_s(self.targets, now_s) <= self.deadlines.operator_s):
            return self.nothing
        return self.ramp.at(now_s)

    def policy_missing(self, now_s: float) -> str | None:
        return None if self.schedule.covers(now_s) else "the policy has no valid chunk"

    def policy_silent(self, now_s: float, since_s: float) -> str | None:
        """A sentence once the policy has been silent for longer than its patience, counted from ``since_s``."""
        if self.schedule.covers(now_s):
            return None
        waited_s = now_s - max(self.policy_s, since_s)
        patience_s = self.deadlines.chunk_gap_s if self.chunk_seen else self.deadlines.first_chunk_s
        return None if waited_s <= patience_s else f"no valid chunk of the policy for {waited_s:.1f} s"

    def operator_missing(self, now_s: float) -> str | None:
        """Why the operator cannot drive now, or None."""
        if self.targets is None:
            return "no operator is connected"
        age_s = now_s - self.targets.stamp_s
        if not (0.0 <= age_s <= self.deadlines.operator_s):
            return f"the operator's tracking is {age_s:.2f} s old"
        released = self.deadman.missing(now_s)
        if released is not None:
            return released
        return None if self.targets.valid.any() else "the operator is not tracked"

    def robot_missing(self, now_s: float) -> str | None:
        """Why the robot cannot be commanded now, or None."""
        if self.measured is None:
            return "the robot has not reported its joints yet"
        age_s = now_s - self.measured.stamp_s
        if not (0.0 <= age_s <= self.deadlines.robot_fault_s):
            return f"the robot's joints were last reported {age_s:.2f} s ago"
        return None

    def robot_late(self, now_s: float) -> bool:
        """Whether the robot's state is so old that moving on would be blind."""
        return self.measured is None or not (now_s - self.measured.stamp_s <= self.deadlines.robot_brake_s)

    def robot_astray(self, now_s: float, q_sent_rad: Array) -> str | None:
        """A sentence once a joint is far from its command for too long. Not for fingers: they close on things."""
        if self.measured is None:
            return None
        error_rad = np.abs(self.measured.q_rad - q_sent_rad)[self._followers]
        if (error_rad <= FOLLOWING_ERROR_RAD).all():
            self._astray_since_s = np.inf
            return None
        self._astray_since_s = min(self._astray_since_s, now_s)
        if now_s - self._astray_since_s <= self.deadlines.following_s:
            return None
        worst = int(np.argmax(error_rad))
        return f"{self.robot.joint_names[self._followers[worst]]} is {error_rad[worst]:.2f} rad away from its command"

    def readiness(self, now_s: float, misaligned: str | None = None, rewind_missing: str | None = None) -> Readiness:
        """Everything a request may be refused for."""
        return Readiness(
            policy_missing=self.policy_missing(now_s),
            operator_missing=self.operator_missing(now_s),
            robot_missing=self.robot_missing(now_s),
            misaligned=misaligned,
            rewind_missing=rewind_missing,
        )


def age_s(value: RobotState | JointTargets | None, now_s: float) -> float:
    """Seconds since the value arrived; infinite when there is none."""
    return now_s - value.stamp_s if value is not None else float("inf")
