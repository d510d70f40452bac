"""Erase the whiteboard: random strokes on a leaning board that must be wiped with enough, but not too much, force.

Frames are those of ``board.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import mujoco
import numpy as np

from ...errors import UsageError
from ...geometry import inverse, log_so3, matrix_to_quat, transform
from ...types import Array
from .board import ERASER_HALF_M, R_BOARD_ERASER, add_board, add_eraser, board_pose
from .ink import COLUMNS, ROWS, Ink, draw_strokes
from .interface import (
    Outcome,
    Task,
    TaskParams,
    body_pose,
    pose_features,
    pose_names,
)

SUCCESS_REMAINING = 0.05
_HOVER_M = 0.06
_T_ERASER_FLAT = transform(R_BOARD_ERASER.T, np.zeros(3))
"""The eraser in the orientation that features call "not turned"."""
_R_NOMINAL_BASE = board_pose(np.zeros(3), 0.0, 0.0)[:3, :3].T


@dataclass(frozen=True, kw_only=True)
class WhiteboardParams(TaskParams):
    """Erasing starts at ``force_min_n``, is full at ``force_full_n``; ``force_limit_n`` ends the episode.

    ``wipe_per_m`` is the share of a cell's ink that a metre of well pressed wiping takes.
    """

    position_spread_m: float = 0.065
    yaw_spread_rad: float = math.radians(17.0)
    in_hand_spread_m: float = 0.006
    in_hand_spread_rad: float = math.radians(5.0)
    bias_position_m: float = 0.002
    bias_yaw_rad: float = math.radians(1.0)
    hold_force_limit_n: float = 80.0
    time_limit_s: float = 25.0
    tilt_spread_rad: float = math.radians(11.0)
    coverage: tuple[float, float] = (0.15, 0.30)
    force_min_n: float = 2.0
    force_full_n: float = 8.0
    force_limit_n: float = 60.0
    tilt_limit_rad: float = math.radians(12.0)
    wipe_per_m: float = 40.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0.0 < self.coverage[0] <= self.coverage[1] <= 1.0):
            raise UsageError(f"coverage is {self.coverage}, not an interval within 0 to 1")
        if not (self.force_min_n < self.force_full_n < self.force_limit_n):
            raise UsageError("forces must grow: force_min_n < force_full_n < force_limit_n")
        if not (self.tilt_limit_rad > 0.0):
            raise UsageError("tilt_limit_rad must be positive")

    @classmethod
    def demonstration(cls) -> WhiteboardParams:
        """Narrower than deployment, and seen without error."""
        return cls(
            position_spread_m=0.012,
            yaw_spread_rad=math.radians(3.0),
            in_hand_spread_m=0.003,
            in_hand_spread_rad=math.radians(2.5),
            bias_position_m=0.0,
            bias_yaw_rad=0.0,
            tilt_spread_rad=math.radians(2.0),
        )

    @classmethod
    def full(cls) -> WhiteboardParams:
        """Deployment of the task in full: stand and board share the table, and it takes longer."""
        return cls(
            position_spread_m=0.03,
            yaw_spread_rad=math.radians(10.0),
            tilt_spread_rad=math.radians(6.0),
            time_limit_s=40.0,
            form="full",
        )

    @classmethod
    def full_demonstration(cls) -> WhiteboardParams:
        """Narrower, and seen without error."""
        return replace(cls.demonstration(), time_limit_s=40.0, form="full")


class WhiteboardTask(Task):
    """See the module. Pressing above ``force_limit_n`` fails the episode, as does an eraser torn from the hand."""

    name = "whiteboard"
    instruction = "erase the whiteboard"
    held_object = "eraser"
    fingers_rad: ClassVar[dict[str, float]] = {
        "thumb_abduction": 0.25,
        "thumb_proximal": 0.1,
        "thumb_distal": 0.1,
        **{f"{finger}_proximal": 0.1 for finger in ("index", "middle", "ring", "little")},
        **{f"{finger}_distal": 0.1 for finger in ("index", "middle", "ring", "little")},
    }
    feature_names = (
        *pose_names("eraser_on_board"),
        *pose_names("board"),
        *pose_names("eraser"),
        "normal_force_n",
        "target_x_m",
        "target_y_m",
        "to_target_x_m",
        "to_target_y_m",
        "ink_remaining",
        *(f"ink_{row}_{column}" for row in range(ROWS // 2) for column in range(COLUMNS // 2)),
        *pose_names("true_eraser_on_board"),
    )

    def __init__(self, params: WhiteboardParams | None = None) -> None:
        self.params: WhiteboardParams = params or WhiteboardParams()
        self.T_hand_object = transform(np.eye(3), np.array([0.085, 0.0, -0.028]))
        above = transform(R_BOARD_ERASER, np.array([0.0, 0.0, ERASER_HALF_M[2] + _HOVER_M]))
        self.T_base_wrist_start = board_pose(np.zeros(3), 0.0, 0.0) @ above @ inverse(self.T_hand_object)
        self.ink = Ink()
        self._T_board_base = self._T_base_board_seen = np.eye(4)
        self._T_board_eraser = np.eye(4)
        self._normal_force_n = 0.0
        self._failure: str | None = None

    def add_to(self, spec: mujoco.MjSpec) -> None:
        add_board(spec, self.ink.centres_m)
        add_eraser(spec)

    def bind(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._eraser = model.body("eraser").id
        self._mocap = int(model.body("board").mocapid[0])
        self._geoms = sorted((model.geom("eraser").id, model.geom("board").id))
        self._ink_geoms = np.array([model.geom(f"ink_{i}").id for i in range(COLUMNS * ROWS)])

    def reset(self, rng: np.random.Generator, data: mujoco.MjData) -> None:
        p = self.params
        offset_m = rng.uniform(-p.position_spread_m, p.position_spread_m, 3)
        yaw_rad = rng.uniform(-p.yaw_spread_rad, p.yaw_spread_rad)
        tilt_rad = rng.uniform(-p.tilt_spread_rad, p.tilt_spread_rad)
        bias_m = rng.uniform(-p.bias_position_m, p.bias_position_m, 3)
        bias_yaw_rad = rng.uniform(-p.bias_yaw_rad, p.bias_yaw_rad)
        self.ink.reset(draw_strokes(rng, rng.uniform(*p.coverage)))
        T_base_board = board_pose(offset_m, yaw_rad, tilt_rad)
        self._T_board_base = inverse(T_base_board)
        self._T_base_board_seen = board_pose(offset_m + bias_m, yaw_rad + bias_yaw_rad, tilt_rad)
        self._normal_force_n = 0.0
        self._failure = None
        self._last_m: Array | None = None
        data.mocap_pos[self._mocap] = T_base_board[:3, 3]
        data.mocap_quat[self._mocap] = matrix_to_quat(T_base_board[:3, :3])

    def stages(self, rng: np.random.Generator) -> dict[str, Array]:
        """Before the ink, and there with part of it wiped away."""
        before_m = np.array([*(rng.uniform(-0.03, 0.03, 2)), ERASER_HALF_M[2] + rng.uniform(0.02, 0.05)])
        before_m[:2] += self.ink.target_m(np.zeros(2))
        T_base_eraser = inverse(self._T_board_base) @ transform(R_BOARD_ERASER, before_m)
        return {"at the board": T_base_eraser, "half erased": T_base_eraser}

    def advance_to(self, stage: str, rng: np.random.Generator) -> None:
        """Half erased: whatever lies to one side of a random line through the ink is gone."""
        if stage == "half erased":
            across = self.ink.centres_m @ rng.normal(size=2)
            inked = self.ink.amount > 0.0
            gone = np.zeros(len(across), dtype=np.bool_)
            gone[inked] = across[inked] <= np.quantile(across[inked], rng.uniform(0.3, 0.7))
            self.ink.erase(gone, 1.0)

    def update(self, data: mujoco.MjData, dt_s: float, hold_force_n: Array) -> None:
        force_n = self._contact_force_n(data)
        self._normal_force_n += (force_n - self._normal_force_n) * min(1.0, dt_s / 0.02)
        self._T_board_eraser = self._T_board_base @ body_pose(data, self._eraser)
        self._wipe(dt_s)
        if self._normal_force_n > self.params.force_limit_n:
            self._failure = "pressed too hard on the board"

    def _contact_force_n(self, data: mujoco.MjData) -> float:
        total_n, force = 0.0, np.zeros(6)
        for i, geoms in enumerate(data.contact.geom.tolist()):
            if sorted(geoms) == self._geoms:
                mujoco.mj_contactForce(self._model, data, i, force)
                total_n += float(force[0])
        return total_n

    def _wipe(self, dt_s: float) -> None:
        """Ink goes with distance wiped, scaled by pressure; a tilted eraser touches with an edge and takes nothing."""
        p, position_m = self.params, self._T_board_eraser[:2, 3]
        step_m = np.zeros(2) if self._last_m is None else position_m - self._last_m
        self._last_m = position_m
        pressure = min((self._normal_force_n - p.force_min_n) / (p.force_full_n - p.force_min_n), 1.0)
        flatness = 1.0 - min(1.0, self._tilt_rad() / p.tilt_limit_rad)
        if pressure <= 0.0 or flatness <= 0.0:
            return
        strength = p.wipe_per_m * min(math.sqrt(step_m @ step_m), 0.5 * dt_s) * pressure * flatness
        if strength > 0.0:
            beside_m: Array = np.abs((self.ink.centres_m - position_m) @ self._T_board_eraser[:2, :2])
            self.ink.erase(np.all(beside_m <= ERASER_HALF_M[:2], axis=1), strength)

    def _tilt_rad(self) -> float:
        return float(np.arccos(min(max(self._T_board_eraser[2, 2], -1.0), 1.0)))

    def features(self, data: mujoco.MjData) -> Array:
        T_base_eraser, seen = body_pose(data, self._eraser), self._T_base_board_seen
        on_board = inverse(seen) @ T_base_eraser @ _T_ERASER_FLAT
        truly = self._T_board_eraser @ _T_ERASER_FLAT
        target_m = self.ink.target_m(self._T_board_eraser[:2, 3])
        return np.concatenate(
            [
                pose_features(on_board),
                seen[:3, 3],
                log_so3(seen[:3, :3] @ _R_NOMINAL_BASE),
                pose_features(T_base_eraser),
                [self._normal_force_n],
                target_m,
                target_m - on_board[:2, 3],
                [self.ink.remaining],
                self.ink.coarse(),
                pose_features(truly),
            ]
        )

    @property
    def failure(self) -> str | None:
        return self._failure

    def outcome(self) -> Outcome:
        done = self.ink.remaining < SUCCESS_REMAINING
        return Outcome(1.0 - self.ink.remaining, done and self._failure is None, self._failure)

    def render_state(self) -> Array:
        return self.ink.amount.copy()

    def show(self, model: mujoco.MjModel, render_state: Array) -> None:
        model.geom_rgba[self._ink_geoms, 3] = 0.85 * render_state
