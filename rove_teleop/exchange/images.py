"""The images of one camera of an episode: which one a control row had seen, and its bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..episodes.read import Episode
from ..episodes.record.journal import crc32c
from ..episodes.windows.columns import checked_array
from ..episodes.windows.decimation import newest_rows
from ..errors import DatasetInvalid
from ..types import Array


class Images:
    """A camera's images, opened once.

    Raises:
        DatasetInvalid: the episode has no such camera, or its index is damaged.
    """

    def __init__(self, episode: Episode, camera: str) -> None:
        if camera not in episode.cameras:
            known = ", ".join(episode.cameras) or "none"
            raise DatasetInvalid(f"{episode.path.name}: has no camera '{camera}' (it has: {known})")
        self.name = f"{episode.path.name}: camera '{camera}'"
        parts = ("receive_s", "offset", "length", "jpeg_crc32c")
        self.receive_s, self._offset, self._length, self._crc32c = (
            checked_array(episode, f"cameras/{camera}/{part}") for part in parts
        )
        self._jpeg = episode[f"cameras/{camera}/jpeg"]

    def __len__(self) -> int:
        return len(self.receive_s)

    def seen_at(self, stamp_s: Array) -> NDArray[np.int64]:
        """Index (t,) of the newest image received at or before each stamp (t,); -1 where there was none yet."""
        return newest_rows(self.receive_s, stamp_s)

    def jpeg(self, index: int) -> bytes:
        """The bytes of one image, as the camera sent them.

        Raises:
            DatasetInvalid: they do not match their checksum.
        """
        begin = int(self._offset[index])
        data = self._jpeg[begin : begin + int(self._length[index])]
        if crc32c(data) != int(self._crc32c[index]):
            raise DatasetInvalid(f"{self.name}: image {index} does not match its checksum")
        return data.tobytes()
