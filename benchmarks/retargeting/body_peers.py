"""pink, mink and placo with the same tasks, weights, gains, limits and time step, each as one ``step(goals, q)``.

All three read one URDF with the body's joints only, written here from our own kinematic tree, so that nobody pays for
fingers. Tasks: wrists (position 1, orientation 0.1 m/rad), head (orientation 0.1 m/rad), posture; gain 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rove_teleop.robots.description import RobotDescription
from rove_teleop.robots.tree import Tree
from rove_teleop.types import Array

ORIENTATION_M, POSTURE = 0.1, 1e-6
WRISTS = ("left_wrist", "right_wrist")


def write_urdf(robot: RobotDescription, tree: Tree, path: Path) -> Path:
    """The links of ``tree`` as revolute joints with the robot's limits, and its sites as links fixed to them."""
    lines = ['<robot name="body">', '<mujoco><compiler fusestatic="false" discardvisual="false"/></mujoco>']
    inertial = (
        '<inertial><mass value="1"/><inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial>'
    )
    lines += [f'<link name="{name}">{inertial}</link>' for name in ["root", *_link_names(robot, tree), *tree.sites]]
    for i, j in enumerate(tree.joints):
        parent = "root" if tree.parent[i] < 0 else _link_names(robot, tree)[tree.parent[i]]
        limit = f'lower="{robot.q_min_rad[j]}" upper="{robot.q_max_rad[j]}" velocity="{robot.v_max_rad_s[j]}"'
        lines.append(
            f'<joint name="{robot.joint_names[j]}" type="revolute">{_origin(tree.T_parent_link[i])}'
            f'<parent link="{parent}"/><child link="{robot.joint_names[j]}_link"/>'
            f'<axis xyz="{_text(tree.axis[i])}"/><limit {limit} effort="100"/></joint>'
        )
    for k, site in enumerate(tree.sites):
        parent = _link_names(robot, tree)[tree.site_link[k]]
        lines.append(
            f'<joint name="{site}_fixed" type="fixed">{_origin(tree.T_link_site[k])}'
            f'<parent link="{parent}"/><child link="{site}"/></joint>'
        )
    path.write_text("\n".join([*lines, "</robot>"]), encoding="utf-8")
    return path


def _link_names(robot: RobotDescription, tree: Tree) -> list[str]:
    return [f"{robot.joint_names[j]}_link" for j in tree.joints]


def _origin(T: Array) -> str:
    R = T[:3, :3]
    rpy = np.array([np.arctan2(R[2, 1], R[2, 2]), -np.arcsin(np.clip(R[2, 0], -1, 1)), np.arctan2(R[1, 0], R[0, 0])])
    if abs(R[2, 0]) > 1 - 1e-9:  # pitch of a quarter turn: roll and yaw are one angle
        rpy[0], rpy[2] = 0.0, np.arctan2(-R[0, 1], R[1, 1])
    return f'<origin xyz="{_text(T[:3, 3])}" rpy="{_text(rpy)}"/>'


def _text(values: Array) -> str:
    return " ".join(f"{value:.12g}" for value in values)


def as_slice(order: list[int]) -> slice | np.ndarray:
    """Positions as a slice where they follow each other: nobody is to pay for a change of order that is none."""
    run = slice(order[0], order[0] + len(order))
    return run if order == list(range(run.start, run.stop)) else np.array(order)


class Pink:
    """pink 4 on pinocchio. ``damping`` is Tikhonov's, ``lm_damping`` grows with the squared error."""

    def __init__(
        self, urdf: Path, names: list[str], home: Array, dt_s: float, damping: float, lm: float, solver: str
    ) -> None:
        import pink
        import pinocchio as pin

        self._pink, self._pin, self._dt_s, self._damping, self._solver = pink, pin, dt_s, damping, solver
        model = pin.buildModelFromUrdf(str(urdf))
        self._order = as_slice([model.joints[model.getJointId(name)].idx_q for name in names])
        q = np.zeros(model.nq)
        q[self._order] = home
        self._configuration = pink.Configuration(model, model.createData(), q)
        self._frames = {
            site: pink.FrameTask(
                site,
                position_cost=1.0 if site in WRISTS else 0.0,
                orientation_cost=ORIENTATION_M,
                lm_damping=lm,
                gain=1.0,
            )
            for site in (*WRISTS, "head")
        }
        self._posture = pink.PostureTask(cost=np.sqrt(POSTURE), gain=1.0)
        self._posture.set_target(q)

    def step(self, goals: Mapping[str, Array], q: Array) -> Array:
        """One tick from joint angles (m,)."""
        configuration, full = self._configuration, np.empty(len(q))
        full[self._order] = q
        configuration.update(full)
        tasks = [self._posture]
        for site, T in goals.items():
            self._frames[site].set_target(self._pin.SE3(T))
            tasks.append(self._frames[site])
        velocity = self._pink.solve_ik(
            configuration, tasks, self._dt_s, solver=self._solver, damping=self._damping, safety_break=False
        )
        return configuration.integrate(velocity, self._dt_s)[self._order]


