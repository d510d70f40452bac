"""Conditional flow matching: a small network that turns noise into a chunk of actions, given one observation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class FlowSizes:
    """Sizes of a `FlowActor`. ``condition_classes`` is 0 for plain imitation."""

    observation: int
    horizon: int
    joints: int
    hidden: int = 256
    layers: int = 3
    time_embedding: int = 32
    condition_classes: int = 0


class FlowActor(nn.Module):
    """Velocity field v(x, t | observation) of the straight path from noise (t = 0) to a normalised chunk (t = 1)."""

    def __init__(self, sizes: FlowSizes) -> None:
        super().__init__()
        self.sizes = sizes
        chunk = sizes.horizon * sizes.joints
        width = chunk + sizes.observation + sizes.time_embedding
        layers: list[nn.Module] = []
        for _ in range(sizes.layers):
            layers += [nn.Linear(width, sizes.hidden), nn.SiLU()]
            width = sizes.hidden
        self.body = nn.Sequential(*layers, nn.Linear(width, chunk))
        self.condition = (
            nn.Embedding(sizes.condition_classes, sizes.time_embedding) if sizes.condition_classes else None
        )

    def forward(self, x: Tensor, time: Tensor, observation: Tensor, condition: Tensor | None = None) -> Tensor:
        """Velocity (b, horizon, joints) at ``x`` (b, horizon, joints), ``time`` (b,), ``observation`` (b, d)."""
        context = embed_time(time, self.sizes.time_embedding)
        if self.condition is not None:
            if condition is None:
                raise ValueError("this actor was built with condition classes and needs one per sample")
            context = context + self.condition(condition)
        velocity: Tensor = self.body(torch.cat([x.flatten(1), observation, context], dim=1))
        return velocity.view_as(x)


def embed_time(time: Tensor, size: int) -> Tensor:
    """Sines and cosines (b, size) of time in [0, 1] at frequencies from 1 to 100 rad."""
    frequency = torch.exp(torch.linspace(0.0, math.log(100.0), size // 2))
    angle = time[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def flow_matching_loss(
    actor: FlowActor,
    chunk: Tensor,
    observation: Tensor,
    generator: torch.Generator,
    condition: Tensor | None = None,
) -> Tensor:
    """Mean squared error of the velocity on random points of the straight paths from noise to ``chunk`` (b, h, m)."""
    noise = torch.randn(chunk.shape, generator=generator)
    time = torch.rand(len(chunk), generator=generator)
    x = torch.lerp(noise, chunk, time[:, None, None])
    return nn.functional.mse_loss(actor(x, time, observation, condition), chunk - noise)


@torch.no_grad()
def sample(
    actor: FlowActor,
    observation: Tensor,
    generator: torch.Generator,
    steps: int = 8,
    condition: Tensor | None = None,
) -> Tensor:
    """Chunks (b, horizon, joints), normalised: ``steps`` Euler steps from noise along the learned velocity."""
    count = len(observation)
    x = torch.randn((count, actor.sizes.horizon, actor.sizes.joints), generator=generator)
    for step in range(steps):
        x = x + actor(x, torch.full((count,), step / steps), observation, condition) / steps
    return x
