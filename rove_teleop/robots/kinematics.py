"""Where the robot's sites are for given joint angles, and how they move: kinematics only, no dynamics.

Use: ``kinematics.update(q_rad)`` once, then any number of ``frame`` and ``jacobian``.
"""

from __future__ import annotations

import mujoco
import numpy as np

from ..types import Array
from .description import RobotDescription
from .model import compile_model


class Kinematics:
    """Kinematics of one robot in its base frame. Not thread-safe: one instance per user (it holds the last pose)."""

    def __init__(self, robot: RobotDescription) -> None:
        self.robot = robot
        self._model = compile_model(robot.model_path)
        self._data = mujoco.MjData(self._model)
        self._sites = {self._model.site(i).name: i for i in range(self._model.nsite)}
        joints = [self._model.joint(name).id for name in robot.joint_names]
        self._qpos = self._model.jnt_qposadr[joints]
        self._dof = self._model.jnt_dofadr[joints]
        self._jacobian = np.zeros((6, self._model.nv))
        self.update(robot.home_rad)

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the sites: ``head``, ``left_wrist``, ``right_wrist``, and finger tips such as ``left_index_tip``."""
        return tuple(self._sites)

    def update(self, q_rad: Array) -> None:
        """Move to joint angles (n,) in radians.

        Raises:
            ValueError: not finite, or not one angle per joint.
        """
        if q_rad.shape != (self.robot.joint_count,) or not np.all(np.isfinite(q_rad)):
            raise ValueError(f"q_rad must be {self.robot.joint_count} finite angles, got shape {q_rad.shape}")
        self._data.qpos[self._qpos] = q_rad
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)

    def frame(self, site: str) -> Array:
        """T_base_site (4, 4) at the last update; KeyError for an unknown site."""
        i = self._sites[site]
        T_base_site = np.eye(4)
        T_base_site[:3, :3] = self._data.site_xmat[i].reshape(3, 3)
        T_base_site[:3, 3] = self._data.site_xpos[i]
        return T_base_site

    def jacobian(self, site: str) -> Array:
        """(6, n): velocity of the site's origin [m/s] then angular velocity [rad/s], base frame, per joint rad/s."""
        i = self._sites[site]
        mujoco.mj_jacSite(self._model, self._data, self._jacobian[:3], self._jacobian[3:], i)
        jacobian: Array = self._jacobian[:, self._dof]
        return jacobian

    def frames(self, q_rad: Array) -> dict[str, Array]:
        """T_base_site of every site at the given joint angles (n,)."""
        self.update(q_rad)
        return {site: self.frame(site) for site in self._sites}
