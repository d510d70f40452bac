"""Put the bread into the toaster, in full: out of its rack, into the slot, let go, hand away.

Frames are those of ``toaster.py``.
"""

from __future__ import annotations

from typing import ClassVar

import mujoco
import numpy as np

from ...errors import UsageError
from ...geometry import inverse, transform
from ...types import Array
from .full import AT_FINGERTIPS_M, CLOSED_RAD, OPEN_RAD, FullTask, hand_names
from .holders import add_rack
from .interface import Outcome
from .toaster import ToasterParams, ToasterTask

INSERTED_M = 0.085
"""Depth of the bread's lower edge in a slot that is 10 cm deep."""
_SHIFT_M = np.array([0.0, 0.04, 0.0])
"""The toaster stands further to the left than in the short form: the rack is on its right."""
_WIDEST_M = 0.05
_STABLE_S, _STILL_M_S = 0.3, 0.01
_AWAY_M = 0.06


class FullToasterTask(FullTask, ToasterTask):
    """Success: the bread is down in the slot and rests there, the hand has let go of it and is 6 cm away."""

    feature_names = (*ToasterTask.feature_names, *hand_names("bread"))
    holder = "rack"
    holder_m: ClassVar[Array] = np.array([0.38, -0.43, -0.05])
    open_rad = OPEN_RAD
    fingers_rad = CLOSED_RAD

    def __init__(self, params: ToasterParams) -> None:
        super().__init__(params)
        self.T_hand_object[:3, 3] += AT_FINGERTIPS_M
        if params.position_spread_m > _WIDEST_M:
            spread_m = params.position_spread_m
            raise UsageError(f"position_spread_m is {spread_m:g}: beyond {_WIDEST_M:g} toaster and rack collide")
        above = transform(np.eye(3), self.holder_m + np.array([-0.02, 0.06, 0.14]))
        self.T_base_wrist_start = above @ inverse(self.T_hand_object)
        self._still_s = 0.0
        self._near = self._away_m = 0.0

    def add_to(self, spec: mujoco.MjSpec) -> None:
        super().add_to(spec)
        add_rack(spec, self.holder_m)

    def reset(self, rng: np.random.Generator, data: mujoco.MjData) -> None:
        super().reset(rng, data)
        T_base_slot = inverse(self._T_slot_base)
        T_base_slot[:3, 3] += _SHIFT_M
        self._T_slot_base = inverse(T_base_slot)
        self._T_base_slot_seen = transform(self._T_base_slot_seen[:3, :3], self._T_base_slot_seen[:3, 3] + _SHIFT_M)
        data.mocap_pos[self._mocap] += _SHIFT_M
        self.place_holder(rng, data)
        self._still_s = 0.0

    def update(self, data: mujoco.MjData, dt_s: float, hold_force_n: Array) -> None:
        before_m = self._T_slot_bread[:3, 3].copy()
        super().update(data, dt_s, hold_force_n)
        moved_m = float(np.linalg.norm(self._T_slot_bread[:3, 3] - before_m))
        self._still_s = self._still_s + dt_s if moved_m <= _STILL_M_S * dt_s else 0.0
        self.watch(data, dt_s)
        self._near = self.near_hand(data)
        self._away_m = 0.4 * (1.0 - self._near)

    @property
    def in_goal(self) -> bool:
        return self.depth_m > 0.02

    def features(self, data: mujoco.MjData) -> Array:
        return np.concatenate([super().features(data), self.hand_features(data)])

    @property
    def failure(self) -> str | None:
        return self.lost

    def outcome(self) -> Outcome:
        inserted = self.depth_m >= INSERTED_M
        away = min(1.0, self._away_m / _AWAY_M)
        if self.held:
            progress = 0.2 + 0.6 * super().outcome().progress
        elif self.in_goal:
            progress = 0.8 + (0.1 + 0.1 * away if inserted else 0.0)
        else:
            progress = 0.2 * self._near
        done = inserted and not self.held and away >= 1.0 and self._still_s >= _STABLE_S
        return Outcome(progress, done, self.failure)
