"""The images of one camera of an episode: which one a control row had seen, its pixels, and a JPEG file of it."""

from __future__ import annotations

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ..episodes.camera_images import CameraImages
from ..episodes.read import Episode
from ..episodes.windows.columns import checked_array
from ..episodes.windows.decimation import newest_rows
from ..types import Array

JPEG_QUALITY = 90


class Images:
    """A camera's images, opened once.

    Raises:
        DatasetInvalid: the episode has no such camera, or its index is damaged.
    """

    def __init__(self, episode: Episode, camera: str) -> None:
        self._images = CameraImages(episode, camera)
        self.name = self._images.name
        self.receive_s = checked_array(episode, f"cameras/{camera}/receive_s")
        for part in ("offset", "length"):
            checked_array(episode, f"cameras/{camera}/{part}")

    def __len__(self) -> int:
        return len(self.receive_s)

    def seen_at(self, stamp_s: Array) -> NDArray[np.int64]:
        """Index (t,) of the newest image received at or before each stamp (t,); -1 where there was none yet."""
        return newest_rows(self.receive_s, stamp_s)

    def jpeg(self, index: int) -> bytes:
        """A JPEG file: the bytes that the camera sent, or where it was recorded as H.264 a new one, quality 90.

        Raises:
            DatasetInvalid: the image does not match its checksum, or is damaged.
        """
        if self._images.codec == "jpeg":
            return self._images.file(index)
        return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(self.pixels(index)), JPEG_QUALITY))

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """RGB pixels (h, w, 3) of an image.

        Raises:
            DatasetInvalid: as ``jpeg``.
        """
        return self._images.image(index)
