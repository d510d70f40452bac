"""Where an operator's frames come from. A device plugs in here: one line in ``make_tracker``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ..clock import Pacer
from ..errors import UsageError
from ..operators.motion_source import open_motion
from ..robots.description import RobotDescription
from ..sim.operator import SimulatedOperator
from ..sim.skills import DEFAULT_SKILL, OperatorSkill, skill_of
from ..tracking.device import Device
from ..tracking.gate import NOISELESS, GateLimits
from ..tracking.mocap.devices import USAGE, is_mocap, open_mocap
from ..tracking.replay import RELEASE_S, ReplayTracker
from ..tracking.webxr import webxr_device
from ..types import Array, OperatorFrame, TaskState

LOOP_HZ = 72.0
"""Rate of the sources that have no device: a little slower than most headsets."""
HELD_FRAME_PERIOD_S = 0.04
"""A frame that lasts longer in the file is sent again after this time: it is still what the person does."""


@dataclass(frozen=True, slots=True)
class View:
    """What an operator sees at one moment. A device ignores it; a simulated person needs it."""

    q_measured_rad: Array
    task: TaskState | None
    feature_names: tuple[str, ...]
    driving: bool


class Tracker(Protocol):
    """A source of frames, stamped with this process's monotonic clock."""

    limits: GateLimits
    """What the gate expects of its frames."""

    def wait(self, timeout_s: float) -> None:
        """Sleep until a frame may be there, at most ``timeout_s``."""
        ...

    def frame(self, now_s: float, view: View) -> OperatorFrame | None:
        """The newest frame, or None when there is nothing new since the last call."""
        ...

    def counts(self) -> Mapping[str, int]:
        """What was received and refused, by reason."""
        ...

    def problem(self) -> str | None:
        """One sentence about why no frames can come, or None."""
        ...

    def close(self) -> None: ...


class Paced:
    """A source without a device behind it: its loop runs at a rate of its own, and it may truly stand still."""

    limits = NOISELESS

    def __init__(self) -> None:
        self._pacer = Pacer(1.0 / LOOP_HZ)

    def wait(self, timeout_s: float) -> None:
        self._pacer.wait()

    def counts(self) -> Mapping[str, int]:
        return {}

    def problem(self) -> str | None:
        return None

    def close(self) -> None:
        return None


class DeviceSource:
    """A real device: the loop wakes when it delivers."""

    def __init__(self, device: Device, limits: GateLimits | None = None) -> None:
        self.limits = limits or GateLimits()
        self._device = device
        self._newest: OperatorFrame | None = None

    def wait(self, timeout_s: float) -> None:
        self._newest = self._device.poll(timeout_s)

    def frame(self, now_s: float, view: View) -> OperatorFrame | None:
        newest, self._newest = self._newest, None
        return newest

    def counts(self) -> Mapping[str, int]:
        return dict(self._device.counts)

    def problem(self) -> str | None:
        return self._device.problem

    def close(self) -> None:
        self._device.close()


class ReplaySource(Paced):
    """A recorded human. A frame near the start is held until the robot is theirs; then the file plays, in its own time.

    When the robot is taken away the person lets go, and waits at the next moment of the recording at which they are
    tracked and grip again: the next takeover goes on from there, and after the end from the start. A person whose
    recording has ended stands still.
    """

    def __init__(self, replay: ReplayTracker) -> None:
        super().__init__()
        self._replay = replay
        self._begin_s = _next_engaged_s(replay, 0.0)
        self._playing_since_s: float | None = None
        self._released_until_s = -math.inf
        self._stamp_s = -math.inf
        self._shown = -1
        self._shown_s = -math.inf
        self._sequence = 0

    def frame(self, now_s: float, view: View) -> OperatorFrame | None:
        self._notice(now_s, view.driving)
        since_s = self._playing_since_s
        frame = self._replay.frame_at(self._begin_s + (0.0 if since_s is None else now_s - since_s))
        if frame is None:
            return None
        held = frame.sequence == self._shown
        if held and now_s - self._shown_s < HELD_FRAME_PERIOD_S:
            return None
        # A frame that is new keeps the spacing of the file, whenever this loop looked.
        stamp_s = now_s if held or since_s is None else since_s + frame.stamp_s - self._begin_s
        self._stamp_s = max(self._stamp_s, stamp_s)
        self._shown, self._shown_s = frame.sequence, now_s
        self._sequence += 1
        engaged = frame.engaged and now_s >= self._released_until_s
        return replace(frame, stamp_s=self._stamp_s, sequence=self._sequence, engaged=engaged)

    def _notice(self, now_s: float, driving: bool) -> None:
        if driving and self._playing_since_s is None:
            self._playing_since_s = now_s
        elif not driving and self._playing_since_s is not None:
            self._begin_s = _next_engaged_s(self._replay, self._begin_s + now_s - self._playing_since_s)
            self._playing_since_s = None
            self._released_until_s = now_s + RELEASE_S


