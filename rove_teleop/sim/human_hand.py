"""A person without a robot: a hand that floats where it is moved, with the same tasks in front of it."""

from __future__ import annotations

import mujoco
import numpy as np

from ..geometry import matrix_to_quat, transform
from ..types import Array, TaskState
from .grasp import GraspAssist
from .scene import GRASP_SITE, PHYSICS_DT_S, finish_scene, site_in_body
from .tasks import TaskParams, make_task

ADULT_PALM_M = np.array([0.045, 0.042, 0.014])
"""Half lengths of the palm of an adult, along the fingers, across, through."""
_SOFT = [0.03, 1.0]
"""A person's arm gives way: time constant and damping ratio with which the hand follows where it is moved."""
_ARM_KG, _ARM_KG_M2 = 2.0, 0.02
"""What of an arm moves with the hand; with ``_SOFT`` about 2 N per mm and 0.4 Nm per degree."""
_UPDATE_S = 0.004


class HumanWorld:
    """One floating right hand and one task. ``size`` 1 is an adult's; a larger hand holds things further away.

    It holds the task's object from the start, as `World` does in the short form.
    """

    def __init__(self, task: str, size: float = 1.0, params: TaskParams | None = None) -> None:
        self.task = make_task(task, params)
        self.size = size
        self.model = self._scene()
        self.data = mujoco.MjData(self.model)
        self.task.bind(self.model)
        self._goal = int(self.model.body("hand_goal").mocapid[0])
        self._hand, self._T_body_site = site_in_body(self.model, GRASP_SITE)
        self._grasp = GraspAssist(self.model, self.task.held_object, self.task.params.hold_force_limit_n)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of ``TaskState.features``, those of the same task with a robot."""
        return self.task.feature_names

    @property
    def T_base_hand(self) -> Array:
        """Where the wrist is now (4, 4)."""
        body = transform(self.data.xmat[self._hand].reshape(3, 3), self.data.xpos[self._hand])
        T_base_hand: Array = body @ self._T_body_site
        return T_base_hand

    def reset(self, seed: int) -> None:
        """A new episode; the same seed puts the same furniture at the same place as with a robot."""
        rng = np.random.default_rng(seed)
        mujoco.mj_resetData(self.model, self.data)
        self._failure: str | None = None
        self.task.reset(rng, self.data)
        self.move(self.task.T_base_wrist_start)
        self.data.qpos[:3] = self.data.mocap_pos[self._goal]
        self.data.qpos[3:7] = self.data.mocap_quat[self._goal]
        mujoco.mj_kinematics(self.model, self.data)
        T_hand_object = self.task.in_hand(rng)
        T_hand_object[:3, 3] *= self.size
        self._grasp.take(self.data, T_hand_object)
        mujoco.mj_forward(self.model, self.data)
        self.task.update(self.data, _UPDATE_S, self._grasp.force_n)

    def move(self, T_base_hand: Array) -> None:
        """Where the person wants the wrist to be (4, 4), from now on."""
        self.data.mocap_pos[self._goal] = T_base_hand[:3, 3]
        self.data.mocap_quat[self._goal] = matrix_to_quat(T_base_hand[:3, :3])

    def advance(self, duration_s: float) -> None:
        """Integrate; ``duration_s`` is rounded to whole updates of 4 ms."""
        for _ in range(round(duration_s / _UPDATE_S)):
            mujoco.mj_step(self.model, self.data, round(_UPDATE_S / PHYSICS_DT_S))
            self._grasp.update(self.data, _UPDATE_S)
            self.task.update(self.data, _UPDATE_S, self._grasp.force_n)
            if self._failure is None:
                dropped = None if self._grasp.held else f"dropped the {self.task.held_object}"
                self._failure = self.task.failure or dropped

    def task_state(self, stamp_s: float) -> TaskState:
        """Features, progress, and the end of the episode, as of `World`."""
        outcome = self.task.outcome()
        success = outcome.success and self._failure is None
        return TaskState(stamp_s, self.task.features(self.data), outcome.progress, success, self._failure)

    def _scene(self) -> mujoco.MjModel:
        spec = mujoco.MjSpec()
        hand = spec.worldbody.add_body(name="hand", gravcomp=1.0, mass=_ARM_KG, inertia=[_ARM_KG_M2] * 3)
        hand.explicitinertial = True
        hand.add_freejoint()
        palm_m = ADULT_PALM_M * self.size
        kind = mujoco.mjtGeom.mjGEOM_BOX
        hand.add_geom(type=kind, size=palm_m, pos=[palm_m[0], 0.0, 0.0], contype=0, conaffinity=0)
        hand.add_site(name=GRASP_SITE)
        spec.worldbody.add_body(name="hand_goal", mocap=True)
        follow = spec.add_equality(name="arm", type=mujoco.mjtEq.mjEQ_WELD, objtype=mujoco.mjtObj.mjOBJ_BODY)
        follow.name1, follow.name2, follow.solref = "hand_goal", "hand", _SOFT
        # Pose of the hand as seen from where it is moved: none.
        follow.data[:11] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        return finish_scene(spec, self.task)
