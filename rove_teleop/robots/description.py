"""A robot as numbers: joints in order, groups, limits, home pose, operator mapping, read from one checked folder."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ..config import Section, load_yaml
from ..errors import ConfigInvalid
from ..types import Array
from .model import check_model, compile_model, site_places
from .operator import OperatorMapping, read_operator
from .self_collision import SelfCollision, read_self_collision

_PLAUSIBLE_ANGLE_RAD = 2.0 * math.pi
_PLAUSIBLE_SPEED_RAD_S = 50.0


@dataclass(frozen=True, eq=False)
class RobotDescription:
    """One robot. All arrays are (n,), read-only, in the order of ``joint_names`` (group after group).

    ``groups`` maps a group's name to the indices of its joints, in order. ``config_hash`` is the SHA-256 of the files
    that describe the robot: two recordings with the same hash mean the same joints and limits.
    """

    name: str
    note: str
    control_hz: float
    joint_names: tuple[str, ...]
    groups: MappingProxyType[str, NDArray[np.int64]]
    q_min_rad: Array
    q_max_rad: Array
    v_max_rad_s: Array
    a_max_rad_s2: Array
    j_max_rad_s3: Array
    home_rad: Array
    model_path: Path
    folder: Path
    operator: OperatorMapping
    config_hash: str
    self_collision: SelfCollision | None = None

    @property
    def dt_s(self) -> float:
        """Period of the control loop."""
        return 1.0 / self.control_hz

    @property
    def joint_count(self) -> int:
        return len(self.joint_names)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.joint_names)}

    def index(self, joint_name: str) -> int:
        """Position of a joint in every array; KeyError for a name this robot does not have."""
        return self._index[joint_name]


def robot_folders() -> dict[str, Path]:
    """Known robots by name: the checkout's ``robot_configs`` first, then those installed with the package."""
    package = Path(__file__).resolve().parents[1]
    found: dict[str, Path] = {}
    for root in (package.parent / "robot_configs", package / "robot_configs"):
        for file in sorted(root.glob("*/robot.yaml")):
            found.setdefault(file.parent.name, file.parent)
    return found


def load_robot(name_or_path: str | Path) -> RobotDescription:
    """Read and check a robot, given by name (``iron_r01``) or by the path of its folder.

    Raises:
        ConfigInvalid: no such robot, or a file that is refused; the message then starts with ``file:line:``.
    """
    known = robot_folders()
    folder = known.get(str(name_or_path), Path(name_or_path))
    if not (folder / "robot.yaml").is_file():
        names = ", ".join(known) or "none found"
        raise ConfigInvalid(f"robot {str(name_or_path)!r} is neither a folder with a robot.yaml nor one of: {names}")
    return _read_robot(folder)


def _read_robot(folder: Path) -> RobotDescription:
    root = load_yaml(folder / "robot.yaml")
    name, note = root.text("name"), root.text("note")
    control_hz = root.number("control_hz", 10.0, 2000.0)
    model_path = folder / root.text("model")
    if not model_path.is_file():
        raise root.error("model", f"names {model_path.name!r}, which is not a file in {folder}")
    group_section, joint_section = root.section("groups"), root.section("joints")
    groups = _read_groups(group_section, joint_section)
    names = tuple(joint for joints in groups.values() for joint in joints)
    limits = np.array([_read_joint(joint_section.section(joint)) for joint in names])
    model = compile_model(model_path)
    check_model(model, model_path, names, limits[:, :2], joint_section)
    operator = read_operator(root.section("operator"), site_places(model), groups)
    apart = read_self_collision(root.section("self_collision"), model) if "self_collision" in root else None
    root.done()
    q_min, q_max, v_max, a_max, j_max, home = (_frozen(column) for column in limits.T)
    index = {joint: i for i, joint in enumerate(names)}
    return RobotDescription(
        name=name,
        note=note,
        control_hz=control_hz,
        joint_names=names,
        groups=MappingProxyType({group: _frozen_index([index[j] for j in groups[group]]) for group in groups}),
        q_min_rad=q_min,
        q_max_rad=q_max,
        v_max_rad_s=v_max,
        a_max_rad_s2=a_max,
        j_max_rad_s3=j_max,
        home_rad=home,
        model_path=model_path,
        folder=folder,
        operator=operator,
        config_hash=_hash(folder / "robot.yaml", model_path),
        self_collision=apart,
    )


def _hash(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def _frozen(values: Array) -> Array:
    column: Array = np.ascontiguousarray(values)
    column.flags.writeable = False
    return column


def _frozen_index(values: list[int]) -> NDArray[np.int64]:
    index = np.array(values, dtype=np.int64)
    index.flags.writeable = False
    return index


def _read_groups(groups: Section, joints: Section) -> dict[str, list[str]]:
    """Every joint in exactly one group; the groups give the order."""
    result: dict[str, list[str]] = {}
    owner: dict[str, str] = {}
    for group in groups.keys():
        result[group] = groups.texts(group)
        for joint in result[group]:
            if joint in owner:
                raise groups.error(group, f"holds joint '{joint}', which is already in group '{owner[joint]}'")
            if joint not in joints:
                raise groups.error(group, f"names joint '{joint}', which is missing under 'joints'")
            owner[joint] = group
    for joint in joints.keys():
        if joint not in owner:
            raise joints.error(joint, "is in no group")
    return result


def _read_joint(joint: Section) -> tuple[float, float, float, float, float, float]:
    """(q_min, q_max, velocity, acceleration, jerk, home) of one joint, checked one by one."""
    low, high = joint.numbers("position", 2)
    if not (max(abs(low), abs(high)) <= _PLAUSIBLE_ANGLE_RAD):
        raise joint.error("position", f"[{low:g}, {high:g}] looks like degrees; limits are in radians")
    if not (low < high):
        raise joint.error("position", f"has its minimum {low:g} not below its maximum {high:g}")
    velocity = _positive(joint, "velocity")
    if not (velocity <= _PLAUSIBLE_SPEED_RAD_S):
        raise joint.error("velocity", f"{velocity:g} looks like degrees per second; limits are in radians per second")
    acceleration, jerk = _positive(joint, "acceleration"), _positive(joint, "jerk")
    home = joint.number("home")
    if not (low <= home <= high):
        raise joint.error("home", f"is {home:g}, outside the position limits {low:g} to {high:g}")
    joint.done()
    return low, high, velocity, acceleration, jerk, home


def _positive(joint: Section, key: str) -> float:
    value = joint.number(key)
    if not (value > 0.0):
        raise joint.error(key, f"must be positive, got {value:g}")
    return value
