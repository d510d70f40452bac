"""The bodies of the whiteboard task: a leaning board with its ink, and an eraser.

The board's frame has its origin in the middle of the writing area, x to the right and y up along it as seen by the
robot, z towards the robot. The eraser's frame is parallel to it when the eraser lies flat with its length upright:
x up along the board, z away from it.
"""

from __future__ import annotations

import math

import mujoco
import numpy as np

from ...geometry import exp_so3, transform
from ...types import Array
from .ink import CELL_M
from .interface import FURNITURE_CONTACT, OBJECT_CONTACT, ROBOT_CONTACT

ERASER_HALF_M = np.array([0.03, 0.025, 0.015])
R_BOARD_ERASER = np.column_stack([(0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)])
_BOARD_HALF_M = np.array([0.20, 0.14, 0.01])
_NOMINAL_BOARD_M = np.array([0.46, -0.17, 0.27])
_LEAN_RAD = math.radians(35.0)
_FRAME_RGBA = [0.35, 0.38, 0.42, 1.0]
_INK_RGBA = [0.08, 0.12, 0.45, 0.0]


def board_pose(offset_m: Array, yaw_rad: float, tilt_rad: float) -> Array:
    """T_base_board: leaning back by the nominal lean plus a tilt, turned about the vertical."""
    lean = _LEAN_RAD + tilt_rad
    c, s = math.cos(lean), math.sin(lean)
    R_leaning = np.column_stack([(0.0, -1.0, 0.0), (s, 0.0, c), (-c, 0.0, s)])
    return transform(exp_so3(np.array([0.0, 0.0, yaw_rad])) @ R_leaning, _NOMINAL_BOARD_M + offset_m)


def add_board(spec: mujoco.MjSpec, ink_centres_m: Array) -> None:
    """A movable board named ``board``; ``ink_i`` is the transparent box of cell i, to be shown by its alpha."""
    board = spec.worldbody.add_body(name="board", mocap=True, pos=_NOMINAL_BOARD_M)
    hx, hy, hz = _BOARD_HALF_M
    board.add_geom(
        name="board",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[0.0, 0.0, -hz],
        size=[hx, hy, hz],
        rgba=[0.96, 0.97, 0.97, 1.0],
        friction=[0.25, 0.005, 0.0001],
        contype=FURNITURE_CONTACT,
        conaffinity=ROBOT_CONTACT | OBJECT_CONTACT,
        solref=[0.02, 1.0],
    )
    for position_m, half_m in (
        ((0.0, hy + 0.006, -hz), (hx + 0.012, 0.006, 0.014)),
        ((0.0, -hy - 0.006, -hz), (hx + 0.012, 0.006, 0.014)),
        ((hx + 0.006, 0.0, -hz), (0.006, hy, 0.014)),
        ((-hx - 0.006, 0.0, -hz), (0.006, hy, 0.014)),
    ):
        _add_decoration(board, position_m, half_m, _FRAME_RGBA)
    for x in (-0.7 * hx, 0.7 * hx):  # legs, down to the table
        _add_decoration(board, (x, -hy - 0.19, -hz - 0.09), (0.012, 0.19, 0.012), _FRAME_RGBA)
    for i, (x, y) in enumerate(ink_centres_m):
        half_m = (CELL_M / 2, CELL_M / 2, 0.0006)
        _add_decoration(board, (x, y, 0.0), half_m, _INK_RGBA, f"ink_{i}")


def add_eraser(spec: mujoco.MjSpec) -> None:
    """A free body named ``eraser``."""
    eraser = spec.worldbody.add_body(name="eraser", pos=[0.0, 0.0, 1.0])
    eraser.add_freejoint(name="eraser")
    eraser.add_geom(
        name="eraser",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=ERASER_HALF_M,
        mass=0.08,
        rgba=[0.90, 0.45, 0.10, 1.0],
        friction=[0.25, 0.005, 0.0001],
        contype=OBJECT_CONTACT,
        conaffinity=0,
        solref=[0.02, 1.0],
    )


def _add_decoration(
    body: mujoco.MjsBody, position_m: tuple[float, ...], half_m: tuple[float, ...], rgba: list[float], name: str = ""
) -> None:
    """A box that is seen but not touched."""
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=position_m,
        size=half_m,
        rgba=rgba,
        contype=0,
        conaffinity=0,
        group=1,
    )
