"""The simulated robot with a task in front of it: commands in, joint and task state out, in its own time."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from ..errors import ConfigInvalid, UsageError
from ..robots import RobotDescription
from ..types import Array, RobotState, TaskState
from .closing_grasp import ClosingGrasp
from .fingers import Synergy
from .grasp import GRASP_ASSIST, GraspAssist
from .scene import GRASP_SITE, PHYSICS_DT_S, build_scene
from .start_pose import reach
from .tasks import TaskParams, make_task
from .tasks.full import FullTask
from .tasks.interface import Start

_UPDATE_S = 0.004
_USUAL = ("in_hand", "beginning")
_BAD = slice(int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC) + 1)
"""Warnings of positions, velocities and accelerations that are not finite or too large."""


class World:
    """One simulated robot and one task. ``params`` default to the task's deployment spread.

    An episode starts with ``reset``: the robot stands at ``start_pose_rad`` with the object in its right hand.
    After a failure physics goes on, so that what is seen stays true; after "unstable" it stops.

    Raises:
        UsageError: no such task, or a robot without the right arm that does it.
    """

    def __init__(self, robot: RobotDescription, task: str, seed: int = 0, params: TaskParams | None = None) -> None:
        if "right_arm" not in robot.groups:
            raise UsageError(f"{robot.name} has no group right_arm: it cannot do a simulated task")
        self.robot = robot
        self.task = make_task(task, params)
        self.model = build_scene(robot, self.task)
        self.data = mujoco.MjData(self.model)
        self._warned = self.data.warning.number[_BAD]  # not a copy
        self.task.bind(self.model)
        joints = [self.model.joint(name).id for name in robot.joint_names]
        self._qpos, self._dof = (adr[joints].astype(np.intp) for adr in (self.model.jnt_qposadr, self.model.jnt_dofadr))
        self._actuator = np.array([self.model.actuator(name).id for name in robot.joint_names])
        self.fingers: Synergy | None = None
        """How the hand closes, in tasks in full; in the short form it does not move."""
        self._grasp = self._assist()
        self.start_pose_rad = self._start_pose()
        self.start_pose_rad.flags.writeable = False
        self.reset(seed)

    def _assist(self) -> GraspAssist:
        task = self.task
        limit_n = task.params.hold_force_limit_n
        if not isinstance(task, FullTask):
            return GraspAssist(self.model, task.held_object, limit_n)
        self.fingers = fingers = Synergy(self.robot, task.open_rad, task.fingers_rad)
        qpos = self._qpos[fingers.joints]
        grasp = ClosingGrasp(self.model, task.held_object, limit_n, fingers, qpos, task.T_hand_object)
        task.hand = grasp
        return grasp

    def _start_pose(self) -> Array:
        q_rad = reach(self.robot, GRASP_SITE, self.task.T_base_wrist_start, "right_arm")
        if self.fingers is not None:
            q_rad[self.fingers.joints] = self.fingers.angles(0.0)
            return q_rad
        for joint, angle_rad in self.task.fingers_rad.items():
            i = self.robot.index(f"right_{joint}")
            q_rad[i] = np.clip(angle_rad, self.robot.q_min_rad[i], self.robot.q_max_rad[i])
        return q_rad

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of ``TaskState.features``; those starting with ``true_`` are not for policies."""
        return self.task.feature_names

    @property
    def time_s(self) -> float:
        """Simulated seconds since the reset."""
        return float(self.data.time)

    @property
    def notes(self) -> dict[str, str]:
        """What a report about this world must say."""
        params = self.task.params
        special = {"form": params.form, "start": params.start} if (params.form, params.start) != _USUAL else {}
        return {"robot": self.robot.note, "task": self.task.name, "grasp_assist": GRASP_ASSIST, **special}

    def reset(self, seed: int) -> None:
        """A new episode; the same seed gives the same episode."""
        rng = np.random.default_rng(seed)
        mujoco.mj_resetData(self.model, self.data)
        self._failure: str | None = None
        self.task.reset(rng, self.data)
        varied = self.task.params.start == "varied"
        start = self.task.begin(rng, np.random.default_rng([seed, 2]) if varied else None)
        self.stage = start.stage
        q_rad = self._pose_at(start)
        self.data.qpos[self._qpos] = q_rad
        mujoco.mj_kinematics(self.model, self.data)
        if isinstance(self._grasp, ClosingGrasp):
            self._grasp.begin(self.data)
        if start.T_hand_object is not None:
            self._grasp.take(self.data, start.T_hand_object)
        self.command(q_rad)
        mujoco.mj_forward(self.model, self.data)
        self._sound_qpos = self.data.qpos.copy()
        self.task.update(self.data, _UPDATE_S, self._grasp.force_n)

    def _pose_at(self, start: Start) -> Array:
        """Joint angles (n,) for a start; where its wrist pose is out of reach, the usual one."""
        q_rad = self.start_pose_rad
        if start.T_base_wrist is not None:
            try:
                q_rad = reach(self.robot, GRASP_SITE, start.T_base_wrist, "right_arm")
            except ConfigInvalid:
                self.stage = "in hand"
            q_rad = q_rad.copy()
            for i in self.robot.groups["right_hand"]:
                q_rad[i] = self.start_pose_rad[i]
        if self.fingers is not None and start.T_hand_object is not None:
            q_rad = q_rad.copy()
            q_rad[self.fingers.joints] = self.fingers.angles(1.0)
        return q_rad

    def command(self, q_rad: Array) -> None:
        """Position targets (n,) in radians, held until the next command.

        Raises:
            ValueError: not finite, or not one target per joint; the last command stays.
        """
        if q_rad.shape != (self.robot.joint_count,) or not math.isfinite(q_rad @ q_rad):
            raise ValueError(f"q_rad must be {self.robot.joint_count} finite angles, got shape {q_rad.shape}")
        self.data.ctrl[self._actuator] = q_rad

    def advance(self, duration_s: float) -> None:
        """Integrate; ``duration_s`` is rounded to whole physics steps of 2 ms."""
        steps = round(duration_s / PHYSICS_DT_S)
        per_update = round(_UPDATE_S / PHYSICS_DT_S)
        while steps > 0 and self._failure != "unstable":
            count = min(steps, per_update)
            mujoco.mj_step(self.model, self.data, count)
            self._check_stability()
            self._update(count * PHYSICS_DT_S)
            steps -= count

    def _update(self, dt_s: float) -> None:
        self._grasp.update(self.data, dt_s)
        self.task.update(self.data, dt_s, self._grasp.force_n)
        if self._failure is None:  # the first cause is the one to report: what is pressed too hard is dropped next
            holds = self._grasp.held or isinstance(self.task, FullTask)  # which judge for themselves what was dropped
            dropped = None if holds else f"dropped the {self.task.held_object}"
            self._failure = self.task.failure or dropped

    def _check_stability(self) -> None:
        """On a warning of the integrator go back to the last sound state and stay there."""
        data = self.data
        # A sum of squares is finite only if all are.
        if self._warned.any() or not math.isfinite(data.qpos @ data.qpos):
            self._failure = "unstable"
            data.qpos[:], data.qvel[:] = self._sound_qpos, 0.0
            mujoco.mj_forward(self.model, data)
        else:
            self._sound_qpos[:] = data.qpos

    def robot_state(self, stamp_s: float) -> RobotState:
        """Measured joints, in the robot's order."""
        return RobotState(stamp_s, self.data.qpos[self._qpos], self.data.qvel[self._dof])

    def task_state(self, stamp_s: float) -> TaskState:
        """Features, progress, and the end of the episode. A dropped object or unstable physics is a failure."""
        outcome = self.task.outcome()
        success = outcome.success and self._failure is None
        return TaskState(stamp_s, self.task.features(self.data), outcome.progress, success, self._failure)

    def snapshot(self) -> Array:
        """(k,) everything a camera in another process needs; ``SimCamera.render`` takes it."""
        data = self.data
        parts = (data.qpos, data.mocap_pos.ravel(), data.mocap_quat.ravel(), self.task.render_state())
        return np.concatenate([[data.time], *parts])
