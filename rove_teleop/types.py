"""The values that the stages pass to each other. Frozen, named by unit and frame, free of behaviour.

Frames: ``base`` is the robot's base (x forward, y left, z up, metres, REP 103). ``world`` of an operator is the
tracking space turned to the same axes. A wrist frame has x along the fingers, z out of the back of the hand and
y = z cross x, for both hands. ``T_a_b`` is the (4, 4) homogeneous transform that takes coordinates in b to a.
Stamps are seconds of the receiver's monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")


class Phase(IntEnum):
    """What a tick is for a trainer. The numbers are stored in episodes and never change."""

    AUTONOMOUS = 0
    ADAPTATION = 1
    RECOVERY = 2
    PAUSED = 3
    REWIND = 4
    UNLABELLED = 255


class Authority(IntEnum):
    """Who computed the command that was sent."""

    HOLD = 0
    POLICY = 1
    HUMAN = 2
    STOP = 3
    REWIND = 4


class Reason(IntFlag):
    """Why a joint's command differs from what was asked, one bit each (stored per joint and tick)."""

    NONE = 0
    TARGET_NOT_FINITE = 1
    TARGET_OUTSIDE_POSITION = 2
    LIMITED_VELOCITY = 4
    LIMITED_ACCELERATION = 8
    LIMITED_JERK = 16
    BRAKING_FOR_POSITION = 32
    NO_TARGET = 64
    HOLDING = 128
    CHECK_FAILED = 256
    LIMITED_BY_HAND = 512


HAND_POINTS: tuple[str, ...] = (
    "wrist",
    *(f"thumb_{part}" for part in ("cmc", "mcp", "ip", "tip")),
    *(f"{finger}_{part}" for finger in ("index", "middle", "ring", "little") for part in ("mcp", "pip", "dip", "tip")),
)
"""The 21 points every hand device can deliver, in this order (the common subset of OpenXR, WebXR and gloves)."""


@dataclass(frozen=True, slots=True)
class RobotState:
    """Measured joints. ``q_rad`` and ``dq_rad_s`` are (n,), in the order of the robot description."""

    stamp_s: float
    q_rad: Array
    dq_rad_s: Array


@dataclass(frozen=True, slots=True)
class HandFrame:
    """One tracked hand: wrist pose in the operator's world, finger points (21, 3) in metres in the wrist frame.

    ``elbow_m`` (3,) in the operator's world is known to body trackers only.
    """

    T_world_wrist: Array | None = None
    points_m: Array | None = None
    elbow_m: Array | None = None


@dataclass(frozen=True, slots=True)
class OperatorFrame:
    """One frame of a tracking device. ``None`` means "not tracked now"; ``engaged`` is the deadman.

    ``space`` counts the device's coordinate systems: it rises when the device moves its origin (recenter, restart), and
    poses of different spaces cannot be compared.
    """

    stamp_s: float
    sequence: int
    left: HandFrame
    right: HandFrame
    T_world_head: Array | None = None
    engaged: bool = True
    space: int = 0

    def hand(self, side: Side) -> HandFrame:
        return self.left if side == "left" else self.right


@dataclass(frozen=True, slots=True)
class JointTargets:
    """Joint targets (n,) in the order of the robot description; ``valid`` (n,) marks the joints that have one."""

    stamp_s: float
    q_rad: Array
    valid: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ActionChunk:
    """A policy's plan: ``q_rad`` (h, m) for the joints ``joint_index`` (m,) at ``received_s + offset_s`` (h,).

    Offsets may be negative: the policy subtracts the age of its observation, so that no clock of another process
    is needed to place the plan in time.
    """

    received_s: float
    offset_s: Array
    joint_index: NDArray[np.int64]
    q_rad: Array


@dataclass(frozen=True, slots=True)
class TaskState:
    """What a task reports of itself: named features (k,) for policies and operators, progress in [0, 1], an end."""

    stamp_s: float
    features: Array
    progress: float
    success: bool
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once in an episode (``kind`` is a short word, ``detail`` a sentence or JSON)."""

    time_s: float
    kind: str
    detail: str = ""


TRUE_STATE_EVENT = "operator_state"
"""Kind of the events that tell what a simulated person truly does: watching, adapting, correcting."""
TRUE_IMPERFECTION_EVENT = "operator_imperfection"
"""Kind of the events that tell what a simulated person does wrong: hesitating, groping, wrong way, ..., or none."""
