"""Images of ROS 2 cameras: raw ones to JPEG, once, and both kinds to pixels."""

from __future__ import annotations

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from ..errors import MessageRefused

JPEG_QUALITY = 90
_CHANNELS = {"rgb8": ("RGB", 3), "bgr8": ("BGR", 3), "mono8": ("GRAY", 1)}


def encode_image(message: Image) -> bytes:
    """JPEG of a raw image (rgb8, bgr8 or mono8), quality 90.

    Raises:
        MessageRefused: another encoding, or fewer bytes than its size needs.
    """
    pixels, space = _pixels(message)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), JPEG_QUALITY, space))


def read_image(message: Image) -> NDArray[np.uint8]:
    """Pixels (h, w, 3) RGB of a raw image.

    Raises:
        MessageRefused: another encoding, or fewer bytes than its size needs.
    """
    pixels, space = _pixels(message)
    if space == "GRAY":
        return np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels if space == "RGB" else pixels[:, :, ::-1])


def read_jpeg(data: bytes) -> NDArray[np.uint8]:
    """Pixels (h, w, 3) RGB of a JPEG file.

    Raises:
        MessageRefused: these bytes are none.
    """
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, colorspace="RGB")
    except ValueError as error:
        raise MessageRefused("image_damaged", f"an image is no whole JPEG file ({error})") from error
    return pixels


def _pixels(message: Image) -> tuple[NDArray[np.uint8], str]:
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
    return pixels, space
