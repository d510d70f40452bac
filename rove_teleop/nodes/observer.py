"""What the policy sees, gathered from topics: joints, commands, task features, pictures; each ages by its arrival."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Float64MultiArray

from ..errors import MessageRefused
from ..policy.protocol import Observation
from ..robot_io import topics
from ..robot_io.features import read_features
from ..robot_io.images import read_image, read_jpeg
from ..robot_io.joints import JointOrder, read_positions
from ..types import Array

LOG_PERIOD_S = 2.0
T = TypeVar("T")


class CameraView:
    """The newest picture of one camera, decoded when it is asked for. Raw images where nobody publishes JPEG."""

    def __init__(self, node: Node, name: str) -> None:
        self._jpeg = topics.PolledSubscription(node, CompressedImage, topics.camera_topic(name), topics.IMAGES)
        self._raw = topics.PolledSubscription(node, Image, topics.raw_camera_topic(name), topics.IMAGES)
        self._newest: tuple[float, CompressedImage | Image] | None = None

    def poll(self, now_s: float) -> None:
        jpeg, raw = self._jpeg.take(), self._raw.take()
        message = raw if jpeg is None else jpeg
        if message is not None:
            self._newest = now_s, message

    @property
    def arrived_s(self) -> float | None:
        return None if self._newest is None else self._newest[0]

    def picture(self) -> NDArray[np.uint8]:
        """(h, w, 3) RGB; `MessageRefused` when the newest message is no whole picture."""
        if self._newest is None:
            raise MessageRefused("no_image", "no picture has arrived")
        message = self._newest[1]
        return read_image(message) if isinstance(message, Image) else read_jpeg(bytes(message.data))


class Observer:
    """Polls every topic; a message that is refused is counted and leaves the value before it to age."""

    def __init__(self, node: Node, joint_names: tuple[str, ...], cameras: tuple[str, ...], instruction: str) -> None:
        self.refused: Counter[str] = Counter()
        self.waits_for: str | None = "joint states"
        self._node, self._instruction = node, instruction
        self._order = JointOrder(joint_names)
        self._joints = topics.PolledSubscription(node, JointState, topics.JOINT_STATES)
        self._commands = topics.PolledSubscription(node, JointState, topics.JOINT_COMMANDS)
        self._task = topics.PolledSubscription(node, Float64MultiArray, topics.TASK_STATE)
        self._cameras = {name: CameraView(node, name) for name in cameras}
        self._measured: tuple[float, Array] | None = None
        self._commanded: tuple[float, Array] | None = None
        self._features: tuple[float, tuple[tuple[str, ...], Array]] | None = None

    def poll(self, now_s: float) -> None:
        """Take what arrived since the last call."""
        for camera in self._cameras.values():
            camera.poll(now_s)
        commanded = self._heard(self._commands, lambda message: read_positions(message, self._order))
        measured = self._heard(self._joints, lambda message: read_positions(message, self._order))
        features = self._heard(self._task, read_features)
        self._commanded = self._commanded if commanded is None else (now_s, commanded)
        self._measured = self._measured if measured is None else (now_s, measured)
        self._features = self._features if features is None else (now_s, features)

    def _heard(self, subscription: topics.PolledSubscription, read: Callable[[Any], T]) -> T | None:
        """The newest message, read; None where there is none, or none that can be used."""
        message = subscription.take()
        try:
            return None if message is None else read(message)
        except MessageRefused as refusal:
            self._refuse(refusal)
            return None

    def observation(self, now_s: float, max_age_s: float) -> Observation | None:
        """All of it, or None: counted when a part is older than ``max_age_s``, silent while one never came.

        A task that reports no features is no obstacle to a policy with cameras.
        """
        arrivals = {"joint states": None if self._measured is None else self._measured[0]}
        arrivals |= {f"camera '{name}'": view.arrived_s for name, view in self._cameras.items()}
        if self._features is not None or not self._cameras:
            arrivals["task features"] = None if self._features is None else self._features[0]
        self.waits_for = next((name for name, arrived_s in arrivals.items() if arrived_s is None), None)
        if self.waits_for is not None or self._measured is None:
            return None
        stamp_s = min(arrived_s for arrived_s in arrivals.values() if arrived_s is not None)
        if not (now_s - stamp_s <= max_age_s):
            self.refused["stale observation"] += 1
            return None
        try:
            images = {name: view.picture() for name, view in self._cameras.items()}
        except MessageRefused as refusal:
            self._refuse(refusal)
            return None
        names, features = ((), np.empty(0)) if self._features is None else self._features[1]
        measured_rad = self._measured[1]
        commanded_rad = self._commanded_rad(stamp_s, max_age_s, measured_rad)
        return Observation(stamp_s, measured_rad, commanded_rad, names, features, images, self._instruction)

    def _commanded_rad(self, stamp_s: float, max_age_s: float, measured_rad: Array) -> Array:
        """Nobody commands between episodes: then the robot stands where it was told to."""
        if self._commanded is None or stamp_s - self._commanded[0] > max_age_s:
            return measured_rad
        return self._commanded[1]

    def _refuse(self, refusal: MessageRefused) -> None:
        self.refused[refusal.reason] += 1
        self._node.get_logger().warning(str(refusal), throttle_duration_sec=LOG_PERIOD_S)
