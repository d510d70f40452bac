"""The scripted person for tasks in full: fetches the object first, then does what the expert of the short form does.

Grasping is closed loop on where the object is, as seen from its place in the hand; a grasp that does not hold is opened
and tried again.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import numpy as np

from ..geometry import inverse, log_so3, transform
from ..types import Array, TaskState
from .expert import Expert
from .tasks import make_task, task_params
from .toaster_expert import ToasterExpert
from .whiteboard_expert import WhiteboardExpert

FETCHES = ("reach", "approach object", "close", "open")
_ABOVE_M = 0.06
_REACH_M_S, _APPROACH_M_S, _RETRACT_M_S = 0.20, 0.10, 0.15
_OVER_M, _OVER_RAD = 0.015, math.radians(6.0)
_THERE_M, _THERE_RAD = 0.004, math.radians(2.5)
_STUCK_S, _CLOSES_S, _OPENS_S = 1.5, 1.2, 0.4
_LET_GO_S = 0.25
_AWAY_M = 0.14
_IN_SLOT_M, _BESIDE_SLOT_M = 0.03, 0.02
_RAISED_M = 0.05
_OFF_BOARD_M, _AT_TARGET_M, _AT_TARGET_RAD = 0.08, 0.03, math.radians(10.0)


class FetchingExpert(Expert):
    """Phases ``reach``, ``approach object``, ``close`` (and ``open`` to try again), then those of the short form."""

    task: ClassVar[str]
    T_hand_object: Array
    """How it wants the object in its hand; where it aims when it grasps."""

    def __init__(self, feature_names: tuple[str, ...], speed: float = 1.0) -> None:
        super().__init__(feature_names, speed)
        self._end = np.eye(4)
        self.T_hand_object = make_task(self.task, task_params(self.task, form="full")).T_hand_object

    def begin(self) -> None:
        self.phase, self._for_s = "reach", 0.0
        self.closure = None
        self._had = False

    def step(self, state: TaskState, T_base_wrist: Array, dt_s: float) -> Array:
        held = self.value(state.features, "held") > 0.5
        if self.closure is None:  # what the hand does when this person takes it
            self.closure = float(np.clip(self.value(state.features, "closure"), 0.0, 1.0))
        self._for_s += dt_s
        if self._ending(held, T_base_wrist, state.features):
            return self._glide(self._end, _RETRACT_M_S, dt_s)
        if held and (self.phase in FETCHES):
            self.work()
            self.closure, self._had = 1.0, True
        if held:
            return super().step(state, T_base_wrist, dt_s)
        self._T_wrist_object = None
        return self._fetch(state.features, T_base_wrist, dt_s)

    @abstractmethod
    def work(self) -> None:
        """Begin what is done with the object in the hand."""

    def _ending(self, held: bool, T_base_wrist: Array, features: Array) -> bool:
        """Whether the task is done but for leaving; then ``_end`` is where the wrist goes."""
        del held, T_base_wrist, features
        return False

    def _glide(self, T_base_wrist: Array, speed_m_s: float, dt_s: float) -> Array:
        if self._hand is None:
            raise RuntimeError("start the expert before its first step")
        return self._hand.step(T_base_wrist, speed_m_s * self.speed, dt_s)

    def _fetch(self, features: Array, T_base_wrist: Array, dt_s: float) -> Array:
        if self.phase not in FETCHES:
            self._enter_fetch("open" if self._had else "reach")
        T_base_grasp = self._pose(features, self.held_object) @ inverse(self.T_hand_object)
        above = transform(T_base_grasp[:3, :3], T_base_grasp[:3, 3] + np.array([0.0, 0.0, _ABOVE_M]))
        if self.phase == "reach":
            self.closure = 0.0
            if _near(T_base_wrist, above, _OVER_M, _OVER_RAD):
                self._enter_fetch("approach object")
        elif self.phase == "approach object":
            if _near(T_base_wrist, T_base_grasp, _THERE_M, _THERE_RAD) or self._for_s > _STUCK_S / self.speed:
                self._enter_fetch("close")
        elif self.phase == "close":
            self.closure = 1.0
            if self._for_s > _CLOSES_S:
                self._enter_fetch("open")
        elif self.phase == "open":
            self.closure = 0.0
            if self._for_s > _OPENS_S:
                self._enter_fetch("reach")
        if self.phase == "reach":
            return self._glide(above, _REACH_M_S, dt_s)
        return self._glide(T_base_grasp, _APPROACH_M_S, dt_s)

    def _enter_fetch(self, phase: str) -> None:
        self.phase, self._for_s = phase, 0.0


class FullToasterExpert(FetchingExpert, ToasterExpert):
    """Phases after those of `ToasterExpert`: ``release``, ``retract``, ``done``."""

    task = "toaster"

    def work(self) -> None:
        ToasterExpert.begin(self)

    def _ending(self, held: bool, T_base_wrist: Array, features: Array) -> bool:
        inserted = self.phase == "done" and held
        in_slot = not held and self._in_slot(features)
        if in_slot and self.phase in FETCHES:  # somebody let go of it before this person came
            self.phase, self._for_s, self._end = "release", _LET_GO_S, T_base_wrist.copy()
        elif inserted or (in_slot and self.phase == "descend"):
            self.phase, self._for_s, self.closure = "release", 0.0, 0.0
            self._end = T_base_wrist.copy()
        elif self.phase == "release" and not held and self._for_s > _LET_GO_S:
            self.phase = "retract"
            self._end = transform(T_base_wrist[:3, :3], T_base_wrist[:3, 3] + np.array([-0.03, 0.0, _AWAY_M]))
        return self.phase in ("release", "retract")

    def _in_slot(self, features: Array) -> bool:
        bread_m = self._pose(features, self.in_goal)[:3, 3]
        return bool(bread_m[2] < _IN_SLOT_M and np.all(np.abs(bread_m[:2]) < _BESIDE_SLOT_M))


class FullWhiteboardExpert(FetchingExpert, WhiteboardExpert):
    """Phases before and after those of `WhiteboardExpert`: ``lift``, ``carry``; ``leave``."""

    task = "whiteboard"

    def work(self) -> None:
        WhiteboardExpert.begin(self)
        self.phase = "lift"
        self._from: Array | None = None

    def decide(self, T_goal_object: Array, features: Array, dt_s: float) -> tuple[Array, float]:
        target_m = np.array([self.value(features, "target_x_m"), self.value(features, "target_y_m")])
        if self.phase == "lift":
            return self._lift(T_goal_object)
        if self.phase == "carry":
            off_m = float(np.linalg.norm(T_goal_object[:2, 3] - target_m))
            if off_m < _AT_TARGET_M and float(np.linalg.norm(log_so3(T_goal_object[:3, :3]))) < _AT_TARGET_RAD:
                WhiteboardExpert.begin(self)
            return transform(np.eye(3), np.array([*target_m, _OFF_BOARD_M])), 0.16
        wanted, speed_m_s = super().decide(T_goal_object, features, dt_s)
        if self.phase == "done":  # leave the board, where the eraser is
            return transform(np.eye(3), np.array([*T_goal_object[:2, 3], _OFF_BOARD_M])), 0.12
        return wanted, speed_m_s

    def _lift(self, T_goal_object: Array) -> tuple[Array, float]:
        """Up from the stand, or away from the board, before anything else."""
        if self._from is None:
            self._from = T_goal_object.copy()
        up_m = _UP_THE_BOARD * _RAISED_M
        wanted = transform(self._from[:3, :3], self._from[:3, 3] + up_m)
        near_board = T_goal_object[2, 3] < _OFF_BOARD_M and abs(T_goal_object[0, 3]) < 0.2
        if near_board or float(np.linalg.norm(T_goal_object[:3, 3] - wanted[:3, 3])) < 0.01:
            self.phase = "carry"
        return wanted, 0.12


_UP_THE_BOARD = np.array([0.0, math.cos(math.radians(35.0)), math.sin(math.radians(35.0))])
"""About upwards, as seen from the board, which leans back by 35 degrees."""


def _near(T_a: Array, T_b: Array, metres: float, radians: float) -> bool:
    beside_m = T_a[:3, 3] - T_b[:3, 3]
    turned_rad = log_so3(T_a[:3, :3] @ T_b[:3, :3].T)
    return math.sqrt(beside_m @ beside_m) < metres and math.sqrt(turned_rad @ turned_rad) < radians