def _next_engaged_s(replay: ReplayTracker, after_s: float) -> float:
    """Seconds of play at which the recorded person holds the deadman again; from the start when they never do."""
    stamps_s = replay.motion.stamp_s
    for stamp_s in stamps_s[stamps_s >= after_s].tolist() + stamps_s[:-1].tolist():
        frame = replay.frame_at(stamp_s)
        if frame is not None and frame.engaged and stamp_s < stamps_s[-1]:
            return float(stamp_s)
    return 0.0


class SimulatedSource(Paced):
    """A simulated person, who needs to see the task before their first frame."""

    def __init__(self, robot: RobotDescription, task: str, seed: int, skill: OperatorSkill) -> None:
        super().__init__()
        self._robot, self._task, self._seed, self._skill = robot, task, seed, skill
        self._person: SimulatedOperator | None = None

    def frame(self, now_s: float, view: View) -> OperatorFrame | None:
        if view.task is None:
            return None
        if self._person is None:
            self._person = SimulatedOperator(self._robot, self._task, view.feature_names, self._skill, self._seed)
        return self._person.frame(now_s, view.q_measured_rad, view.task, view.driving)

    @property
    def true_state(self) -> str:
        """What this person truly does; proposals of t_r are judged by it."""
        return "" if self._person is None else self._person.true_state

    @property
    def true_imperfection(self) -> str:
        """What this person does wrong just now."""
        return "" if self._person is None else self._person.true_imperfection


class NoTracker(Paced):
    """Nobody is there."""

    def frame(self, now_s: float, view: View) -> OperatorFrame | None:
        return None


def make_tracker(spec: str, robot: RobotDescription, task: str, seed: int = 0, skill: str = DEFAULT_SKILL) -> Tracker:
    """``simulated`` (as good as ``skill``), ``replay:FILE``, ``openxr``, ``none``, ``webxr:SOCKET`` (where the console
    puts its frames), a mocap source such as ``xsens:9763@192.168.1.20``, ``manus``, or ``SOURCE+manus`` for a body with
    gloves.

    Raises:
        UsageError: anything else.
        MotionFileInvalid: the recording is refused.
        DatasetInvalid: the episode to replay is damaged.
        MissingDependency: the device needs a package that is not installed.
    """
    if spec == "manus" or spec.endswith("+manus"):
        from .manus import Gloves, WithGloves

        body = spec.removesuffix("manus").removesuffix("+")
        return WithGloves(make_tracker(body, robot, task, seed), Gloves()) if body else Gloves()
    kind, _, rest = spec.partition(":")
    if is_mocap(spec):
        return DeviceSource(open_mocap(spec))
    if spec == "simulated":
        return SimulatedSource(robot, task, seed, skill_of(skill))
    if kind == "replay" and rest:
        return ReplaySource(ReplayTracker(open_motion(Path(rest))))
    if kind == "webxr" and rest:
        return DeviceSource(webxr_device(Path(rest)))
    if spec == "openxr":
        from ..tracking.openxr.device import OpenXrDevice  # its binding is an extra

        return DeviceSource(OpenXrDevice())
    if spec == "none":
        return NoTracker()
    raise UsageError(
        f"--operator {spec!r} is none of: simulated, replay:FILE, webxr:SOCKET, openxr, {USAGE}, manus, none"
    )
