"""What a task is to the world: bodies for the scene, a random start, features, and an end.

Features whose name starts with ``true_`` are exact; they are for scoring and for simulated people, who see the scene.
The features of the same name without the prefix carry the episode's perception bias: those are for policies.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar

import mujoco
import numpy as np

from ...errors import UsageError
from ...geometry import exp_so3, inverse, log_so3, transform
from ...types import Array

TRUE_PREFIX = "true_"
FORMS, STARTS = ("in_hand", "full"), ("beginning", "varied")
ROBOT_CONTACT, OBJECT_CONTACT, FURNITURE_CONTACT = 1, 2, 4


@dataclass(frozen=True, kw_only=True)
class TaskParams:
    """How wide episodes vary and when they break. Spreads are half widths of uniform distributions.

    ``bias_*`` are the spreads of the perception bias: one constant error per episode on the reported pose of the goal.
    ``hold_force_limit_n`` is the force at which the grasp assist lets go. ``form``: whether the object is ``in_hand``
    from the beginning, or the task is done in ``full``, from reaching for the object to letting go of it. ``start``:
    every episode from the ``beginning``, or from ``varied`` stages of the task.
    """

    position_spread_m: float
    yaw_spread_rad: float
    in_hand_spread_m: float
    in_hand_spread_rad: float
    bias_position_m: float
    bias_yaw_rad: float
    hold_force_limit_n: float
    time_limit_s: float
    form: str = "in_hand"
    start: str = "beginning"

    def __post_init__(self) -> None:
        """Refuse what no scene can be built from.

        Raises:
            UsageError: a parameter that is negative or not finite; the message names it.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _CHOICES:
                known = _CHOICES[field.name]
                if value not in known:
                    raise UsageError(f"{field.name} of a task is one of {', '.join(known)}, not {value!r}")
            elif not all(0.0 <= number < math.inf for number in np.atleast_1d(value)):
                raise UsageError(f"{type(self).__name__}.{field.name} must be finite and not negative, got {value!r}")


_CHOICES = {"form": FORMS, "start": STARTS}


@dataclass(frozen=True, slots=True)
class Start:
    """Where an episode begins: ``T_base_wrist`` (None: the task's usual place), and how the object is in the hand
    (None: it is not)."""

    stage: str
    T_hand_object: Array | None
    T_base_wrist: Array | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Progress in [0, 1], success, and why it failed (None while it has not)."""

    progress: float
    success: bool
    failure: str | None


class Task(ABC):
    """One task. The world calls ``add_to``, ``bind``, then per episode ``reset`` and per 4 ms ``update``."""

    name: ClassVar[str]
    instruction: ClassVar[str]
    held_object: ClassVar[str]
    feature_names: tuple[str, ...]
    params: TaskParams
    T_hand_object: Array
    """Nominal pose of the held object in the wrist frame."""
    T_base_wrist_start: Array
    """Where the right wrist stands when an episode starts."""
    fingers_rad: ClassVar[dict[str, float]]
    """Angles of the right hand's joints that show the grasp, by the joint's name without its side."""

    @abstractmethod
    def add_to(self, spec: mujoco.MjSpec) -> None:
        """Add the task's bodies; the held object is a free body named ``held_object``."""

    @abstractmethod
    def bind(self, model: mujoco.MjModel) -> None:
        """Look up ids in the compiled model."""

    @abstractmethod
    def reset(self, rng: np.random.Generator, data: mujoco.MjData) -> None:
        """Place the furniture (mocap bodies) of a new episode."""

    @abstractmethod
    def update(self, data: mujoco.MjData, dt_s: float, hold_force_n: Array) -> None:
        """Advance what physics does not know. ``hold_force_n`` (3,) is what the hand feels, base frame."""

    @abstractmethod
    def features(self, data: mujoco.MjData) -> Array:
        """Values of ``feature_names`` (k,)."""

    @abstractmethod
    def outcome(self) -> Outcome:
        """Where the episode stands, as of the last update."""

    @property
    def failure(self) -> str | None:
        """Why the episode failed, as `outcome` says; the world asks every 4 ms, so tasks answer without the rest."""
        return self.outcome().failure

    def render_state(self) -> Array:
        """What a camera must know beside joint and body poses."""
        return np.zeros(0)

    def show(self, model: mujoco.MjModel, render_state: Array) -> None:
        """Apply ``render_state`` of another process to the model a camera draws."""
        del model, render_state

    def begin(self, rng: np.random.Generator, stages: np.random.Generator | None) -> Start:
        """Where the episode begins, after ``reset``; ``stages`` draws one of the varied starts, None the usual one."""
        T_hand_object = self.in_hand(rng)
        if stages is None:
            return Start("in hand", T_hand_object)
        T_base_object = {"in hand": None, **self.stages(stages)}
        stage = str(stages.choice(list(T_base_object)))
        self.advance_to(stage, stages)
        placed = T_base_object[stage]
        return Start(stage, T_hand_object, None if placed is None else placed @ inverse(T_hand_object))

    @abstractmethod
    def stages(self, rng: np.random.Generator) -> dict[str, Array]:
        """Later stages of the task by name, each with where the held object is then (4, 4), base frame."""

    def advance_to(self, stage: str, rng: np.random.Generator) -> None:
        """Make of the scene what it is at that stage."""
        del stage, rng

    def in_hand(self, rng: np.random.Generator) -> Array:
        """T_hand_object of one episode: the nominal grasp with a random offset in the object's frame."""
        p = self.params
        offset_m = rng.uniform(-p.in_hand_spread_m, p.in_hand_spread_m, 3)
        turn_rad = rng.uniform(-p.in_hand_spread_rad, p.in_hand_spread_rad, 3)
        T_hand_object: Array = self.T_hand_object @ transform(exp_so3(turn_rad), offset_m)
        return T_hand_object


def body_pose(data: mujoco.MjData, body: int) -> Array:
    """T_base_body of a body in the simulation (the world frame is the robot's base frame)."""
    return transform(data.xmat[body].reshape(3, 3), data.xpos[body])


def pose_features(T_a_b: Array) -> Array:
    """(6,): position in metres and rotation vector in radians."""
    return np.concatenate([T_a_b[:3, 3], log_so3(T_a_b[:3, :3])])


def pose_names(prefix: str) -> tuple[str, ...]:
    """Names for ``pose_features``."""
    return tuple(f"{prefix}_{axis}" for axis in ("x_m", "y_m", "z_m", "rx_rad", "ry_rad", "rz_rad"))
