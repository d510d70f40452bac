"""Capsules of a robot's model that should stay apart, as its configuration lists them, and where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco
import numpy as np
from numpy.typing import NDArray

from ..config import Section
from ..geometry import inverse, transform
from ..types import Array
from .model import compile_model

if TYPE_CHECKING:
    from .description import RobotDescription
    from .tree import Tree

FARTHEST_MARGIN_M = 0.2


@dataclass(frozen=True, slots=True)
class SelfCollision:
    """Pairs of the model's capsules, by the names of their geoms, that stay at least ``margin_m`` apart."""

    margin_m: float
    pairs: tuple[tuple[str, str], ...]

    @property
    def capsules(self) -> tuple[str, ...]:
        """Every capsule of a pair, once."""
        return tuple(dict.fromkeys(name for pair in self.pairs for name in pair))


def read_self_collision(section: Section, model: mujoco.MjModel) -> SelfCollision:
    """Check the ``self_collision`` section of a robot file against its model.

    Raises:
        ConfigInvalid: a name that is no capsule of the model, or a margin outside 0 to 0.2 m.
    """
    margin_m = section.number("margin_m", 0.0, FARTHEST_MARGIN_M)
    pairs_section = section.section("pairs")
    pairs = [(first, second) for first in pairs_section.keys() for second in pairs_section.texts(first)]
    for first, second in pairs:
        for name in (first, second):
            geom = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, name)
            if geom < 0 or int(model.geom_type[geom]) != int(mujoco.mjtGeom.mjGEOM_CAPSULE):
                raise pairs_section.error(first, f"names {name!r}, which is no capsule geom of the model")
    section.done()
    return SelfCollision(margin_m, tuple(pairs))


def read_capsules(robot: RobotDescription, tree: Tree, names: tuple[str, ...]) -> tuple[NDArray[np.int64], Array]:
    """Link of ``tree`` that carries each capsule (c,), -1 for the base, and its shape (c, 7): two ends, radius.

    A capsule that hangs from a joint outside of the tree counts as fixed to the link above it.
    """
    model = compile_model(robot.model_path)
    data = mujoco.MjData(model)
    data.qpos[:] = 0.0
    mujoco.mj_kinematics(model, data)
    T_base_link = np.zeros((len(tree.joints), 4, 4))  # at zero angles
    for i, parent in enumerate(tree.parent):
        T_base_link[i] = tree.T_parent_link[i] if parent < 0 else T_base_link[parent] @ tree.T_parent_link[i]
    row = {robot.joint_names[j]: i for i, j in enumerate(tree.joints)}
    links, shapes = [], []
    for name in names:
        geom = model.geom(name).id
        link = _link_of(model, int(model.geom_bodyid[geom]), row)
        T_base_geom = transform(data.geom_xmat[geom].reshape(3, 3), data.geom_xpos[geom])
        T_link_geom = T_base_geom if link < 0 else inverse(T_base_link[link]) @ T_base_geom
        radius_m, half_m = model.geom_size[geom, :2]
        ends = [T_link_geom[:3, 3] + sign * half_m * T_link_geom[:3, 2] for sign in (-1.0, 1.0)]
        links.append(link)
        shapes.append(np.concatenate([*ends, [radius_m]]))
    return np.array(links, dtype=np.int64), np.array(shapes).reshape(-1, 7)


def _link_of(model: mujoco.MjModel, body: int, row: dict[str, int]) -> int:
    """The link of the closest joint above a body that is in the tree; -1 for none."""
    while body != 0:
        first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
        for joint in range(first + count - 1, first - 1, -1):
            if model.joint(joint).name in row:
                return row[model.joint(joint).name]
        body = int(model.body_parentid[body])
    return -1
