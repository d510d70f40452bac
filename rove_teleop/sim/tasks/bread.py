"""The bodies of the toaster task: a slice of bread, and a toaster whose slot is a real hole."""

from __future__ import annotations

import mujoco
import numpy as np

from ...types import Array
from .interface import FURNITURE_CONTACT, OBJECT_CONTACT, ROBOT_CONTACT

BREAD_HALF_M = np.array([0.05, 0.007, 0.05])
TOASTER_HALF_M = np.array([0.085, 0.055, 0.09])
SLOT_LENGTH_M, SLOT_DEPTH_M = 0.12, 0.10


def add_bread(spec: mujoco.MjSpec) -> None:
    """A free body named ``bread``."""
    bread = spec.worldbody.add_body(name="bread", pos=[0.0, 0.0, 1.0])
    bread.add_freejoint(name="bread")
    bread.add_geom(
        name="bread",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=BREAD_HALF_M,
        mass=0.06,
        rgba=[0.80, 0.56, 0.28, 1.0],
        friction=[0.35, 0.005, 0.0001],
        contype=OBJECT_CONTACT,
        conaffinity=0,
        solref=[0.006, 1.0],
    )


def add_toaster(spec: mujoco.MjSpec, slot_m: Array, slot_width_m: float) -> None:
    """A movable body named ``toaster``: four walls around the slot and a bottom; its origin is the slot's opening."""
    toaster = spec.worldbody.add_body(name="toaster", mocap=True, pos=slot_m)
    hx, hy, hz = TOASTER_HALF_M
    gap_x, gap_y = SLOT_LENGTH_M / 2, slot_width_m / 2
    steel, dark = [0.74, 0.16, 0.14, 1.0], [0.20, 0.20, 0.22, 1.0]
    floor_z = -(SLOT_DEPTH_M + 2 * hz) / 2
    walls = [
        ((0.0, (hy + gap_y) / 2, -hz), (hx, (hy - gap_y) / 2, hz), steel),
        ((0.0, -(hy + gap_y) / 2, -hz), (hx, (hy - gap_y) / 2, hz), steel),
        (((hx + gap_x) / 2, 0.0, -hz), ((hx - gap_x) / 2, gap_y, hz), dark),
        ((-(hx + gap_x) / 2, 0.0, -hz), ((hx - gap_x) / 2, gap_y, hz), dark),
        ((0.0, 0.0, floor_z), (gap_x, gap_y, hz - SLOT_DEPTH_M / 2), dark),
    ]
    for position_m, half_m, rgba in walls:
        toaster.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=position_m,
            size=half_m,
            rgba=rgba,
            friction=[0.35, 0.005, 0.0001],
            contype=FURNITURE_CONTACT,
            conaffinity=ROBOT_CONTACT | OBJECT_CONTACT,
            solref=[0.006, 1.0],
        )
