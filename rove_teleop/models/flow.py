"""Conditional flow matching: a small network that turns noise into a chunk of actions, given one observation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

NEGATIVE, POSITIVE, NULL = 0, 1, 2
"""Condition classes of actors that were shown good and bad chunks. Few actors have the third: no tag was given."""
MOST_GUIDANCE = 5.0
"""Cap of the pull towards a continuation (the paper's value: more makes few steps unstable)."""


Pullback = Callable[[Tensor], Tensor]
"""The transposed Jacobian of a velocity field at one place: a gradient of the velocity to one of the place."""


@dataclass(frozen=True, slots=True)
class FlowSizes:
    """Sizes of a `FlowActor`. ``condition_classes`` is 0 for plain imitation, 3 where tags were left out at times."""

    observation: int
    horizon: int
    joints: int
    hidden: int = 256
    layers: int = 3
    time_embedding: int = 32
    condition_classes: int = 0


class FlowActor(nn.Module):
    """Velocity field v(x, t | observation) of the straight path from noise (t = 0) to a normalised chunk (t = 1).

    A condition scales what every hidden layer says (FiLM without its shift, Perez et al. 2018): what a tag changes
    depends on what is seen, which an input added to the others says only after long training.
    """

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
        width = sizes.layers * sizes.hidden
        self.condition = nn.Embedding(sizes.condition_classes, width) if sizes.condition_classes else None
        if self.condition is not None:
            nn.init.normal_(self.condition.weight, std=0.1)

    def forward(self, x: Tensor, time: Tensor, observation: Tensor, condition: Tensor | None = None) -> Tensor:
        """Velocity (b, horizon, joints) at ``x`` (b, horizon, joints), ``time`` (b,), ``observation`` (b, d)."""
        hidden = torch.cat([x.flatten(1), observation, embed_time(time, self.sizes.time_embedding)], dim=1)
        scales = self._scales(condition)
        if scales is None:
            plain: Tensor = self.body(hidden)
            return plain.view_as(x)
        for number, scale in enumerate(scales):
            hidden = self.body[2 * number + 1](self.body[2 * number](hidden))
            hidden = torch.addcmul(hidden, hidden, scale)
        velocity: Tensor = self.body[-1](hidden)
        return velocity.view_as(x)

    @torch.no_grad()
    def linearised(
        self, x: Tensor, time: Tensor, observation: Tensor, condition: Tensor | None = None
    ) -> tuple[Tensor, Pullback]:
        """The same velocity, and what takes a gradient of it (b, horizon, joints) back to ``x``.

        Written out, because for one sample the bookkeeping of autograd costs more than all the arithmetic.
        """
        hidden = torch.cat([x.flatten(1), observation, embed_time(time, self.sizes.time_embedding)], dim=1)
        scales = self._scales(condition)
        *layers, last = [layer for layer in self.body if isinstance(layer, nn.Linear)]
        sums = []
        for number, layer in enumerate(layers):
            sums.append(nn.functional.linear(hidden, layer.weight, layer.bias))
            hidden = nn.functional.silu(sums[-1])
            if scales is not None:
                hidden = torch.addcmul(hidden, hidden, scales[number])
        velocity: Tensor = nn.functional.linear(hidden, last.weight, last.bias)

        def pullback(gradient: Tensor) -> Tensor:
            back = gradient.flatten(1) @ last.weight
            for number in reversed(range(len(layers))):
                if scales is not None:
                    back = torch.addcmul(back, back, scales[number])
                back = torch.ops.aten.silu_backward(back, sums[number]) @ layers[number].weight
            at_x: Tensor = back[:, : x[0].numel()].view_as(x)
            return at_x

        return velocity.view_as(x), pullback

    def _scales(self, condition: Tensor | None) -> tuple[Tensor, ...] | None:
        """By how much more than once every layer counts (b, hidden); None for an actor without conditions."""
        if self.condition is None:
            return None
        if condition is None:
            raise ValueError("this actor was built with condition classes and needs one per sample")
        # A product with so few rows is faster than looking them up, and much faster backwards.
        chosen = nn.functional.one_hot(condition, self.sizes.condition_classes).to(self.condition.weight.dtype)
        scales = self.condition.weight.view(-1, self.sizes.layers, self.sizes.hidden)
        return tuple(chosen @ scale for scale in scales.unbind(1))


def embed_time(time: Tensor, size: int) -> Tensor:
    """Sines and cosines (b, size) of time in [0, 1] at frequencies from 1 to 100 rad."""
    frequency = torch.exp(torch.linspace(0.0, math.log(100.0), size // 2, device=time.device))
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
    return velocity_loss(actor, chunk, noise, time, observation, condition)


def velocity_loss(
    actor: FlowActor, chunk: Tensor, noise: Tensor, time: Tensor, observation: Tensor, condition: Tensor | None
) -> Tensor:
    """The same at given points: ``noise`` (b, h, m) and ``time`` (b,) in [0, 1]."""
    x = torch.lerp(noise, chunk, time[:, None, None])
    return nn.functional.mse_loss(actor(x, time, observation, condition), chunk - noise)


@dataclass(frozen=True, slots=True)
class Continuation:
    """What of a chunk is decided already: the plan that is being executed (b, h, m), normalised as chunks are.

    ``weight`` (h,) in [0, 1]: 1 is executed before the new chunk can be, 0 is free.
    """

    chunk: Tensor
    weight: Tensor


@torch.no_grad()
def sample(
    actor: FlowActor,
    observation: Tensor,
    generator: torch.Generator,
    steps: int = 8,
    condition: Tensor | None = None,
    beta: float | None = None,
    continuation: Continuation | None = None,
) -> Tensor:
    """Chunks (b, horizon, joints), normalised: ``steps`` Euler steps from noise along the learned velocity.

    With ``beta`` an actor with condition classes is decoded by classifier-free guidance between `NEGATIVE` and
    `POSITIVE`, and ``condition`` is not used. With ``continuation`` the chunk goes on from a plan (`continued`).
    """
    count = len(observation)
    x = torch.randn((count, actor.sizes.horizon, actor.sizes.joints), generator=generator)
    for step in range(steps):
        time = step / steps

        stamps = torch.full((count,), time)
        if beta is not None:
            velocity, pullback = guided(actor, x, stamps, observation, beta)
        else:
            velocity, pullback = actor.linearised(x, stamps, observation, condition)
        if continuation is not None:
            velocity = continued(x, velocity, pullback, time, continuation)
        x = x + velocity / steps
    return x


@torch.no_grad()
def guided(actor: FlowActor, x: Tensor, time: Tensor, observation: Tensor, beta: float) -> tuple[Tensor, Pullback]:
    """Velocity v_negative + beta (v_positive - v_negative), and its pullback; both passes are one batch.

    At ``beta`` 1 this is the positive condition alone, at 0 the negative one; beyond 1 it leaves what was shown.
    """
    count = len(x)
    tags = torch.tensor([NEGATIVE, POSITIVE]).repeat_interleave(count)
    twice_x, twice_time, twice_seen = (torch.cat([part, part]) for part in (x, time, observation))
    both, pullback_both = actor.linearised(twice_x, twice_time, twice_seen, tags)

    def pullback(gradient: Tensor) -> Tensor:
        of_both = pullback_both(torch.cat([(1.0 - beta) * gradient, beta * gradient]))
        return of_both[:count] + of_both[count:]

    return torch.lerp(both[:count], both[count:], beta), pullback


def continued(x: Tensor, velocity: Tensor, pullback: Pullback, time: float, continuation: Continuation) -> Tensor:
    """The ``velocity`` at ``x``, pulled towards chunks that agree with the continuation where it weighs.

    Real-time chunking (Black et al. 2025): the error of the predicted end of the path, through the field's Jacobian,
    as in pseudoinverse-guided inpainting. Nothing is learned for it.
    """
    error = (continuation.chunk - (x + (1.0 - time) * velocity)) * continuation.weight[:, None]
    pull = error + pullback((1.0 - time) * error)
    spread = (1.0 - time) ** 2 / (time**2 + (1.0 - time) ** 2)
    strength = MOST_GUIDANCE if time == 0.0 else min(MOST_GUIDANCE, (1.0 - time) / (time * spread))
    return velocity + strength * pull
