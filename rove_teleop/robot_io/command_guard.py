"""The robot's own side of a command: refuse what makes no sense, follow, and stop alone when commands stop.

Pure logic with time as an argument; the simulated robot uses it, and a lab's own driver may.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum

import numpy as np

from ..errors import MessageRefused
from ..robots.description import RobotDescription
from ..types import Array, RobotState
from .envelope import Envelope

RESUME_WITHIN_RAD = 0.05
JUMP_TICKS = 5


class Mode(Enum):
    """What the robot does: follow commands, brake because they stopped, or hold the pose where it stands."""

    FOLLOWING = "following"
    BRAKING = "braking"
    HOLDING = "holding"


class CommandGuard:
    """Turns accepted commands into position targets (n,), one per tick, and holds when they stop.

    One session commands at a time; another one is accepted only after silence of ``timeout_s``. A robot that holds
    follows again with a command within 0.05 rad of where it stands: whoever takes it over has to start there.
    """

    def __init__(self, robot: RobotDescription, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.mode = Mode.HOLDING
        self.accepted = 0
        self.timeouts = 0
        self.refused: Counter[str] = Counter()
        self.last_refusal = ""
        self._robot = robot
        self._target_rad = robot.home_rad.copy()
        self._command_rad = robot.home_rad.copy()
        self._brake_rad_s = np.zeros(robot.joint_count)
        self._last: Envelope | None = None
        self._last_s = -np.inf

    def activate(self, q_measured_rad: Array) -> None:
        """Hold here and forget the last session: the next one that starts here is accepted."""
        self._last = None
        self.hold(q_measured_rad)

    def hold(self, q_measured_rad: Array) -> None:
        """Hold the measured pose (n,) until a command starts from it."""
        self.mode = Mode.HOLDING
        self._target_rad = self._inside(q_measured_rad)

    def brake(self, state: RobotState) -> None:
        """Slow down from the measured motion at ``a_max``, then hold where that ends."""
        self.mode = Mode.BRAKING
        limit = self._robot.v_max_rad_s
        self._brake_rad_s = np.clip(np.nan_to_num(state.dq_rad_s), -limit, limit)
        if np.isfinite(state.q_rad).all():
            self._target_rad = self._inside(state.q_rad)

    def offer(self, envelope: Envelope, q_rad: Array, state: RobotState) -> None:
        """Take a command (n,) that arrived at ``state.stamp_s`` while the robot measured ``state``.

        Raises:
            MessageRefused: other session, old sequence or epoch, not finite, a jump; the robot's target is unchanged.
        """
        self._check_sender(envelope, state.stamp_s)
        if q_rad.shape != self._target_rad.shape or not np.isfinite(q_rad).all():
            raise MessageRefused("not_finite", f"command {envelope.sequence} is not finite")
        self._check_distance(envelope, q_rad, state)
        self.mode = Mode.FOLLOWING
        self.accepted += 1
        self._last, self._last_s = envelope, state.stamp_s
        self._command_rad = self._inside(q_rad)

    def refuse(self, refusal: MessageRefused) -> None:
        """Count a refusal, also one that was found before the command reached ``offer``."""
        self.refused[refusal.reason] += 1
        self.last_refusal = str(refusal)

    def target(self, state: RobotState, dt_s: float) -> Array:
        """Position target (n,) in rad of this tick; it follows no faster than ``v_max``."""
        if self.mode is Mode.FOLLOWING and not (state.stamp_s - self._last_s <= self.timeout_s):
            self.timeouts += 1
            self.brake(state)
        if self.mode is Mode.FOLLOWING:
            reach = self._robot.v_max_rad_s * dt_s
            self._target_rad = self._target_rad + np.clip(self._command_rad - self._target_rad, -reach, reach)
        elif self.mode is Mode.BRAKING:
            self._brake(state, dt_s)
        return self._target_rad

    def _check_sender(self, envelope: Envelope, now_s: float) -> None:
        last = self._last
        if last is None:
            return
        if envelope.session != last.session:
            if not (now_s - self._last_s > self.timeout_s):
                raise MessageRefused("other_session", f"session '{last.session}' commands, not '{envelope.session}'")
        elif envelope.sequence <= last.sequence:
            raise MessageRefused("old_sequence", f"sequence {envelope.sequence} came after {last.sequence}")
        elif envelope.epoch < last.epoch:
            raise MessageRefused("old_epoch", f"epoch {envelope.epoch} came after {last.epoch}")

    def _check_distance(self, envelope: Envelope, q_rad: Array, state: RobotState) -> None:
        if self.mode is Mode.FOLLOWING:
            ticks = JUMP_TICKS + self._ticks_lost(envelope)
            allowed_rad = self._robot.v_max_rad_s * self._robot.dt_s * ticks
            distance_rad = np.abs(q_rad - self._command_rad)
            reason, what = "jump", "from the last command"
        else:
            allowed_rad = np.full(len(q_rad), RESUME_WITHIN_RAD)
            distance_rad = np.abs(q_rad - state.q_rad)
            reason, what = "not_here", "from where the robot holds"
        if not (distance_rad <= allowed_rad).all():
            worst = int(np.argmax(distance_rad - allowed_rad))
            name = self._robot.joint_names[worst]
            raise MessageRefused(reason, f"joint '{name}' is {distance_rad[worst]:.3f} rad {what}")

    def _ticks_lost(self, envelope: Envelope) -> int:
        """Commands of this session that never arrived, bounded by what fits into the timeout."""
        if self._last is None or envelope.session != self._last.session:
            return 0
        return min(envelope.sequence - self._last.sequence - 1, int(self.timeout_s / self._robot.dt_s))

    def _brake(self, state: RobotState, dt_s: float) -> None:
        step = self._robot.a_max_rad_s2 * dt_s
        self._brake_rad_s = self._brake_rad_s - np.clip(self._brake_rad_s, -step, step)
        self._target_rad = self._inside(self._target_rad + self._brake_rad_s * dt_s)
        if not self._brake_rad_s.any() and np.isfinite(state.q_rad).all():
            self.hold(state.q_rad)

    def _inside(self, q_rad: Array) -> Array:
        inside: Array = np.clip(q_rad, self._robot.q_min_rad, self._robot.q_max_rad)
        return inside
