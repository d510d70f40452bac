"""The optimisation of an actor: one loop, the same bytes from the same seed, also after an interruption."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..models.flow import NULL, FlowActor, velocity_loss
from .actor_settings import ActorSettings
from .regularisation import regularise
from .resume import load_state, pack_optimiser, save_state, unpack_optimiser
from .samples import Samples

Progress = Callable[[int, int, float], None]
"""Called with the step, the number of steps and the loss (mean since the last call)."""


class Batch(NamedTuple):
    """What one step learns from: points on paths from noise to chunks, and what was seen there."""

    chunk: Tensor
    noise: Tensor
    time: Tensor
    observation: Tensor
    condition: Tensor | None


class Objective(nn.Module):
    """The flow-matching loss as a module."""

    def __init__(self, actor: FlowActor) -> None:
        super().__init__()
        self.actor = actor

    def forward(self, batch: Batch) -> Tensor:
        """Mean squared error of the velocity, a scalar."""
        return velocity_loss(self.actor, batch.chunk, batch.noise, batch.time, batch.observation, batch.condition)


def fit(
    actor: FlowActor,
    samples: Samples,
    noise_scale: Tensor,
    settings: ActorSettings,
    seed: int,
    progress: Progress | None = None,
    state: Path | None = None,
) -> FlowActor:
    """Train ``actor`` in place and return the running average of its weights.

    With ``state`` what the next step depends on is saved there now and then; where the file is there already, the run
    goes on from it, and the file is gone once the run has ended.

    Raises:
        CheckpointInvalid: ``state`` belongs to another run, by settings, seed, data or where it began.
    """
    torch.set_num_threads(1)
    objective, average = Objective(actor), copy.deepcopy(actor)
    optimiser = torch.optim.AdamW(
        actor.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    run = _Run(actor, average, optimiser)
    about = {} if state is None else _about(actor, samples, settings, seed)
    done = run.restore(state, about) if state is not None and state.exists() else 0
    losses: list[Tensor] = []
    for step in range(done + 1, settings.steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * schedule(step, settings.steps)
        loss = objective(draw(samples, noise_scale, settings, seed, step))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(actor.parameters(), 1.0)
        optimiser.step()
        _move_average(average, actor, min(settings.average_decay, step / (step + 10.0)))
        losses.append(loss.detach())
        if state is not None and step % settings.save_every == 0:
            run.save(state, {**about, "step": step})
        if progress is not None and (step % settings.report_every == 0 or step == settings.steps):
            progress(step, settings.steps, float(torch.stack(losses).mean()))
            losses.clear()
    if state is not None:
        state.unlink(missing_ok=True)
    return average


def draw(samples: Samples, noise_scale: Tensor, settings: ActorSettings, seed: int, step: int) -> Batch:
    """What step ``step`` learns from. It depends on ``seed`` and ``step`` alone, so that any step can be the first."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    index = torch.randint(len(samples.observation), (settings.batch,), generator=generator)
    chunk = samples.chunk[index]
    noise = torch.randn(chunk.shape, generator=generator)
    time = torch.rand(len(chunk), generator=generator)
    seen = regularise(
        samples.observation[index],
        noise_scale,
        settings.state_dropout,
        settings.noise_probability,
        settings.noise_std,
        generator,
    )
    condition = None if samples.tag is None else samples.tag[index]
    if condition is not None and settings.null_share > 0.0:
        condition = condition.masked_fill(torch.rand(len(chunk), generator=generator) < settings.null_share, NULL)
    return Batch(chunk, noise, time, seen, condition)


def schedule(step: int, steps: int) -> float:
    """Warm up over the first 5 %, then a cosine down to 2 % of the learning rate."""
    warm = min(1.0, step / max(1.0, 0.05 * steps))
    return warm * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * step / steps)))


class _Run(NamedTuple):
    """What changes while training, into a file and back."""

    actor: FlowActor
    average: FlowActor
    optimiser: torch.optim.Optimizer

    def save(self, path: Path, about: dict[str, Any]) -> None:
        tensors = {f"actor.{key}": value for key, value in self.actor.state_dict().items()}
        tensors |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        save_state(path, tensors | pack_optimiser(self.optimiser), about)

    def restore(self, path: Path, about: dict[str, Any]) -> int:
        """The step that was done last."""
        found = load_state(path)
        found.must_match(path, about)
        self.actor.load_state_dict(found.named("actor."))
        self.average.load_state_dict(found.named("average."))
        unpack_optimiser(self.optimiser, found.tensors)
        return int(found.about["step"])


def _about(actor: FlowActor, samples: Samples, settings: ActorSettings, seed: int) -> dict[str, Any]:
    start = float(np.sum([value.double().abs().sum().item() for value in actor.state_dict().values()]))
    return {"settings": asdict(settings), "seed": seed, "data": samples.fingerprint(), "start": start}


@torch.no_grad()
def _move_average(average: FlowActor, actor: FlowActor, decay: float) -> None:
    for kept, new in zip(average.parameters(), actor.parameters(), strict=True):
        kept.lerp_(new, 1.0 - decay)
