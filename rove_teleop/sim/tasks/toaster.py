"""Put the bread into the toaster: a tight slot at a random pose; the bread slips in the hand and jams like bread.

Frames: ``slot`` has its origin in the middle of the slot's opening, x along the slot, z up. The bread's frame is in its
middle, x along its length, y through its thickness, z up; it is upright in the slot when the two frames are parallel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import mujoco
import numpy as np

from ...errors import UsageError
from ...geometry import exp_so3, inverse, transform
from ...types import Array
from .bread import BREAD_HALF_M, SLOT_LENGTH_M, TOASTER_HALF_M, add_bread, add_toaster
from .interface import Outcome, Task, TaskParams, body_pose, pose_features, pose_names

SUCCESS_DEPTH_M = 0.045
_NOMINAL_SLOT_M = np.array([0.43, -0.20, -0.04])
_HAND_PITCH_RAD = math.radians(20.0)
_HOVER_M = 0.09


@dataclass(frozen=True, kw_only=True)
class ToasterParams(TaskParams):
    """``slot_width_m`` leaves room around bread of 14 mm."""

    position_spread_m: float = 0.085
    yaw_spread_rad: float = math.radians(25.0)
    in_hand_spread_m: float = 0.008
    in_hand_spread_rad: float = math.radians(7.0)
    bias_position_m: float = 0.002
    bias_yaw_rad: float = math.radians(1.0)
    hold_force_limit_n: float = 60.0
    time_limit_s: float = 15.0
    slot_width_m: float = 0.019

    def __post_init__(self) -> None:
        super().__post_init__()
        thick_m, outer_m = 2.0 * BREAD_HALF_M[1], 2.0 * TOASTER_HALF_M[1]
        if not (thick_m < self.slot_width_m < outer_m):
            raise UsageError(f"slot_width_m is {self.slot_width_m:g}, outside {thick_m:g} (bread) to {outer_m:g}")

    @classmethod
    def demonstration(cls) -> ToasterParams:
        """Narrower than deployment, and seen without error."""
        return cls(
            position_spread_m=0.03,
            yaw_spread_rad=math.radians(10.0),
            in_hand_spread_m=0.004,
            in_hand_spread_rad=math.radians(4.0),
            bias_position_m=0.0,
            bias_yaw_rad=0.0,
        )

    @classmethod
    def full(cls) -> ToasterParams:
        """Deployment of the task in full: rack and toaster share the table, and it takes longer."""
        return cls(position_spread_m=0.04, yaw_spread_rad=math.radians(14.0), time_limit_s=30.0, form="full")

    @classmethod
    def full_demonstration(cls) -> ToasterParams:
        """Narrower, and seen without error."""
        narrow = replace(cls.demonstration(), position_spread_m=0.02, yaw_spread_rad=math.radians(7.0))
        return replace(narrow, time_limit_s=30.0, form="full")


class ToasterTask(Task):
    """See the module. The grasp lets go above ``hold_force_limit_n``: bread that jams is bread that drops."""

    name = "toaster"
    instruction = "put the bread into the toaster"
    held_object = "bread"
    fingers_rad: ClassVar[dict[str, float]] = {
        "thumb_abduction": 0.75,
        "thumb_proximal": 0.15,
        "thumb_distal": 0.1,
        **{f"{finger}_proximal": 0.06 for finger in ("index", "middle", "ring", "little")},
        **{f"{finger}_distal": 0.04 for finger in ("index", "middle", "ring", "little")},
    }
    feature_names = (
        *pose_names("bread_in_slot"),
        *(f"slot_{axis}" for axis in ("x_m", "y_m", "z_m", "yaw_rad")),
        *pose_names("bread"),
        "force_x_n",
        "force_y_n",
        "force_z_n",
        *pose_names("true_bread_in_slot"),
    )

    def __init__(self, params: ToasterParams | None = None) -> None:
        self.params: ToasterParams = params or ToasterParams()
        c, s = math.cos(_HAND_PITCH_RAD), math.sin(_HAND_PITCH_RAD)
        R_base_wrist = np.column_stack([(c, 0.0, -s), (s, 0.0, c), (0.0, -1.0, 0.0)])  # fingers forward and down
        grip_m = np.array([0.15, 0.0, -0.017])
        self.T_hand_object = transform(R_base_wrist.T, grip_m + R_base_wrist.T @ [0.02, 0.0, -0.058])
        hover = transform(np.eye(3), _NOMINAL_SLOT_M + np.array([-0.02, 0.0, BREAD_HALF_M[2] + _HOVER_M]))
        self.T_base_wrist_start = hover @ inverse(self.T_hand_object)
        self._T_slot_base = self._T_base_slot_seen = np.eye(4)
        self._force_n = np.zeros(3)
        self._T_slot_bread = np.eye(4)

    def add_to(self, spec: mujoco.MjSpec) -> None:
        add_toaster(spec, _NOMINAL_SLOT_M, self.params.slot_width_m)
        add_bread(spec)

    def bind(self, model: mujoco.MjModel) -> None:
        self._bread = model.body("bread").id
        self._mocap = int(model.body("toaster").mocapid[0])

    def reset(self, rng: np.random.Generator, data: mujoco.MjData) -> None:
        p = self.params
        offset_m = rng.uniform(-p.position_spread_m, p.position_spread_m, 3) * [1.0, 1.0, 0.0]
        yaw_rad = rng.uniform(-p.yaw_spread_rad, p.yaw_spread_rad)
        bias_m = rng.uniform(-p.bias_position_m, p.bias_position_m, 3)
        bias_yaw_rad = rng.uniform(-p.bias_yaw_rad, p.bias_yaw_rad)
        position_m = _NOMINAL_SLOT_M + offset_m
        self._T_slot_base = inverse(transform(exp_so3(np.array([0.0, 0.0, yaw_rad])), position_m))
        self._T_base_slot_seen = transform(exp_so3(np.array([0.0, 0.0, yaw_rad + bias_yaw_rad])), position_m + bias_m)
        self._seen_yaw_rad = yaw_rad + bias_yaw_rad
        self._force_n = np.zeros(3)
        data.mocap_pos[self._mocap] = position_m
        data.mocap_quat[self._mocap] = [math.cos(yaw_rad / 2), 0.0, 0.0, math.sin(yaw_rad / 2)]

    def stages(self, rng: np.random.Generator) -> dict[str, Array]:
        """Above the slot, and with the lower edge in it."""
        above_m = rng.uniform([-0.012, -0.006, 0.055], [0.012, 0.006, 0.08])
        inside_m = np.array([0.0, 0.0, BREAD_HALF_M[2] - rng.uniform(0.005, 0.02)])
        T_base_slot = inverse(self._T_slot_base)
        return {
            "above the goal": T_base_slot @ transform(np.eye(3), above_m),
            "half in": T_base_slot @ transform(np.eye(3), inside_m),
        }

    def update(self, data: mujoco.MjData, dt_s: float, hold_force_n: Array) -> None:
        self._force_n += (hold_force_n - self._force_n) * min(1.0, dt_s / 0.02)
        self._T_slot_bread = self._T_slot_base @ body_pose(data, self._bread)

    def features(self, data: mujoco.MjData) -> Array:
        T_base_bread = body_pose(data, self._bread)
        seen = self._T_base_slot_seen
        return np.concatenate(
            [
                pose_features(inverse(seen) @ T_base_bread),
                [*seen[:3, 3], self._seen_yaw_rad],
                pose_features(T_base_bread),
                seen[:3, :3].T @ self._force_n,
                pose_features(self._T_slot_bread),
            ]
        )

    @property
    def failure(self) -> str | None:
        return None

    def _bottom_m(self) -> Array:
        bottom_m: Array = self._T_slot_bread @ np.array([0.0, 0.0, -BREAD_HALF_M[2], 1.0])
        return bottom_m

    @property
    def depth_m(self) -> float:
        """How deep the bread's lower edge is in the slot; 0 beside it, negative above it."""
        bottom_m = self._bottom_m()
        inside = abs(bottom_m[1]) <= self.params.slot_width_m / 2 and abs(bottom_m[0]) <= SLOT_LENGTH_M / 2
        return -float(bottom_m[2]) if inside else 0.0

    def outcome(self) -> Outcome:
        bottom_m, depth_m = self._bottom_m(), self.depth_m
        distance_m = math.sqrt(bottom_m[:3] @ bottom_m[:3]) if depth_m <= 0.0 else 0.0
        approach = 1.0 - min(1.0, distance_m / 0.25)
        inserted = min(1.0, max(0.0, depth_m / SUCCESS_DEPTH_M))
        return Outcome(0.4 * approach + 0.6 * inserted, depth_m >= SUCCESS_DEPTH_M, None)
