"""A scripted person who knows the tasks: from what is seen and where the wrist is to where the wrist should go.

It gives wrist poses, as a tracked human hand does, and no joints; retargeting turns them into joints. It sees the exact
features (``true_...``), as a person sees the scene, and works closed loop on the pose of the held object, which it
describes in the frame of the goal (the slot, the board).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from ..errors import UsageError
from ..geometry import exp_so3, inverse, log_so3, transform
from ..types import Array, TaskState
from .hand_motion import HandMotion

_GRIP_SMOOTHING_S = 0.15


class Expert(ABC):
    """Does one task with the right wrist; ``experts.make_expert`` chooses the class.

    Use: ``start(T_base_wrist)`` whenever it takes the robot, then ``step`` at 20 to 250 Hz. ``speed`` scales how fast
    the hand moves (1 is about 12 cm/s); ``phase`` names what it is doing now.
    """

    held_object: ClassVar[str]
    in_goal: ClassVar[str]
    attempt: ClassVar[str]
    """The phase with which every attempt at the goal begins."""
    closure: float | None = None
    """How far it wants its hand closed, 0 to 1; None where the task leaves that to the grasp assist."""
    R_goal_object: ClassVar[Array] = np.eye(3)
    """Orientation of the object in the goal's frame that the features call "not turned"."""

    def __init__(self, feature_names: tuple[str, ...], speed: float = 1.0) -> None:
        if not (0.05 <= speed <= 5.0):
            raise UsageError(f"speed of the expert is {speed:g}, outside 0.05 to 5")
        self._index = {name: i for i, name in enumerate(feature_names)}
        self.speed = speed
        self.phase = "idle"
        self._hand: HandMotion | None = None
        self._T_wrist_object: Array | None = None

    def start(self, T_base_wrist: Array) -> None:
        """Take over with the wrist where it is; forget what was before."""
        self._hand = HandMotion(T_base_wrist)
        self._T_wrist_object = None
        self.begin()

    def step(self, state: TaskState, T_base_wrist: Array, dt_s: float) -> Array:
        """The wrist pose to go to now (4, 4), base frame. ``T_base_wrist`` is the measured one, of about the same time.

        Raises:
            RuntimeError: ``start`` was not called.
        """
        if self._hand is None:
            raise RuntimeError("start the expert before its first step")
        T_base_object = self._pose(state.features, self.held_object) @ transform(self.R_goal_object.T, np.zeros(3))
        T_goal_object = self._pose(state.features, self.in_goal)
        T_base_goal = T_base_object @ inverse(T_goal_object)
        T_wrist_object = self._feel_grip(inverse(T_base_wrist) @ T_base_object, dt_s)
        wanted, speed_m_s = self.decide(T_goal_object, state.features, dt_s)
        return self._hand.step(T_base_goal @ wanted @ inverse(T_wrist_object), speed_m_s * self.speed, dt_s)

    def _feel_grip(self, T_wrist_object: Array, dt_s: float) -> Array:
        """How the object sits in the hand, smoothed: it gives a little under load."""
        known = self._T_wrist_object
        if known is None:
            self._T_wrist_object = T_wrist_object
            return T_wrist_object
        gain = min(1.0, dt_s / _GRIP_SMOOTHING_S)
        turn_rad = gain * log_so3(T_wrist_object[:3, :3] @ known[:3, :3].T)
        position_m = known[:3, 3] + gain * (T_wrist_object[:3, 3] - known[:3, 3])
        self._T_wrist_object = transform(exp_so3(turn_rad) @ known[:3, :3], position_m)
        return self._T_wrist_object

    def value(self, features: Array, name: str) -> float:
        """One feature by name."""
        return float(features[self._index[name]])

    def _pose(self, features: Array, prefix: str) -> Array:
        first = self._index[f"{prefix}_x_m"]
        return transform(exp_so3(features[first + 3 : first + 6]), features[first : first + 3])

    @abstractmethod
    def begin(self) -> None:
        """Set the first phase."""

    @abstractmethod
    def decide(self, T_goal_object: Array, features: Array, dt_s: float) -> tuple[Array, float]:
        """Wanted T_goal_object, and how fast the hand may go there [m/s]."""
