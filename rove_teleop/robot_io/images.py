"""Raw images of ROS 2 cameras to JPEG, once."""

from __future__ import annotations

import numpy as np
import simplejpeg
from sensor_msgs.msg import Image

from ..errors import MessageRefused

JPEG_QUALITY = 90
_CHANNELS = {"rgb8": ("RGB", 3), "bgr8": ("BGR", 3), "mono8": ("GRAY", 1)}


def encode_image(message: Image) -> bytes:
    """JPEG of a raw image (rgb8, bgr8 or mono8), quality 90.

    Raises:
        MessageRefused: another encoding, or fewer bytes than its size needs.
    """
    if message.encoding not in _CHANNELS:
        known = ", ".join(_CHANNELS)
        raise MessageRefused("image_encoding", f"an image is encoded as '{message.encoding}', known are {known}")
    space, channels = _CHANNELS[message.encoding]
    height, width, step = int(message.height), int(message.width), int(message.step)
    data = np.frombuffer(message.data, np.uint8)
    if not (0 < width * channels <= step and 0 < height and len(data) >= height * step):
        sizes = f"{width} x {height} with {step} bytes per row and {len(data)} bytes"
        raise MessageRefused("image_size", f"an image of {sizes} is not whole")
    pixels = data[: height * step].reshape(height, step)[:, : width * channels].reshape(height, width, channels)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), JPEG_QUALITY, space))
