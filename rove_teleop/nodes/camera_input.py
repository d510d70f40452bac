"""One camera of the recorder: JPEG as it arrives, or raw images, encoded once, where nobody publishes JPEG."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from ..episodes.record.intake import Intake
from ..errors import MessageRefused
from ..robot_io import topics
from ..robot_io.images import encode_image, read_image

_DEPTH = 30
"""Images that wait while this process does not get a processor: a second of them."""
_RELIABLE = QoSProfile(depth=_DEPTH, reliability=ReliabilityPolicy.RELIABLE)
_BEST_EFFORT = QoSProfile(depth=_DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT)


class CameraInput:
    """Polls the compressed topic, and the raw one as long as only that has a publisher.

    Raw images become JPEG here, unless ``codec`` is h264: then the recording encodes their pixels.
    """

    def __init__(self, node: Node, name: str, intake: Intake, codec: str = "jpeg") -> None:
        self._node, self._name, self._intake = node, name, intake
        self._read = read_image if codec == "h264" else encode_image
        self._compressed = self._listen(CompressedImage, topics.camera_topic(name), _RELIABLE)
        self._raw: topics.PolledSubscription | None = None
        self._best_effort = False
        self._retired: list[topics.PolledSubscription] = []

    def choose_topic(self) -> None:
        """Listen to what is published, as it is published. Call it now and then, from the thread that owns the node."""
        # The other thread may have been polling these when they were retired, a call ago; now it is not.
        while self._retired:
            self._retired.pop().close()
        topic = topics.camera_topic(self._name)
        offers = self._offers(topic)
        if offers and not self._best_effort and ReliabilityPolicy.BEST_EFFORT in offers:
            # The reliable subscription hears nothing of such a camera.
            self._best_effort = True
            self._retired.append(self._compressed)
            self._compressed = self._listen(CompressedImage, topic, _BEST_EFFORT)
        if offers and self._raw is not None:
            self._retired.append(self._raw)
            self._raw = None
        if offers or self._raw is not None:
            return
        topic = topics.raw_camera_topic(self._name)
        offers = self._offers(topic)
        if offers:
            quality = _BEST_EFFORT if ReliabilityPolicy.BEST_EFFORT in offers else _RELIABLE
            self._raw = self._listen(Image, topic, quality)

    def take(self, now_s: float) -> None:
        """Hand over every image that waits, with its capture stamp and the time of this poll."""
        for message in self._compressed.take_all():
            self._intake.frame(self._name, bytes(message.data), _capture_s(message), now_s)
        raw = self._raw
        if raw is None:
            return
        for message in raw.take_all():
            try:
                self._intake.frame(self._name, self._read(message), _capture_s(message), now_s)
            except MessageRefused as refusal:
                self._intake.refuse_frame(self._name, f"camera '{self._name}': {refusal}")

    def _listen(self, kind: type[Any], topic: str, quality: QoSProfile) -> topics.PolledSubscription:
        return topics.PolledSubscription(self._node, kind, topic, quality)

    def _offers(self, topic: str) -> set[ReliabilityPolicy]:
        return {info.qos_profile.reliability for info in self._node.get_publishers_info_by_topic(topic)}


def _capture_s(message: CompressedImage | Image) -> float:
    return float(message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec)
