"""What live cameras show, made into what a policy was trained on: its cameras, its sizes, its instructions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .checkpoint import VisionHeader


class Looked(NamedTuple):
    """What is seen besides numbers: images (b, height, width, 3) uint8 by camera, the number of the instruction (b,).

    A policy without cameras has neither.
    """

    images: dict[str, Tensor]
    instruction: Tensor | None = None


def look(eyes: VisionHeader | None, images: Mapping[str, NDArray[np.uint8]], instruction: str) -> Looked | str:
    """One look for ``eyes``, or why there is none, in two words for a counter.

    Images (h, w, 3) may have any size: pixels are averaged. A policy that knows one instruction need not be told it.
    """
    if eyes is None:
        return Looked({})
    said = instruction or (eyes.instructions[0] if len(eyes.instructions) == 1 else "")
    if said not in eyes.instructions:
        return "unknown instruction"
    seen = {}
    for name, height, width in zip(eyes.cameras, eyes.heights, eyes.widths, strict=True):
        image = images.get(name)
        if image is None or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            return "no image"
        seen[name] = fitted(image, height, width)
    return Looked(seen, torch.tensor([eyes.instructions.index(said)]))


def blank(eyes: VisionHeader | None) -> Looked:
    """A look at nothing, of the right shapes."""
    if eyes is None:
        return Looked({})
    sizes = zip(eyes.cameras, eyes.heights, eyes.widths, strict=True)
    black = {name: torch.zeros((1, height, width, 3), dtype=torch.uint8) for name, height, width in sizes}
    return Looked(black, torch.tensor([0]))


def fitted(image: NDArray[np.uint8], height: int, width: int) -> Tensor:
    """An image (h, w, 3) of any size as (1, height, width, 3), each pixel the mean of what it covers."""
    seen = torch.from_numpy(np.ascontiguousarray(image))[None]
    if image.shape[:2] == (height, width):
        return seen
    pooled = nn.functional.adaptive_avg_pool2d(seen.permute(0, 3, 1, 2).float(), (height, width))
    return pooled.round().to(torch.uint8).permute(0, 2, 3, 1)
