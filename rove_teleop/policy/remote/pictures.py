"""Pictures as policies were trained on them: square, with a black border where they are not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def resize_with_pad(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """(size, size, 3) of (h, w, 3), bilinear, in the middle; when it shrinks, a pixel is the mean of what it covers."""
    height, width = picture.shape[:2]
    if (height, width) == (size, size):
        return picture
    scale = size / max(height, width)
    inner = max(1, round(height * scale)), max(1, round(width * scale))
    result = np.zeros((size, size, 3), np.uint8)
    top, left = (size - inner[0]) // 2, (size - inner[1]) // 2
    # Reduced by a whole factor first: bilinear alone would skip pixels.
    factor = max(1, min(int(1.0 / scale), height, width))
    if factor > 1:
        cut = picture[: height // factor * factor, : width // factor * factor]
        cut = cut.reshape(height // factor, factor, width // factor, factor, 3)
        picture = cut.mean(axis=(1, 3), dtype=np.float32).astype(np.uint8)
    result[top : top + inner[0], left : left + inner[1]] = _bilinear(picture, *inner)
    return result


def _bilinear(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    (top, bottom, down), (left, right, across) = _between(picture.shape[0], height), _between(picture.shape[1], width)
    rows = picture[top] * (1.0 - down)[:, None, None] + picture[bottom] * down[:, None, None]
    mixed = rows[:, left] * (1.0 - across)[:, None] + rows[:, right] * across[:, None]
    return np.asarray(mixed + 0.5).astype(np.uint8)


def _between(source: int, target: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """For each target pixel the source pixels before and after its centre, and the weight of the latter."""
    at = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0.0, source - 1.0)
    before = np.floor(at).astype(np.int64)
    return before, np.minimum(before + 1, source - 1), (at - before).astype(np.float32)