class Mink:
    """mink 1 on MuJoCo."""

    def __init__(
        self, urdf: Path, names: list[str], home: Array, v_max: Array, dt_s: float, damping: float, lm: float
    ) -> None:
        import mink
        import mujoco

        self._mink, self._dt_s, self._damping = mink, dt_s, damping
        model = mujoco.MjModel.from_xml_path(str(urdf))
        self._order = as_slice([int(model.joint(name).qposadr[0]) for name in names])
        q = np.zeros(model.nq)
        q[self._order] = home
        self._configuration = mink.Configuration(model, q=q)
        self._frames = {
            site: mink.FrameTask(
                frame_name=site,
                frame_type="body",
                position_cost=1.0 if site in WRISTS else 0.0,
                orientation_cost=ORIENTATION_M,
                lm_damping=lm,
                gain=1.0,
            )
            for site in (*WRISTS, "head")
        }
        self._posture = mink.PostureTask(model, cost=np.sqrt(POSTURE), gain=1.0)
        self._posture.set_target(q)
        self._limits = [
            mink.ConfigurationLimit(model, gain=1.0),
            mink.VelocityLimit(model, dict(zip(names, v_max.tolist(), strict=True))),
        ]

    def step(self, goals: Mapping[str, Array], q: Array) -> Array:
        """One tick from joint angles (m,)."""
        mink, full = self._mink, np.empty(len(q))
        full[self._order] = q
        self._configuration.update(full)
        tasks = [self._posture]
        for site, T in goals.items():
            self._frames[site].set_target(mink.SE3.from_matrix(T))
            tasks.append(self._frames[site])
        velocity = mink.solve_ik(
            self._configuration, tasks, self._dt_s, solver="daqp", damping=self._damping, limits=self._limits
        )
        return self._configuration.integrate(velocity, self._dt_s)[self._order]


class Placo:
    """placo 0.10: C++, its own QP solver; no damping that grows with the error."""

    def __init__(self, urdf: Path, names: list[str], home: Array, dt_s: float, damping: float) -> None:
        import placo

        self._names = names
        self._robot = placo.RobotWrapper(str(urdf), placo.Flags.ignore_collisions)
        self._solver = placo.KinematicsSolver(self._robot)
        self._solver.mask_fbase(True)
        self._solver.dt = dt_s
        self._solver.enable_joint_limits(True)
        self._solver.enable_velocity_limits(True)
        self._solver.add_regularization_task(damping)
        posture = self._solver.add_joints_task()
        posture.set_joints(dict(zip(names, home.tolist(), strict=True)))
        posture.configure("posture", "soft", POSTURE)
        self._frames = {}
        for site in WRISTS:
            self._frames[site] = self._solver.add_frame_task(site, np.eye(4))
            self._frames[site].configure(site, "soft", 1.0, ORIENTATION_M**2)
        self._head = self._solver.add_orientation_task("head", np.eye(3))
        self._head.configure("head", "soft", ORIENTATION_M**2)
        self._order = as_slice([self._robot.get_joint_offset(name) for name in names])

    def step(self, goals: Mapping[str, Array], q: Array) -> Array:
        """One tick from joint angles (m,); goals must be those of both wrists and the head."""
        state = self._robot.state
        full = np.array(state.q)
        full[self._order] = q
        state.q = full
        self._robot.update_kinematics()
        for site in WRISTS:
            self._frames[site].T_world_frame = goals[site]
        self._head.R_world_frame = np.ascontiguousarray(goals["head"][:3, :3])
        self._solver.solve(True)
        return np.array(state.q)[self._order]
