"""Where objects wait to be grasped: a rack in which a slice of bread stands, a stand on which an eraser lies.

Hands pass through both: what is asked of a hand here is to grasp, not to find a way around a rack.
"""

from __future__ import annotations

import mujoco

from ...types import Array
from .board import ERASER_HALF_M
from .bread import BREAD_HALF_M
from .interface import FURNITURE_CONTACT, OBJECT_CONTACT

_TABLE_TOP_M = -0.22
_WALL_HALF_M = 0.004
_ROOM_M = 0.002
"""Room on each side of the bread in its rack."""
_RACK_HEIGHT_M = 0.035
_WOOD, _STEEL = [0.55, 0.40, 0.26, 1.0], [0.60, 0.62, 0.66, 1.0]


def add_rack(spec: mujoco.MjSpec, bread_m: Array) -> None:
    """A movable rack named ``rack`` under bread whose middle is at ``bread_m``; that is the rack's origin, too."""
    rack = spec.worldbody.add_body(name="rack", mocap=True, pos=bread_m)
    half_x, half_y = BREAD_HALF_M[0] + _ROOM_M, BREAD_HALF_M[1] + _ROOM_M
    bottom = -float(BREAD_HALF_M[2])
    high = _RACK_HEIGHT_M / 2
    for sign in (-1.0, 1.0):
        side = (0.0, sign * (half_y + _WALL_HALF_M), bottom + high), (half_x, _WALL_HALF_M, high)
        end = (sign * (half_x + _WALL_HALF_M), 0.0, bottom + high), (_WALL_HALF_M, half_y + 2 * _WALL_HALF_M, high)
        _add_box(rack, *side, _STEEL)
        _add_box(rack, *end, _STEEL)
    _add_pedestal(rack, bottom, (half_x + 2 * _WALL_HALF_M, half_y + 2 * _WALL_HALF_M), float(bread_m[2]))


def add_stand(spec: mujoco.MjSpec, eraser_m: Array) -> None:
    """A movable stand named ``stand`` under an eraser whose middle is at ``eraser_m``; that is its origin, too."""
    stand = spec.worldbody.add_body(name="stand", mocap=True, pos=eraser_m)
    half_m = float(ERASER_HALF_M[0]) + 0.01, float(ERASER_HALF_M[1]) + 0.01
    _add_pedestal(stand, -float(ERASER_HALF_M[2]), half_m, float(eraser_m[2]))


def _add_pedestal(body: mujoco.MjsBody, top: float, half_m: tuple[float, float], origin_z_m: float) -> None:
    """From ``top`` in the body's frame down to the table."""
    high = (origin_z_m + top - _TABLE_TOP_M) / 2
    _add_box(body, (0.0, 0.0, top - high), (*half_m, high), _WOOD)


def _add_box(body: mujoco.MjsBody, position_m: tuple[float, ...], half_m: tuple[float, ...], rgba: list[float]) -> None:
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=position_m,
        size=half_m,
        rgba=rgba,
        friction=[0.35, 0.005, 0.0001],
        contype=FURNITURE_CONTACT,
        conaffinity=OBJECT_CONTACT,
        solref=[0.006, 1.0],
    )
