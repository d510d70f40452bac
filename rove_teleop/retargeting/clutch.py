"""How the operator's hand and the robot's wrist belong together: absolute, or relative to where both once were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np

from ..geometry import is_rigid, transform
from ..types import SIDES, Array, OperatorFrame, Side

Mode = Literal["anchored", "absolute"]
MODES: tuple[str, ...] = get_args(Mode)
FARTHEST_M = 100.0
"""A hand farther away than this is no hand."""


class Clutch:
    """Wrist goals in the robot's base frame from an operator's frames.

    anchored: ``anchor`` latches where hand and wrist are; from then on the wrist moves and turns as the hand does, with
    positions times ``scale``. A still operator is a still robot. A side that was not tracked at ``anchor`` has no goal
    until the next one, so a hand that comes back never moves the robot by itself.

    absolute: the wrist is where the hand is, T_base_wrist = T_base_world T_world_wrist. ``anchor`` latches only what
    puts the two worlds together: the mean offset between hands and wrists, turned by nothing.
    """

    def __init__(self, mode: Mode, scale: float = 1.0) -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
        if not 0.05 <= scale <= 20.0:
            raise ValueError(f"scale must be between 0.05 and 20, got {scale}")
        self.mode = mode
        self.scale = scale
        self.T_base_world: Array | None = None
        self._hand_at: dict[Side, Array] = {}
        self._wrist_at: dict[Side, Array] = {}
        self._elbow_at: dict[Side, tuple[Array, Array]] = {}
        self._head_at: Array | None = None
        self._robot_head_at: Array | None = None

    def latched(self, side: Side) -> bool:
        """True when this side has a goal whenever it is tracked."""
        return side in self._hand_at or self.T_base_world is not None

    def anchor(
        self,
        frame: OperatorFrame,
        T_base_wrist_by_side: Mapping[Side, Array],
        T_base_head: Array | None = None,
        elbow_m_by_side: Mapping[Side, Array] | None = None,
    ) -> None:
        """Latch the operator's tracked parts and the robot's wrists (4, 4), head and elbows (3,) as they are now."""
        tracked = {side: frame.hand(side).T_world_wrist for side in SIDES if side in T_base_wrist_by_side}
        self._hand_at = {side: T.copy() for side, T in tracked.items() if T is not None and _usable(T)}
        self._wrist_at = {side: T_base_wrist_by_side[side].copy() for side in self._hand_at}
        elbows = {side: frame.hand(side).elbow_m for side in elbow_m_by_side or {}}
        self._elbow_at = {
            side: (elbow_m.copy(), (elbow_m_by_side or {})[side].copy())
            for side, elbow_m in elbows.items()
            if elbow_m is not None and _near(elbow_m)
        }
        head = frame.T_world_head
        self._head_at = head if head is not None and _usable(head) else None
        self._robot_head_at = T_base_head
        if self.mode == "absolute" and self._hand_at:
            offsets = [self._wrist_at[s][:3, 3] - self.scale * self._hand_at[s][:3, 3] for s in self._hand_at]
            self.T_base_world = transform(np.eye(3), np.mean(offsets, axis=0))

    def latch(self, side: Side, T_world_hand: Array, T_base_wrist: Array) -> None:
        """Tie a pose (4, 4) of the operator's world to one of the robot's base frame, for a known calibration."""
        self._hand_at[side], self._wrist_at[side] = T_world_hand.copy(), T_base_wrist.copy()
        self._elbow_at[side] = T_world_hand[:3, 3].copy(), T_base_wrist[:3, 3].copy()

    def wrist_goals(self, frame: OperatorFrame) -> dict[Side, Array]:
        """T_base_wrist (4, 4) of every side that is tracked now and has been latched."""
        goals: dict[Side, Array] = {}
        for side in SIDES:
            T_world_wrist = frame.hand(side).T_world_wrist
            if T_world_wrist is None or not _usable(T_world_wrist):
                continue
            if self.mode == "absolute" and self.T_base_world is not None:
                goals[side] = self._absolute(T_world_wrist, self.T_base_world)
            elif self.mode == "anchored" and side in self._hand_at:
                goals[side] = self._relative(T_world_wrist, self._hand_at[side], self._wrist_at[side])
        return goals

    def elbow_hints(self, frame: OperatorFrame) -> dict[Side, Array]:
        """Points (3,) in the base frame where elbows should be, of every side whose elbow is tracked and latched."""
        hints: dict[Side, Array] = {}
        for side, (world_m, base_m) in self._elbow_at.items():
            elbow_m = frame.hand(side).elbow_m
            if elbow_m is not None and _near(elbow_m):
                hints[side] = base_m + self.scale * (elbow_m - world_m)
        return hints

    def head_goal(self, frame: OperatorFrame) -> Array | None:
        """T_base_head (4, 4) whose rotation follows the operator's head since ``anchor``; None when it is not known."""
        if self._head_at is None or self._robot_head_at is None:
            return None
        if frame.T_world_head is None or not _usable(frame.T_world_head):
            return None
        return self._relative(frame.T_world_head, self._head_at, self._robot_head_at)

    def _absolute(self, T_world_wrist: Array, T_base_world: Array) -> Array:
        rotation = T_base_world[:3, :3]
        position = T_base_world[:3, 3] + self.scale * (rotation @ T_world_wrist[:3, 3])
        return transform(rotation @ T_world_wrist[:3, :3], position)

    def _relative(self, T_world_now: Array, T_world_at: Array, T_base_at: Array) -> Array:
        # Turned in the world, not in the hand: what looks like yaw to the operator is yaw of the robot, however the
        # device defines the axes of a wrist.
        turned = T_world_now[:3, :3] @ T_world_at[:3, :3].T
        moved_m = self.scale * (T_world_now[:3, 3] - T_world_at[:3, 3])
        return transform(turned @ T_base_at[:3, :3], T_base_at[:3, 3] + moved_m)


def _usable(T_world_part: Array) -> bool:
    return is_rigid(T_world_part) and _near(T_world_part[:3, 3])


def _near(point_m: Array) -> bool:
    return bool(np.all(np.abs(point_m) <= FARTHEST_M))
