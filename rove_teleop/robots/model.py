"""The MuJoCo model of a robot, and the check that it agrees with the robot's configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from ..config import Section
from ..errors import ConfigInvalid
from ..types import Array

_RANGE_TOLERANCE_RAD = 1e-4


def compile_model(path: Path) -> mujoco.MjModel:
    """Compile an MJCF file.

    Raises:
        ConfigInvalid: MuJoCo refuses it; the message carries the line where MuJoCo names one.
    """
    try:
        return mujoco.MjModel.from_xml_path(str(path))
    except ValueError as error:
        line = re.search(r"line (?:number=)?(\d+)", str(error), re.IGNORECASE)
        text = " ".join(str(error).split())
        raise ConfigInvalid(f"{path}:{line.group(1) if line else 1}: MuJoCo refuses the model: {text}") from error


@dataclass(frozen=True, slots=True)
class SitePlace:
    """Where a site hangs: the bodies from the world's to its own (MuJoCo ids), and how many joints they have."""

    bodies: tuple[int, ...]
    joint_count: int


def site_places(model: mujoco.MjModel) -> dict[str, SitePlace]:
    """Every named site of a model."""
    places: dict[str, SitePlace] = {}
    for i in range(model.nsite):
        bodies = [int(model.site_bodyid[i])]
        while bodies[0] != 0:
            bodies.insert(0, int(model.body_parentid[bodies[0]]))
        places[model.site(i).name] = SitePlace(tuple(bodies), int(model.body_jntnum[bodies].sum()))
    return places


def check_model(model: mujoco.MjModel, path: Path, names: tuple[str, ...], ranges_rad: Array, joints: Section) -> None:
    """Refuse a model whose hinge joints, ranges (n, 2), actuators or their order differ from the configuration.

    The order that counts is that of the actuators: joints stand in the order of the tree, where a hand follows its arm.

    Raises:
        ConfigInvalid: names the joint or actuator, with the file and the line where it stands or is missing.
    """
    in_model = [model.joint(i).name for i in range(model.njnt)]
    for name in names:
        if name not in in_model:
            raise joints.error(name, f"is not a joint of the model {path.name}")
    for i, name in enumerate(in_model):
        if name not in names:
            raise _error(path, name, f"joint '{name}' of the model is not in the robot's configuration")
        if int(model.jnt_type[i]) != int(mujoco.mjtJoint.mjJNT_HINGE):
            raise _error(path, name, f"joint '{name}' is not a hinge; only hinge joints are supported")
        low, high = model.jnt_range[i]
        configured = ranges_rad[names.index(name)]
        if not (np.max(np.abs(model.jnt_range[i] - configured)) <= _RANGE_TOLERANCE_RAD):
            written = f"[{configured[0]:g}, {configured[1]:g}]"
            raise joints.error(name, f"has position {written}, but the model's range is [{low:g}, {high:g}]")
    _check_actuators(model, path, names)


def _check_actuators(model: mujoco.MjModel, path: Path, names: tuple[str, ...]) -> None:
    driven = [model.joint(int(model.actuator_trnid[i, 0])).name for i in range(model.nu)]
    for name in names:
        if name not in driven:
            raise _error(path, name, f"joint '{name}' has no position actuator")
    for name, expected in zip(driven, names, strict=False):
        if name != expected:
            raise _error(path, name, f"drives joint '{name}' where the configured order has '{expected}'", -1)
    if model.nu != len(names):
        raise ConfigInvalid(f"{path}:1: has {model.nu} actuators for {len(names)} joints")


def _error(path: Path, name: str, message: str, mention: int = 0) -> ConfigInvalid:
    """Points at the first (0, the joint) or last (-1, its actuator) line that mentions ``"name"``."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [number for number, text in enumerate(lines, 1) if f'"{name}"' in text] or [1]
    return ConfigInvalid(f"{path}:{found[mention]}: {message}")
