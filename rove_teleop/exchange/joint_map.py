"""Which of their numbers is which of our joints: by name, or by a YAML file that accounts for every name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..config import load_yaml
from ..errors import DatasetInvalid
from ..robots.description import RobotDescription
from ..types import Array

# More than this outside of a joint's range, in most frames, is another unit or another joint.
_OUTSIDE_RAD = 0.5


@dataclass(frozen=True, slots=True)
class JointMap:
    """``joints``: their name by ours; empty: the names are the same. ``home``: ours that they do not have.

    ``ignore``: theirs that we do not have. ``names``: theirs in the order of the columns, where the source has none.
    ``unit_rad``: one of their units in radians. ``state``, ``action``: columns.
    """

    state: str = "observation.state"
    action: str = "action"
    unit_rad: float = 1.0
    joints: dict[str, str] = field(default_factory=dict)
    home: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def read_joint_map(path: Path) -> JointMap:
    """Read a mapping file; every key of it is optional.

    Raises:
        ConfigInvalid: the message names file, line and key.
    """
    section = load_yaml(path)
    standard = JointMap()
    unit = section.text("unit") if "unit" in section else "rad"
    if unit not in ("rad", "deg"):
        raise section.error("unit", f"must be rad or deg, got {unit!r}")
    joints: dict[str, str] = {}
    if "joints" in section:
        given = section.section("joints")
        joints = {name: given.text(name) for name in given.keys()}
    result = JointMap(
        state=section.text("state") if "state" in section else standard.state,
        action=section.text("action") if "action" in section else standard.action,
        unit_rad=1.0 if unit == "rad" else math.pi / 180.0,
        joints=joints,
        home=tuple(section.texts("home")) if "home" in section else (),
        ignore=tuple(section.texts("ignore")) if "ignore" in section else (),
        names=tuple(section.texts("names")) if "names" in section else (),
    )
    section.done()
    return result


class JointReader:
    """Their columns (t, m), named ``names``, to our joints (t, n) in radians.

    Raises:
        DatasetInvalid: a joint of ours or a name of theirs that nobody accounts for; the message lists both sides.
    """

    def __init__(self, robot: RobotDescription, joint_map: JointMap, names: Sequence[str], what: str) -> None:
        self._robot, self._map = robot, joint_map
        wanted = {joint: joint_map.joints.get(joint, joint) for joint in robot.joint_names}
        place = {name: k for k, name in enumerate(names)}
        lacking = [ours for ours, theirs in wanted.items() if theirs not in place and ours not in joint_map.home]
        used = set(wanted.values()) | set(joint_map.ignore)
        unknown = [name for name in names if name not in used]
        strange = [joint for joint in (*joint_map.joints, *joint_map.home) if joint not in wanted]
        if lacking or unknown or strange or len(place) != len(names):
            raise DatasetInvalid(_sentence(what, robot.name, lacking, unknown, strange))
        self._ours = [k for k, theirs in enumerate(wanted.values()) if theirs in place]
        self._theirs = [place[theirs] for theirs in wanted.values() if theirs in place]

    def read(self, values: Array, what: str) -> Array:
        """Our joints (t, n) in radians; those of ``home`` stand at the robot's home pose.

        Raises:
            DatasetInvalid: a joint is out of its range most of the time, so the unit or the joint is another.
        """
        robot = self._robot
        result = np.tile(robot.home_rad, (len(values), 1))
        result[:, self._ours] = values[:, self._theirs].astype(np.float64) * self._map.unit_rad
        outside = np.maximum(robot.q_min_rad - result, result - robot.q_max_rad) > _OUTSIDE_RAD
        wrong = np.flatnonzero(np.mean(outside, axis=0) > 0.5)
        if len(wrong):
            joint = int(wrong[0])
            low, high = robot.q_min_rad[joint], robot.q_max_rad[joint]
            raise DatasetInvalid(
                f"{what}: {robot.joint_names[joint]} is mostly outside of its range of {low:.2f} to {high:.2f} rad "
                f"(median {np.median(result[:, joint]):.2f}); is the unit another (unit: deg), or the joint?"
            )
        return result


def _sentence(what: str, robot: str, lacking: list[str], unknown: list[str], strange: list[str]) -> str:
    parts = [
        f"{label} {', '.join(names)}"
        for label, names in (
            (f"{robot} has and they have not:", lacking),
            (f"they have and {robot} has not:", unknown),
            ("the mapping file names joints that do not exist:", strange),
        )
        if names
    ]
    return f"{what}: the joints are not the same ({'; '.join(parts) or 'a name comes twice'}); see --map"
