"""Whether this machine draws without a display: one small picture, looked at."""

from __future__ import annotations

import os

import mujoco

from ..errors import MissingDependency
from .offscreen import Offscreen

SCENE = """<mujoco><worldbody><light pos="0 0 3"/><camera name="eye" pos="0 -1 0.3" xyaxes="1 0 0 0 0.3 1"/>
<geom type="sphere" size="0.3" rgba="1 1 1 1"/></worldbody></mujoco>"""


def draws() -> str:
    """What draws here.

    Raises:
        MissingDependency: nothing does, or the picture is black.
    """
    model = mujoco.MjModel.from_xml_string(SCENE)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    camera = Offscreen(model, 64, 48)
    brightest = int(camera.render(data, "eye").max())
    camera.close()
    if brightest == 0:
        raise MissingDependency(
            "off-screen OpenGL draws only black: update the graphics driver, or set MUJOCO_GL=osmesa"
        )
    return os.environ.get("MUJOCO_GL") or "EGL"
