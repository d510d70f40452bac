"""dex-retargeting and placo as hand solvers: each follows the same vectors from the wrist to points of the fingers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rove_teleop.types import Array

HUBER_M, NORM_DELTA = 0.02, 4e-3
"""What dex-retargeting's vector objective uses when nobody says otherwise."""
REGULARIZATION = 1e-5


class DexVector:
    """dex-retargeting 0.5.0, vector objective, without its low-pass filter."""

    def __init__(self, urdf: Path, names: list[str], sites: list[str], start: Array) -> None:
        from dex_retargeting.optimizer import VectorOptimizer
        from dex_retargeting.robot_wrapper import RobotWrapper
        from dex_retargeting.seq_retarget import SeqRetargeting

        indices = np.array([np.zeros(len(sites)), np.arange(len(sites))], dtype=int)
        optimizer = VectorOptimizer(
            RobotWrapper(str(urdf)), names, ["root"] * len(sites), sites, indices, HUBER_M, NORM_DELTA
        )
        self._solver = SeqRetargeting(optimizer, has_joint_limits=True)
        self._start = start

    def restart(self) -> None:
        self._solver.last_qpos = self._start.astype(np.float32)

    def step(self, vectors_m: Array) -> Array:
        """One frame: vectors (tasks, 3) in, joint angles (m,) in the order of ``names`` out."""
        self._solver.retarget(vectors_m)
        return np.asarray(self._solver.last_qpos, dtype=np.float64)


class PlacoPoints:
    """placo 0.10 with one position task per point, joint limits, and a number of steps per frame."""

    def __init__(self, urdf: Path, names: list[str], sites: list[str], start: Array, iterations: int) -> None:
        import placo

        self._robot = placo.RobotWrapper(str(urdf), placo.Flags.ignore_collisions)
        self._solver = placo.KinematicsSolver(self._robot)
        self._solver.mask_fbase(True)
        self._solver.dt = 1.0
        self._solver.enable_joint_limits(True)
        self._solver.enable_velocity_limits(False)
        self._solver.add_regularization_task(REGULARIZATION)
        self._tasks = [self._solver.add_position_task(site, np.zeros(3)) for site in sites]
        for site, task in zip(sites, self._tasks, strict=True):
            task.configure(site, "soft", 1.0)
        self._order = np.array([self._robot.get_joint_offset(name) for name in names])
        self._start, self._iterations = start, iterations

    def restart(self) -> None:
        full = np.array(self._robot.state.q)
        full[self._order] = self._start
        self._robot.state.q = full
        self._robot.update_kinematics()

    def step(self, vectors_m: Array) -> Array:
        """One frame: vectors (tasks, 3) in, joint angles (m,) in the order of ``names`` out."""
        for task, vector_m in zip(self._tasks, vectors_m, strict=True):
            task.target_world = vector_m
        for _ in range(self._iterations):
            self._solver.solve(True)
            self._robot.update_kinematics()
        return np.array(self._robot.state.q)[self._order]
