"""A grasp assist that a hand uses: it takes hold when fingers close around the object, and lets go when they open."""

from __future__ import annotations

import mujoco
import numpy as np

from ..geometry import inverse, log_so3, transform
from ..types import Array
from .fingers import Synergy
from .grasp import GraspAssist

CLOSED, OPENED = 0.7, 0.35
"""Closures above which a hand that was open takes hold, and below which one that holds lets go."""
TOLERANCE_M, TOLERANCE_RAD = 0.02, 0.3
"""How far beside its place in the hand the object may be, and how far it may be turned, to be taken where it is."""


class ClosingGrasp(GraspAssist):
    """Besides what it inherits: ``closure`` as measured, 0 open to 1 closed."""

    def __init__(
        self,
        model: mujoco.MjModel,
        object_body: str,
        force_limit_n: float,
        synergy: Synergy,
        finger_qpos: Array,
        T_hand_object: Array,
    ) -> None:
        super().__init__(model, object_body, force_limit_n)
        self._object = model.body(object_body).id
        self._synergy, self._fingers = synergy, finger_qpos
        self._T_object_hand = inverse(T_hand_object)
        self.closure = 0.0
        self._was_open = False

    def begin(self, data: mujoco.MjData) -> None:
        """An episode begins; who does not ``take`` the object afterwards has it not."""
        data.eq_active[self._weld] = 0
        self.held, self.force_n = False, np.zeros(3)
        self.closure = self._synergy.closure(data.qpos[self._fingers])
        self._was_open = self.closure < OPENED

    def update(self, data: mujoco.MjData, dt_s: float) -> None:
        super().update(data, dt_s)
        self.closure = self._synergy.closure(data.qpos[self._fingers])
        opened = self.closure < OPENED
        if self.held and opened:
            data.eq_active[self._weld] = 0
            self.held = False
        elif not self.held and self._was_open and self.closure > CLOSED:
            # Whoever closes beside the object must open again before the next attempt.
            self._was_open = False
            T_hand_object = self.T_hand_object(data)
            if self._fits(T_hand_object):
                self.hold(data, T_hand_object)
        self._was_open = self._was_open or opened

    def T_hand_object(self, data: mujoco.MjData) -> Array:
        """Where the object is, as seen from the hand (4, 4)."""
        T_base_body = transform(data.xmat[self._hand].reshape(3, 3), data.xpos[self._hand])
        T_base_object = transform(data.xmat[self._object].reshape(3, 3), data.xpos[self._object])
        return inverse(T_base_body @ self._T_body_site) @ T_base_object

    def misplaced(self, data: mujoco.MjData) -> Array:
        """(4, 4) where the object is, as seen from its nominal place in the hand."""
        T_place_object: Array = self._T_object_hand @ self.T_hand_object(data)
        return T_place_object

    def _fits(self, T_hand_object: Array) -> bool:
        beside = self._T_object_hand @ T_hand_object
        near = float(np.linalg.norm(beside[:3, 3])) <= TOLERANCE_M
        return near and float(np.linalg.norm(log_so3(beside[:3, :3]))) <= TOLERANCE_RAD
