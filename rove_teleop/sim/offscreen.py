"""Pixels of a MuJoCo model without a display: an EGL (or OSMesa) context made here, whatever imported mujoco before.

``mujoco.Renderer`` chooses its context when mujoco is first imported; this program often does that long before it knows
that it will render.
"""

from __future__ import annotations

import os

import mujoco
import numpy as np
from numpy.typing import NDArray

from ..errors import MissingDependency

_PACKAGES = "libegl1 libegl-mesa0 libgl1-mesa-dri libgles2"
_MAX_GEOMS = 2000


class Offscreen:
    """Renders one model at one size. Use it from one thread: the context belongs to the thread that made it.

    Raises:
        MissingDependency: the machine has no EGL; the message names the Debian packages.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int) -> None:
        self._context = _context(width, height)
        try:
            self._context.make_current()
            self._gpu = mujoco.MjrContext(model, int(mujoco.mjtFontScale.mjFONTSCALE_100))
        except (RuntimeError, mujoco.FatalError) as error:
            raise MissingDependency(f"off-screen OpenGL does not start ({error}); {_how_to_get_it()}") from error
        mujoco.mjr_setBuffer(int(mujoco.mjtFramebuffer.mjFB_OFFSCREEN), self._gpu)
        self._model = model
        self._scene = mujoco.MjvScene(model, _MAX_GEOMS)
        self._option = mujoco.MjvOption()
        self._option.sitegroup[:] = 0
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._pixels = np.zeros((height, width, 3), dtype=np.uint8)

    def render(self, data: mujoco.MjData, camera: str) -> NDArray[np.uint8]:
        """(height, width, 3) RGB, first row at the top."""
        view = mujoco.MjvCamera()
        view.type = mujoco.mjtCamera.mjCAMERA_FIXED
        view.fixedcamid = self._model.camera(camera).id
        everything = int(mujoco.mjtCatBit.mjCAT_ALL)
        mujoco.mjv_updateScene(self._model, data, self._option, None, view, everything, self._scene)
        self._context.make_current()
        mujoco.mjr_render(self._rect, self._scene, self._gpu)
        mujoco.mjr_readPixels(self._pixels, None, self._rect, self._gpu)
        return np.ascontiguousarray(self._pixels[::-1])

    def close(self) -> None:
        """Free the context."""
        self._gpu.free()
        self._context.free()


def _context(width: int, height: int) -> mujoco.gl_context.GLContext:
    os.environ.setdefault("LP_NUM_THREADS", "1")  # the software renderer would take every core from the control loop
    try:
        if os.environ.get("MUJOCO_GL") == "osmesa":
            from mujoco.osmesa import GLContext
        else:
            from mujoco.egl import GLContext
        return GLContext(width, height)
    except (ImportError, AttributeError, OSError, RuntimeError) as error:
        raise MissingDependency(f"off-screen OpenGL does not start ({error}); {_how_to_get_it()}") from error


def _how_to_get_it() -> str:
    return f"on Debian: apt install {_PACKAGES}"
