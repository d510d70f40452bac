"""What every training here does alike: how fast it learns when, and the running average of what it has learnt."""

from __future__ import annotations

import math

import torch
from torch import nn


def schedule(step: int, steps: int) -> float:
    """Share of the learning rate: warm up over the first 5 %, then a cosine down to 2 %."""
    warm = min(1.0, step / max(1.0, 0.05 * steps))
    return warm * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * step / steps)))


@torch.no_grad()
def move_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the parameters of ``average`` towards those of ``network`` by ``1 - decay``."""
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1.0 - decay)
