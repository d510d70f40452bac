"""A robot's joints and sites as plain arrays, for solvers that need thousands of kinematics per second.

Read once from the model; ``Kinematics`` is the reference that it agrees with (tests/retargeting/test_chain.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from ..geometry import inverse, transform
from ..types import Array
from .description import RobotDescription
from .model import compile_model


@dataclass(frozen=True, slots=True)
class Tree:
    """Hinge joints as links in an order in which a parent precedes its children, and sites fixed to links.

    The frame of link i is its parent's frame (the root for -1) moved by ``T_parent_link[i]`` (4, 4) and then turned by
    q[i] about ``axis[i]`` (3,). A site is ``T_link_site`` (4, 4) on ``site_link`` (-1: fixed to the root). ``joints``
    (m,) says which joint of the robot each link is.
    """

    joints: NDArray[np.int64]
    parent: NDArray[np.int64]
    T_parent_link: Array
    axis: Array
    sites: tuple[str, ...]
    site_link: NDArray[np.int64]
    T_link_site: Array

    @property
    def moves(self) -> NDArray[np.bool_]:
        """(sites, links): whether a link's joint moves a site."""
        table = np.zeros((len(self.sites), len(self.joints)), dtype=np.bool_)
        for row, link in zip(table, self.site_link, strict=True):
            while link >= 0:
                row[link] = True
                link = self.parent[link]
        return table


def read_tree(robot: RobotDescription, sites: Sequence[str], root: str | None = None) -> Tree:
    """The joints that move any of ``sites`` against ``root``, a site (None: the base of the robot).

    Raises:
        KeyError: a site that the model does not have.
        ValueError: ``root`` is not fixed to a body from which all sites hang.
    """
    model = compile_model(robot.model_path)
    joint_index = {model.joint(name).id: robot.index(name) for name in robot.joint_names}
    base = 0 if root is None else int(model.site(root).bodyid[0])
    links: list[int] = []  # MuJoCo joint ids, parents first
    T_root = np.eye(4) if root is None else inverse(_pose(model.site_pos, model.site_quat, model.site(root).id))
    parents, transforms, axes = [], [], []
    at_body: dict[int, tuple[int, Array]] = {base: (-1, T_root)}  # body: its last link, and the body's frame on it

    def place(body: int) -> tuple[int, Array]:
        """The link that carries a body and T_link_body, adding the links above it first."""
        if body in at_body:
            return at_body[body]
        if body == 0:
            raise ValueError(f"a site does not hang from the body of {root!r}")
        link, T_link_body = place(int(model.body_parentid[body]))
        T_link_body = T_link_body @ _pose(model.body_pos, model.body_quat, body)
        first = int(model.body_jntadr[body])
        for joint in range(first, first + int(model.body_jntnum[body])):
            anchor = transform(np.eye(3), model.jnt_pos[joint])
            parents.append(link)
            transforms.append(T_link_body @ anchor)
            axes.append(model.jnt_axis[joint].copy())
            links.append(joint)
            link, T_link_body = len(links) - 1, inverse(anchor)
        at_body[body] = link, T_link_body
        return at_body[body]

    on_link = [place(int(model.site(site).bodyid[0])) for site in sites]
    return Tree(
        joints=np.array([joint_index[joint] for joint in links], dtype=np.int64),
        parent=np.array(parents, dtype=np.int64),
        T_parent_link=np.array(transforms).reshape(-1, 4, 4),
        axis=np.array(axes).reshape(-1, 3),
        sites=tuple(sites),
        site_link=np.array([link for link, _ in on_link], dtype=np.int64),
        T_link_site=np.array(
            [
                T @ _pose(model.site_pos, model.site_quat, model.site(s).id)
                for s, (_, T) in zip(sites, on_link, strict=True)
            ]
        ).reshape(-1, 4, 4),
    )


def _pose(positions: Array, quaternions: Array, i: int) -> Array:
    """(4, 4) of one row of a model's positions and (w, x, y, z) quaternions."""
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, quaternions[i])
    return transform(rotation.reshape(3, 3), positions[i])
