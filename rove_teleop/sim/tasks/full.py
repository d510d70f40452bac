"""What tasks in full have in common: an object that waits in its holder, a hand that takes it, and a way to lose it."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, Protocol

import mujoco
import numpy as np

from ...geometry import exp_so3, inverse, log_so3, matrix_to_quat, transform
from ...types import Array
from .interface import Start, Task, body_pose, pose_features, pose_names

_FINGERS = ("index", "middle", "ring", "little")
OPEN_RAD: dict[str, float] = {
    "thumb_abduction": 0.2,
    "thumb_proximal": 0.0,
    "thumb_distal": 0.0,
    **{f"{finger}_{part}": 0.0 for finger in _FINGERS for part in ("proximal", "distal")},
}
CLOSED_RAD: dict[str, float] = {
    "thumb_abduction": 0.8,
    "thumb_proximal": 0.2,
    "thumb_distal": 0.2,
    **{f"{finger}_proximal": 0.42 for finger in _FINGERS},
    **{f"{finger}_distal": 0.33 for finger in _FINGERS},
}
"""A flat hand, and one whose fingertips are 5 cm in front of the palm's plane."""
AT_FINGERTIPS_M = np.array([0.0, 0.0, -0.026])
"""How much further from the palm than in the short form an object is held (wrist frame)."""
_HOLDER_SPREAD = 0.5
"""Spread of the holder's place, as a share of the goal's."""
_ON_HOLDER_M, _ON_HOLDER_RAD = 0.04, 0.5
_LOST_S = 0.4


class Hand(Protocol):
    """What a task feels of the hand."""

    held: bool
    closure: float

    def misplaced(self, data: mujoco.MjData) -> Array:
        """(4, 4) where the object is, as seen from its nominal place in the hand."""


def hand_names(held_object: str) -> tuple[str, ...]:
    """Names of the features that a task in full has besides those of its short form."""
    return ("held", "closure", *pose_names(f"{held_object}_in_hand"))


class FullTask(Task):
    """A task from reaching to letting go. The world sets ``hand``; a camera, which only shows it, has none."""

    open_rad: ClassVar[dict[str, float]]
    """Angles of the open hand, for the same joints as ``fingers_rad``, which is the closed one."""
    holder: ClassVar[str]
    holder_m: ClassVar[Array]
    """Where the object waits, on average, in the base frame."""
    hand: Hand | None = None
    _T_base_holder: Array
    _lost_s: float = 0.0

    def bind(self, model: mujoco.MjModel) -> None:
        super().bind(model)  # type: ignore[safe-super]
        self._held_body = model.body(self.held_object).id
        self._holder_mocap = int(model.body(self.holder).mocapid[0])
        self._object_qpos = int(model.jnt_qposadr[model.body(self.held_object).jntadr[0]])

    def place_holder(self, rng: np.random.Generator, data: mujoco.MjData) -> None:
        """Put the holder somewhere near its usual place, with the object in it."""
        p = self.params
        spread_m = _HOLDER_SPREAD * p.position_spread_m
        position_m = self.holder_m + rng.uniform(-spread_m, spread_m, 3) * [1.0, 1.0, 0.0]
        yaw_rad = rng.uniform(-p.yaw_spread_rad, p.yaw_spread_rad)
        self._T_base_holder = transform(exp_so3(np.array([0.0, 0.0, yaw_rad])), position_m)
        self._lost_s = 0.0
        data.mocap_pos[self._holder_mocap] = position_m
        data.mocap_quat[self._holder_mocap] = matrix_to_quat(self._T_base_holder[:3, :3])
        first = self._object_qpos
        data.qpos[first : first + 3] = position_m + np.array([0.0, 0.0, 0.0005])
        data.qpos[first + 3 : first + 7] = matrix_to_quat(self._T_base_holder[:3, :3])

    def begin(self, rng: np.random.Generator, stages: np.random.Generator | None) -> Start:
        T_hand_object = self.in_hand(rng)
        if stages is None:
            return Start("beginning", None)
        lifted = self._T_base_holder.copy()
        lifted[2, 3] += stages.uniform(0.05, 0.12)
        T_base_object = {"beginning": None, "in hand": lifted, **self.stages(stages)}
        stage = str(stages.choice(list(T_base_object)))
        self.advance_to(stage, stages)
        placed = T_base_object[stage]
        if placed is None:
            return Start(stage, None)
        return Start(stage, T_hand_object, placed @ inverse(T_hand_object))

    def watch(self, data: mujoco.MjData, dt_s: float) -> None:
        """Count for how long the object is neither in the hand nor anywhere it may be."""
        anywhere = self.held or self.in_goal or self._on_holder(data)
        self._lost_s = 0.0 if anywhere else self._lost_s + dt_s

    @property
    def held(self) -> bool:
        """Whether the hand has the object."""
        return self.hand is not None and self.hand.held

    @property
    @abstractmethod
    def in_goal(self) -> bool:
        """Whether the object is where it may be let go."""

    @property
    def lost(self) -> str | None:
        """The failure that it is to have dropped the object."""
        return f"dropped the {self.held_object}" if self._lost_s > _LOST_S else None

    def hand_features(self, data: mujoco.MjData) -> Array:
        """Values of ``hand_names``."""
        if self.hand is None:
            return np.zeros(8)
        return np.concatenate([[float(self.hand.held), self.hand.closure], pose_features(self.hand.misplaced(data))])

    def near_hand(self, data: mujoco.MjData) -> float:
        """How near the object is to its place in the hand: 1 there, 0 from 40 cm on."""
        if self.hand is None:
            return 0.0
        beside_m = self.hand.misplaced(data)[:3, 3]
        return 1.0 - min(1.0, math.sqrt(beside_m @ beside_m) / 0.4)

    def _on_holder(self, data: mujoco.MjData) -> bool:
        T_holder_object = inverse(self._T_base_holder) @ body_pose(data, self._held_body)
        beside_m = T_holder_object[:3, 3]
        if math.sqrt(beside_m @ beside_m) > _ON_HOLDER_M:
            return False
        turn_rad = log_so3(T_holder_object[:3, :3])
        return math.sqrt(turn_rad @ turn_rad) <= _ON_HOLDER_RAD
