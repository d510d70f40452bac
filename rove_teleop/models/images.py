"""What networks see of cameras: a small convolutional encoder, and the door for features of any frozen model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

CHANNELS = (32, 64, 64)
POOLED = 4


class FrozenFeatures(Protocol):
    """Any vision(-language) model whose weights stay as they are; `training.image_features` asks it once per episode.

    An implementation keeps its own preprocessing, device and batching. It must give the same numbers for the same
    images, because what it says is computed once and then only read.
    """

    def features(self, images: Mapping[str, NDArray[np.uint8]], instruction: str) -> Tensor:
        """Features (k, f) float of ``images``, by camera (k, height, width, 3), RGB, under one instruction."""
        ...


class ImageEncoder(nn.Module):
    """Images (b, height, width, 3) uint8 of several cameras to one vector (b, features).

    Every camera has its own convolutions. Sizes may differ: the last map is pooled to 4 x 4, which keeps where things
    are, unlike a mean over the picture.
    """

    def __init__(self, cameras: tuple[str, ...], features: int) -> None:
        super().__init__()
        self.cameras = cameras
        self.convolutions = nn.ModuleList(_convolutions() for _ in cameras)
        self.head = nn.Linear(len(cameras) * CHANNELS[-1] * POOLED**2, features)

    def forward(self, images: Mapping[str, Tensor]) -> Tensor:
        """Features (b, f); ``images`` holds every camera this encoder was built for."""
        maps = [
            convolve(as_input(images[name])).flatten(1)
            for name, convolve in zip(self.cameras, self.convolutions, strict=True)
        ]
        features: Tensor = torch.nn.functional.silu(self.head(torch.cat(maps, dim=1)))
        return features


def as_input(images: Tensor) -> Tensor:
    """(b, height, width, 3) uint8 to (b, 3, height, width) float in [-1, 1]."""
    return images.permute(0, 3, 1, 2).float().div(127.5).sub(1.0)


def _convolutions() -> nn.Sequential:
    layers: list[nn.Module] = []
    width = 3
    for channels in CHANNELS:
        layers += [nn.Conv2d(width, channels, 3, stride=2, padding=1), nn.GroupNorm(8, channels), nn.SiLU()]
        width = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(POOLED))
