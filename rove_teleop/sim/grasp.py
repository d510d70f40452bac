"""The grasp assist: a weld between hand and object that lets go above a force, named in every report."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from ..geometry import matrix_to_quat
from ..types import Array
from .scene import GRASP_SITE, site_in_body

GRASP_ASSIST = "weld"
_SMOOTHING_S = 0.02
_NOTHING_N = np.zeros(3)
_NOTHING_N.flags.writeable = False


class GraspAssist:
    """Holds one object to the right hand. ``force_n`` (3,) is what the hand feels of it, smoothed, base frame."""

    def __init__(self, model: mujoco.MjModel, object_body: str, force_limit_n: float) -> None:
        self._model = model
        self._weld = model.equality("grasp").id
        self._hand, self._T_body_site = site_in_body(model, GRASP_SITE)
        self._qpos = int(model.jnt_qposadr[model.body(object_body).jntadr[0]])
        self._force_limit_n = force_limit_n
        self.force_n = np.zeros(3)
        self.held = True

    def take(self, data: mujoco.MjData, T_hand_object: Array) -> None:
        """Put the object into the hand, wherever the hand is (kinematics must be up to date), and hold it there."""
        T_body_object = self._T_body_site @ T_hand_object
        R_base_body = data.xmat[self._hand].reshape(3, 3)
        data.qpos[self._qpos : self._qpos + 3] = data.xpos[self._hand] + R_base_body @ T_body_object[:3, 3]
        data.qpos[self._qpos + 3 : self._qpos + 7] = matrix_to_quat(R_base_body @ T_body_object[:3, :3])
        self.hold(data, T_hand_object)

    def hold(self, data: mujoco.MjData, T_hand_object: Array) -> None:
        """Hold the object at that place in the hand (4, 4), where it is by now."""
        T_body_object = self._T_body_site @ T_hand_object
        relative = self._model.eq_data[self._weld]
        relative[0:3] = 0.0
        relative[3:6] = T_body_object[:3, 3]
        relative[6:10] = matrix_to_quat(T_body_object[:3, :3])
        relative[10] = 1.0
        data.eq_active[self._weld] = 1
        self.force_n = np.zeros(3)
        self.held = True

    def update(self, data: mujoco.MjData, dt_s: float) -> None:
        """Measure the holding force; let go when it exceeds the limit."""
        if not self.held:
            self.force_n = _NOTHING_N
            return
        # Rows of equality constraints come first, and those of one constraint one after the other.
        owners = data.efc_id[: data.ne].tolist()
        first = owners.index(self._weld) if self._weld in owners else None
        now_n = _NOTHING_N if first is None else data.efc_force[first : first + 3]
        self.force_n = self.force_n + (now_n - self.force_n) * min(1.0, dt_s / _SMOOTHING_S)
        if not (math.sqrt(self.force_n @ self.force_n) <= self._force_limit_n):
            data.eq_active[self._weld] = 0
            self.held = False
