"""One camera of the recorder: JPEG as it arrives, or raw images, encoded once, where nobody publishes JPEG."""

from __future__ import annotations

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from ..episodes.intake import Intake
from ..errors import MessageRefused
from ..robot_io import topics
from ..robot_io.images import encode_image


class CameraInput:
    """Polls the compressed topic, and the raw one as long as only that has a publisher."""

    def __init__(self, node: Node, name: str, intake: Intake) -> None:
        self._node, self._name, self._intake = node, name, intake
        self._compressed = topics.PolledSubscription(node, CompressedImage, topics.camera_topic(name), topics.IMAGES)
        self._raw: topics.PolledSubscription | None = None

    def choose_topic(self) -> None:
        """Listen to raw images if there are no others. Call it now and then, from the thread that owns the node."""
        if self._raw is not None or self._node.count_publishers(topics.camera_topic(self._name)):
            return
        topic = topics.raw_camera_topic(self._name)
        if self._node.count_publishers(topic):
            self._raw = topics.PolledSubscription(self._node, Image, topic, topics.IMAGES)

    def take(self, now_s: float) -> None:
        """Hand over every image that waits, with its capture stamp and the time of this poll."""
        for message in self._compressed.take_all():
            self._intake.frame(self._name, bytes(message.data), _capture_s(message), now_s)
        if self._raw is None:
            return
        for message in self._raw.take_all():
            try:
                self._intake.frame(self._name, encode_image(message), _capture_s(message), now_s)
            except MessageRefused as refusal:
                self._intake.refuse_frame(self._name, f"camera '{self._name}': {refusal}")


def _capture_s(message: CompressedImage | Image) -> float:
    return float(message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec)
