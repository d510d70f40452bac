"""Where an operator's frames come from. A device plugs in here: one class, one line in ``make_tracker``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ..errors import UsageError
from ..robots.description import RobotDescription
from ..sim.operator import SimulatedOperator
from ..tracking.motion_file import load_motion
from ..tracking.replay import ReplayTracker
from ..types import Array, OperatorFrame, TaskState

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

    def frame(self, now_s: float, view: View) -> OperatorFrame | None:
        """The newest frame, or None when there is nothing new since the last call."""
        ...


class ReplaySource:
    """A recorded human. The first frame is held until the robot is taken; then the file plays with its own timing.

    Every takeover begins the recording anew. After its end the last frame is held: the person stands still.
    """

    def __init__(self, replay: ReplayTracker) -> None:
        self._replay = replay
        self._started_s: float | None = None
        self._drove = False
        self._shown: OperatorFrame | None = None
        self._shown_s = -HELD_FRAME_PERIOD_S
        self._sequence = 0

    def frame(self, now_s: float, view: View) -> OperatorFrame | None:
        if view.driving and not self._drove:
            self._started_s = now_s
        self._drove = view.driving
        elapsed_s = 0.0 if self._started_s is None else now_s - self._started_s
        frame = self._replay.frame_at(elapsed_s)
        held = frame is self._shown
        if frame is None or (held and now_s - self._shown_s < HELD_FRAME_PERIOD_S):
            return None
        # A frame that is new keeps the spacing of the file, whenever this loop looked.
        stamp_s = now_s if held or self._started_s is None else self._started_s + frame.stamp_s
        self._shown, self._shown_s = frame, now_s
        self._sequence += 1
        return replace(frame, stamp_s=stamp_s, sequence=self._sequence)


class SimulatedSource:
    """A simulated person, who needs to see the task before their first frame."""

    def __init__(self, robot: RobotDescription, task: str, seed: int) -> None:
        self._robot, self._task, self._seed = robot, task, seed
        self._person: SimulatedOperator | None = None

    def frame(self, now_s: float, view: View) -> OperatorFrame | None:
        if view.task is None:
            return None
        if self._person is None:
            self._person = SimulatedOperator(self._robot, self._task, view.feature_names, seed=self._seed)
        return self._person.frame(now_s, view.q_measured_rad, view.task, view.driving)


class NoTracker:
    """Nobody is there."""

    def frame(self, now_s: float, view: View) -> OperatorFrame | None:
        return None


def make_tracker(spec: str, robot: RobotDescription, task: str, seed: int = 0) -> Tracker:
    """``simulated``, ``replay:FILE`` or ``none``.

    Raises:
        UsageError: anything else.
        MotionFileInvalid: the recording is refused.
    """
    kind, _, rest = spec.partition(":")
    if spec == "simulated":
        return SimulatedSource(robot, task, seed)
    if kind == "replay" and rest:
        return ReplaySource(ReplayTracker(load_motion(Path(rest))))
    if spec == "none":
        return NoTracker()
    raise UsageError(f"--operator {spec!r} is none of: simulated, replay:FILE, none")
