"""What cameras showed at the steps of an episode, in the size a network looks at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..episodes.read import Episode
from ..errors import DatasetInvalid
from ..models.looking import fitted
from ..types import Array

Size = tuple[int, int]
"""Height and width in pixels."""


def newest_image(episode: Episode, camera: str, stamp_s: Array) -> NDArray[np.int64]:
    """(t,) the newest image of a camera that was received at or before each moment; -1: none.

    Raises:
        DatasetInvalid: the episode has no such camera.
    """
    episode.codec(camera)
    return np.searchsorted(episode[f"cameras/{camera}/receive_s"], stamp_s, side="right") - 1


def image_age_s(episode: Episode, camera: str, stamp_s: Array) -> Array:
    """(t,) how old that image is; infinite where there is none."""
    newest = newest_image(episode, camera, stamp_s)
    received_s = np.concatenate([episode[f"cameras/{camera}/receive_s"], [-np.inf]])
    age_s: Array = stamp_s - received_s[newest]
    return age_s


def images_at(episode: Episode, camera: str, stamp_s: Array, size: Size) -> NDArray[np.uint8]:
    """(k, height, width, 3) RGB, made smaller exactly as a policy's eyes make live images smaller.

    Raises:
        DatasetInvalid: the episode has no such camera, or an image of it is damaged.
        MissingDependency: H.264 without PyAV.
    """
    # Decoders are not needed by those who train from the state.
    from ..episodes.camera_images import CameraImages

    newest = newest_image(episode, camera, stamp_s)
    if len(newest) and newest.min() < 0:
        raise DatasetInvalid(f"camera '{camera}' had shown nothing at some step")
    pack, seen = CameraImages(episode, camera), np.empty((len(stamp_s), *size, 3), np.uint8)
    last = -1
    for step, number in enumerate(newest.tolist()):
        # A camera may be slower than the steps.
        seen[step] = seen[step - 1] if number == last else fitted(pack.image(number), *size)[0].numpy()
        last = number
    return seen
