"""Cameras of the simulated robot: a snapshot of the world in, pixels out."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..robots import RobotDescription
from ..types import Array
from .offscreen import Offscreen
from .scene import build_scene
from .tasks import TaskParams, make_task

CAMERA_NAMES: tuple[str, ...] = ("ego", "side")
_LARGEST = (1280, 960)


class SimCamera:
    """One camera: ``ego`` in the head, ``side`` beside the table. Use it from the thread that made it.

    Raises:
        UsageError: unknown camera or task, or a size outside 16x16 to 1280x960.
        MissingDependency: no off-screen OpenGL; the message names the Debian packages.
    """

    def __init__(
        self,
        robot: RobotDescription,
        task: str,
        name: str = "ego",
        width: int = 320,
        height: int = 240,
        params: TaskParams | None = None,
    ) -> None:
        if name not in CAMERA_NAMES:
            raise UsageError(f"unknown camera {name!r}; there are {' and '.join(CAMERA_NAMES)}")
        if not (16 <= width <= _LARGEST[0] and 16 <= height <= _LARGEST[1]):
            raise UsageError(f"camera size {width}x{height} is outside 16x16 to {_LARGEST[0]}x{_LARGEST[1]}")
        self.name = name
        self._task = make_task(task, params)
        self._model = build_scene(robot, self._task)
        self._task.bind(self._model)
        self._data = mujoco.MjData(self._model)
        nmocap = self._model.nmocap
        sizes = [1, self._model.nq, 3 * nmocap, 4 * nmocap, self._task.render_state().size]
        self._ends = np.cumsum(sizes)
        self._offscreen = Offscreen(self._model, width, height)

    @property
    def snapshot_size(self) -> int:
        """Length of the snapshots this camera understands."""
        return int(self._ends[-1])

    def render(self, snapshot: Array) -> NDArray[np.uint8]:
        """(height, width, 3) RGB of ``World.snapshot()``.

        Raises:
            ValueError: not finite, or of another length than this task's snapshots.
        """
        if snapshot.shape != (self.snapshot_size,) or not np.all(np.isfinite(snapshot)):
            raise ValueError(f"a snapshot has {self.snapshot_size} finite values, got shape {snapshot.shape}")
        data = self._data
        _, q, position_m, quat, shown = np.split(snapshot, self._ends[:-1])
        data.qpos[:] = q
        data.mocap_pos[:] = position_m.reshape(-1, 3)
        data.mocap_quat[:] = quat.reshape(-1, 4)
        self._task.show(self._model, shown)
        mujoco.mj_kinematics(self._model, data)
        mujoco.mj_camlight(self._model, data)
        return self._offscreen.render(data, self.name)

    def close(self) -> None:
        """Give the OpenGL context back."""
        self._offscreen.close()
