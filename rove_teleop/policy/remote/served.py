"""A policy of ours as others see it: what it says of itself, questions read, plans written, in openpi's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from ...errors import MessageRefused
from ...robots.description import RobotDescription
from ...types import Array
from ..protocol import Observation, Plan
from .names import VERSION, VERSION_KEY, numbers


@dataclass(frozen=True, slots=True)
class Served:
    """``policy`` identifies the weights; joints (m,), features (k,) and cameras are what it reads, by name."""

    policy: str
    task: str
    instruction: str
    robot: RobotDescription
    joint_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    step_s: float
    horizon: int
    execute: int
    cameras: tuple[str, ...] = ()
    image_size: int = 0

    def metadata(self) -> dict[str, Any]:
        """The first message of a connection. ``example_observation`` is one that is answered."""
        index = self._index()
        return {
            VERSION_KEY: VERSION,
            "policy": self.policy,
            "task": self.task,
            "robot": self.robot.name,
            "joint_names": list(self.joint_names),
            "q_min_rad": self.robot.q_min_rad[index],
            "q_max_rad": self.robot.q_max_rad[index],
            "feature_names": list(self.feature_names),
            "cameras": list(self.cameras),
            "image_size": self.image_size,
            "action_dim": len(self.joint_names),
            "step_s": self.step_s,
            "horizon": self.horizon,
            "execute": self.execute,
            "example_observation": self._example(),
        }

    def observation(self, question: Mapping[Any, Any], now_s: float) -> Observation:
        """The observation in a question; what it does not know in it is ignored.

        Raises:
            MessageRefused: a part is missing or has another shape; the sentence says which and what it must be.
        """
        measured_rad = self._vector(question, "observation/state", len(self.joint_names))
        commanded_rad = measured_rad
        if "rove/q_commanded_rad" in question:
            commanded_rad = self._vector(question, "rove/q_commanded_rad", len(self.joint_names))
        features = np.empty(0)
        if self.feature_names:
            features = self._vector(question, "rove/features", len(self.feature_names))
        images = {name: _picture(question, f"observation/images/{name}") for name in self.cameras}
        prompt = question.get("prompt", self.instruction)
        return Observation(
            # On the asker's clock, which is compared with itself only: how much later than its last question is this?
            stamp_s=_number(question, "rove/stamp_s", now_s),
            q_measured_rad=self._all_joints(measured_rad),
            q_commanded_rad=self._all_joints(commanded_rad),
            feature_names=self.feature_names,
            features=features,
            images=images,
            instruction=prompt if isinstance(prompt, str) else self.instruction,
            delay_s=_number(question, "rove/delay_s", 0.0),
        )

    def answer(self, plan: Plan) -> dict[str, Any]:
        """A plan as an answer: ``actions`` are absolute positions in radians, row k at ``rove/offset_s`` k."""
        names = tuple(self.robot.joint_names[i] for i in plan.joint_index)
        if names != self.joint_names:
            raise MessageRefused("other joints", f"the policy moves {list(names)}, announced were {self.joint_names}")
        answer: dict[str, Any] = {
            "actions": plan.q_rad.astype(np.float32),
            "rove/offset_s": plan.offset_s,
        }
        if plan.embedding is not None:
            answer["rove/embedding"] = plan.embedding.astype(np.float32)
        if isfinite(plan.valid_s):
            answer["rove/valid_s"] = plan.valid_s
        if plan.value is not None:
            answer["rove/value"] = float(plan.value)
        return answer

    def _index(self) -> list[int]:
        return [self.robot.joint_names.index(name) for name in self.joint_names]

    def _all_joints(self, q_rad: Array) -> Array:
        """The policy reads its own joints only: the others stand at home."""
        whole = self.robot.home_rad.copy()
        whole[self._index()] = q_rad
        return whole

    def _example(self) -> dict[str, Any]:
        home_rad = self.robot.home_rad[self._index()].astype(np.float32)
        example: dict[str, Any] = {"observation/state": home_rad, "prompt": self.instruction}
        if self.feature_names:
            example["rove/features"] = np.zeros(len(self.feature_names), np.float32)
        side = self.image_size or 224
        for name in self.cameras:
            example[f"observation/images/{name}"] = np.zeros((side, side, 3), np.uint8)
        return example

    def _vector(self, question: Mapping[Any, Any], key: str, length: int) -> Array:
        if key not in question:
            raise MessageRefused("missing", f"'{key}' is missing; there are {sorted(map(str, question))}")
        values = numbers(question[key], key)
        if values.shape != (length,):
            names = self.feature_names if key == "rove/features" else self.joint_names
            raise MessageRefused("wrong shape", f"'{key}' has shape {values.shape}, must be ({length},): {list(names)}")
        return values


def _number(question: Mapping[Any, Any], key: str, default: float) -> float:
    number = numbers(question.get(key, default), key)
    if number.ndim or not np.isfinite(number):
        raise MessageRefused("wrong shape", f"'{key}' is {number}, not a number")
    return float(number)


def _picture(question: Mapping[Any, Any], key: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    picture = question.get(key)
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        said = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
        raise MessageRefused("wrong shape", f"'{key}' must be a uint8 picture (h, w, 3), is {said}")
    return picture
