"""The images of one camera of an episode as pixels, JPEG or H.264; cheapest in the order of their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ..errors import DatasetInvalid
from .record.journal import crc32c

if TYPE_CHECKING:
    from .read import Episode
    from .video import VideoDecoder


class CameraImages:
    """Every image is checked against its checksum before it is decoded.

    Raises:
        DatasetInvalid: the episode has no such camera.
    """

    def __init__(self, episode: Episode, camera: str) -> None:
        self._episode, self._camera = episode, camera
        self.name = f"{episode.path.name}: camera '{camera}'"
        self.codec = episode.codec(camera)
        names = ("offset", "length", f"{self.codec}_crc32c")
        self._offset, self._length, self._crc32c = (episode[f"cameras/{camera}/{name}"] for name in names)
        self._decoder: VideoDecoder | None = None
        self._header = b""
        self._last = -1

    def __len__(self) -> int:
        return len(self._offset)

    def image(self, index: int) -> NDArray[np.uint8]:
        """RGB pixels (h, w, 3) of one image.

        Raises:
            DatasetInvalid: it, or an image that it needs, is damaged.
            MissingDependency: H.264 without PyAV.
        """
        number = range(len(self))[index]
        return self._jpeg(number) if self.codec == "jpeg" else self._video(number)

    def file(self, index: int) -> bytes:
        """The stored bytes of one image: a JPEG file, or a fragment of the video.

        Raises:
            DatasetInvalid: they do not match their checksum.
        """
        data = self._episode.image_bytes(self._camera, int(self._offset[index]), int(self._length[index]))
        if crc32c(data) != int(self._crc32c[index]):
            raise DatasetInvalid(f"{self.name}: image {index} does not match its checksum")
        return data

    def _jpeg(self, index: int) -> NDArray[np.uint8]:
        try:
            pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(self.file(index), "RGB")
        except ValueError as error:
            raise DatasetInvalid(f"{self.name}: image {index} is damaged ({error})") from error
        return pixels

    def _video(self, index: int) -> NDArray[np.uint8]:
        from .video import HEADER_ROOM, VideoDecoder, video_header

        keyframe = int(self._episode[f"cameras/{self._camera}/keyframe"][index])
        first = int(np.searchsorted(self._offset, keyframe))
        if self._decoder is None or not first <= self._last < index:
            self._header = self._header or video_header(
                self._episode.image_bytes(self._camera, 0, HEADER_ROOM), self.name
            )
            self._decoder, self._last = VideoDecoder(self._header, f"{self.name}: image {index}"), first - 1
        data = b"".join(self.file(number) for number in range(self._last + 1, index + 1))
        self._last = index
        return self._decoder.last(data)
