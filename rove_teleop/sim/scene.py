"""The scene of a task: the robot's own model, a table, light, the task's bodies, and the physics options."""

from __future__ import annotations

import mujoco
import numpy as np

from ..errors import UsageError
from ..robots import RobotDescription
from .tasks import Task
from .tasks.interface import FURNITURE_CONTACT, OBJECT_CONTACT, ROBOT_CONTACT

PHYSICS_DT_S = 0.002
_TABLE_TOP_M = -0.22
GRASP_SITE = "right_wrist"


def build_scene(robot: RobotDescription, task: Task) -> mujoco.MjModel:
    """Compile robot, furniture and task. The world frame is the robot's base frame; angles are radians."""
    spec = mujoco.MjSpec.from_file(str(robot.model_path))
    return finish_scene(spec, task)


def finish_scene(spec: mujoco.MjSpec, task: Task) -> mujoco.MjModel:
    """Compile whoever is in ``spec``, with a hand that carries the grasp site, together with furniture and task."""
    spec.compiler.degree = False
    _set_physics(spec.option)
    _set_quality(spec.visual)
    _add_furniture(spec)
    task.add_to(spec)
    site = spec.site(GRASP_SITE)
    if site is None:
        raise UsageError(f"the robot's model has no site {GRASP_SITE}: it cannot do a simulated task")
    hand = site.parent
    weld = spec.add_equality(name="grasp", type=mujoco.mjtEq.mjEQ_WELD, objtype=mujoco.mjtObj.mjOBJ_BODY)
    weld.name1, weld.name2 = hand.name, task.held_object
    weld.solref = [0.004, 1.0]
    return spec.compile()


def _set_physics(option: mujoco.MjOption) -> None:
    """Dense: mujoco 4.0.0 solves sparse constraints wrongly. No auto-reset: it would hide an unstable simulation."""
    option.timestep = PHYSICS_DT_S
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = 10.0
    option.jacobian = mujoco.mjtJacobian.mjJAC_DENSE
    option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)


def _set_quality(visual: mujoco.MjVisual) -> None:
    """Software rendering: multisampling, shadows and fine meshes cost eight times more and show little."""
    visual.quality.offsamples = 0
    visual.quality.shadowsize = 0
    visual.quality.numslices = 12
    visual.quality.numstacks = 6
    visual.quality.numquads = 1
    visual.global_.offwidth = 1280
    visual.global_.offheight = 960
    visual.headlight.ambient = [0.45, 0.45, 0.45]
    visual.headlight.diffuse = [0.35, 0.35, 0.35]
    visual.headlight.specular = [0.0, 0.0, 0.0]
    visual.map.znear = 0.02


def _add_furniture(spec: mujoco.MjSpec) -> None:
    world = spec.worldbody
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.80, 0.86, 0.92],
        rgb2=[0.55, 0.62, 0.70],
        width=64,
        height=384,
    )
    world.add_light(
        pos=[0.0, 0.6, 2.0],
        dir=[0.25, -0.4, -1.0],
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        diffuse=[0.45, 0.45, 0.42],
        castshadow=False,
    )
    world.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        pos=[0.0, 0.0, -0.9],
        size=[8.0, 8.0, 0.1],
        rgba=[0.55, 0.58, 0.60, 1.0],
        contype=FURNITURE_CONTACT,
        conaffinity=OBJECT_CONTACT,
    )
    world.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[0.62, 0.0, _TABLE_TOP_M - 0.02],
        size=[0.42, 0.70, 0.02],
        rgba=[0.62, 0.46, 0.30, 1.0],
        contype=FURNITURE_CONTACT,
        conaffinity=ROBOT_CONTACT | OBJECT_CONTACT,
    )
    # From the robot's left, towards what the right hand does.
    world.add_camera(name="side", pos=[0.0, 0.72, 0.5], xyaxes=[-0.91, -0.41, 0.0, 0.165, -0.366, 0.915], fovy=42.0)
    for x, y in ((0.25, 0.6), (0.25, -0.6), (0.98, 0.6), (0.98, -0.6)):
        world.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[x, y, (_TABLE_TOP_M - 0.94) / 2],
            size=[0.025, 0.025, (_TABLE_TOP_M - 0.04 + 0.9) / 2],
            rgba=[0.40, 0.30, 0.20, 1.0],
            contype=0,
            conaffinity=0,
        )


def site_in_body(model: mujoco.MjModel, site: str) -> tuple[int, np.ndarray]:
    """The body that carries a site, and T_body_site (4, 4)."""
    i = model.site(site).id
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, model.site_quat[i])
    T_body_site = np.eye(4)
    T_body_site[:3, :3] = rotation.reshape(3, 3)
    T_body_site[:3, 3] = model.site_pos[i]
    return int(model.site_bodyid[i]), T_body_site
