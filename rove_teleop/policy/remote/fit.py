"""What a remote policy works on, bound to a robot by name before anything moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CheckpointInvalid
from ...robots.description import RobotDescription
from .address import Address

MAX_ROWS, MOST_PIXELS = 1000, 4096


@dataclass(frozen=True, slots=True)
class Fit:
    """Joints in the policy's order, the time between two rows of its plans, how many are used, and what it looks at.

    ``cameras`` pairs our cameras with the policy's names for them; ``feature_names`` are the task features it reads.
    """

    policy: str
    joint_names: tuple[str, ...]
    step_s: float
    execute: int
    cameras: tuple[tuple[str, str], ...] = ()
    image_size: int = 0
    feature_names: tuple[str, ...] = ()

    def joint_index(self, robot: RobotDescription) -> NDArray[np.int64]:
        """Indices (m,) of the policy's joints in the robot's order."""
        return np.array([robot.joint_names.index(name) for name in self.joint_names], dtype=np.int64)


def fit(robot: RobotDescription, address: Address, said: Mapping[str, Any], where: str) -> Fit:
    """Join what the policy says of itself with what the address says for it.

    Raises:
        CheckpointInvalid: the two contradict each other, neither says something, or it does not fit the robot.
    """
    joints = _joints(robot, address, _texts(said.get("joint_names"), "joint_names", where), where)
    _same_limits(robot, joints, said, where)
    step_s = _step_s(address, said.get("step_s"), where)
    horizon = _whole(said.get("horizon", MAX_ROWS), "horizon", where)
    execute = _whole(said.get("execute", min(horizon, 16)), "execute", where)
    execute = int(address.number("execute", execute, 1, horizon))
    ours = address.pairs("cameras") or {name: name for name in _texts(said.get("cameras"), "cameras", where)}
    return Fit(
        policy=str(said.get("policy", ""))[:200],
        joint_names=joints,
        step_s=step_s,
        execute=execute,
        cameras=tuple(ours.items()),
        image_size=int(address.number("size", _picture_size(said, where), 0, MOST_PIXELS)),
        feature_names=_texts(said.get("feature_names"), "feature_names", where),
    )


def named_joints(robot: RobotDescription, names: Sequence[str], where: str) -> tuple[str, ...]:
    """Joint names of joints and joint groups, or `CheckpointInvalid` with what there is."""
    joints: list[str] = []
    for name in names:
        group = robot.groups.get(name)
        joints += [name] if group is None else [robot.joint_names[i] for i in group]
    missing = [name for name in joints if name not in robot.joint_names]
    if missing:
        raise CheckpointInvalid(
            f"{where} moves {missing}, but robot '{robot.name}' has joints {list(robot.joint_names)} "
            f"in groups {list(robot.groups)}"
        )
    if len(set(joints)) != len(joints):
        raise CheckpointInvalid(f"{where} names joints twice: {sorted({n for n in joints if joints.count(n) > 1})}")
    return tuple(joints)


def _joints(robot: RobotDescription, address: Address, said: tuple[str, ...], where: str) -> tuple[str, ...]:
    given = named_joints(robot, address.names("joints"), where)
    said = named_joints(robot, said, where)
    if given and said and given != said:
        raise CheckpointInvalid(f"{where} moves {list(said)}, but the address says joints={','.join(given)}")
    if not (given or said):
        raise CheckpointInvalid(
            f"{where} does not say which joints it moves: add joints=GROUP_OR_JOINT,... to its address "
            f"(robot '{robot.name}' has groups {list(robot.groups)})"
        )
    return given or said


def _same_limits(robot: RobotDescription, joints: tuple[str, ...], said: Mapping[str, Any], where: str) -> None:
    if "q_min_rad" not in said and "q_max_rad" not in said:
        return
    index = [robot.joint_names.index(name) for name in joints]
    for key, ours in (("q_min_rad", robot.q_min_rad[index]), ("q_max_rad", robot.q_max_rad[index])):
        theirs = _numbers(said.get(key))
        if theirs.shape != ours.shape or theirs.dtype.kind not in "fiu":
            raise CheckpointInvalid(f"{where} says {key} of {theirs.size} joints, but moves {len(joints)}")
        wrong = ~(np.abs(theirs - ours) < 1e-6)
        if wrong.any():
            k = int(np.argmax(wrong))
            raise CheckpointInvalid(
                f"{where} was trained with {key} {theirs[k]:g} of joint '{joints[k]}', "
                f"but robot '{robot.name}' has {ours[k]:g}"
            )


def _numbers(value: object) -> NDArray[Any]:
    plain = isinstance(value, list | tuple) and all(isinstance(item, int | float) for item in value)
    return np.asarray(value) if plain or isinstance(value, np.ndarray) else np.empty(0)


def _step_s(address: Address, said: object, where: str) -> float:
    given = 1.0 / address.number("hz", 1.0, 0.5, 1000.0) if "hz" in address.settings else None
    if said is None and given is None:
        raise CheckpointInvalid(f"{where} does not say how fast its plans are: add hz=ROWS_PER_SECOND to its address")
    if said is None and given is not None:
        return given
    if isinstance(said, bool) or not isinstance(said, int | float) or not (isfinite(said) and 0.001 <= said <= 2.0):
        raise CheckpointInvalid(f"{where} says step_s is {said!r}, not 0.001 to 2 s")
    if given is not None and abs(given - said) > 1e-6:
        raise CheckpointInvalid(f"{where} plans at {1.0 / said:g} Hz, but the address says hz={1.0 / given:g}")
    return float(said)


def _whole(value: object, name: str, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not (1 <= value <= MAX_ROWS):
        raise CheckpointInvalid(f"{where} says {name} is {value!r}, not 1 to {MAX_ROWS}")
    return value


def _picture_size(said: Mapping[str, Any], where: str) -> int:
    size = said.get("image_size", 0)
    if isinstance(size, bool) or not isinstance(size, int) or not (0 <= size <= MOST_PIXELS):
        raise CheckpointInvalid(f"{where} says image_size is {size!r}, not 0 to {MOST_PIXELS}")
    return size


def _texts(value: object, name: str, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise CheckpointInvalid(f"{where} says {name} is {value!r}, not names")
    return tuple(value)
