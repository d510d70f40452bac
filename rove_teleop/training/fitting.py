"""The optimisation of an actor: one loop, the same bytes from the same seed, also after an interruption."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..models.flow import NULL, velocity_loss
from ..models.looking import Looked
from ..models.policy_network import PolicyNetwork
from .actor_settings import ActorSettings
from .devices import Place
from .optimisation import move_average, schedule
from .regularisation import regularise
from .resume import load_state, pack_optimiser, save_state, unpack_optimiser
from .samples import Samples

Progress = Callable[[int, int, float], None]
"""Called with the step, the number of steps and the loss (mean since the last call)."""


CONDITION = "actor.condition.weight"
TAG_RATE = 10.0
"""How much faster tags learn: they begin without effect in a network that does its task, a few steps before the end."""


class Batch(NamedTuple):
    """What one step learns from: points on paths from noise to chunks, and what was seen there."""

    chunk: Tensor
    noise: Tensor
    time: Tensor
    observation: Tensor
    looked: Looked
    condition: Tensor | None


class Objective(nn.Module):
    """The loss as a module: what can be compiled, and spread over processes."""

    def __init__(self, network: PolicyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch) -> Tensor:
        """Mean squared error of the velocity, a scalar."""
        seen = self.network.see(batch.observation, batch.looked)
        return velocity_loss(self.network.actor, batch.chunk, batch.noise, batch.time, seen, batch.condition)


def fit(
    network: PolicyNetwork,
    samples: Samples,
    noise_scale: Tensor,
    settings: ActorSettings,
    seed: int,
    place: Place,
    progress: Progress | None = None,
    state: Path | None = None,
) -> PolicyNetwork:
    """Train ``network`` in place and return the running average of its weights.

    With ``state`` what the next step depends on is saved there now and then; where the file is there already, the run
    goes on from it, and the file is gone once the run has ended.

    Raises:
        CheckpointInvalid: ``state`` belongs to another run, by settings, seed, data or where it began.
    """
    torch.set_num_threads(1)
    about = {} if state is None else _about(network, samples, settings, seed)
    objective = place.prepared(Objective(network))
    run = _Run(network, copy.deepcopy(network), _optimiser(network, settings))
    done = run.restore(state, about) if state is not None and state.exists() else 0
    held = samples.to(place.device)
    losses: list[Tensor] = []
    for step in range(done + 1, settings.steps + 1):
        batch = draw(held, noise_scale, settings, seed, step, place)
        losses.append(run.step(objective, batch, settings, step, place))
        if state is not None and place.is_first and step % settings.save_every == 0:
            run.save(state, {**about, "step": step})
        if step % settings.report_every == 0 or step == settings.steps:
            loss = place.mean(losses)
            losses.clear()
            if progress is not None and place.is_first:
                progress(step, settings.steps, loss)
    if state is not None and place.is_first:
        state.unlink(missing_ok=True)
    return run.average.cpu()


def draw(samples: Samples, noise_scale: Tensor, settings: ActorSettings, seed: int, step: int, place: Place) -> Batch:
    """What step ``step`` learns from, or this process's share of it.

    It depends on ``seed`` and ``step`` alone, so that any step can be the first after an interruption; and chance is
    drawn on the CPU for the whole batch, so that every device and number of processes sees the same.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    index = torch.randint(len(samples.observation), (settings.batch,), generator=generator)
    noise = torch.randn((settings.batch, *samples.chunk.shape[1:]), generator=generator)
    time = torch.rand(settings.batch, generator=generator)
    seen = regularise(
        samples.observation[index],
        noise_scale,
        settings.state_dropout,
        settings.noise_probability,
        settings.noise_std,
        generator,
    )
    no_tag = torch.rand(settings.batch, generator=generator) < settings.null_share
    rows, device = place.share(settings.batch), place.device
    chosen = index[rows].to(device)
    return Batch(
        samples.chunk[chosen],
        noise[rows].to(device),
        time[rows].to(device),
        seen[rows].to(device),
        samples.looked(chosen),
        None if samples.tag is None else samples.tag[chosen].masked_fill(no_tag[rows].to(device), NULL),
    )


class _Run(NamedTuple):
    """What changes while training: one step of it, into a file and back."""

    network: PolicyNetwork
    average: PolicyNetwork
    optimiser: torch.optim.Optimizer

    def step(self, objective: nn.Module, batch: Batch, settings: ActorSettings, step: int, place: Place) -> Tensor:
        """The loss before the step."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["full_lr"] * schedule(step, settings.steps)
        with place.precision():
            loss: Tensor = objective(batch)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        move_average(self.average, self.network, min(settings.average_decay, step / (step + 10.0)))
        return loss.detach()

    def save(self, path: Path, about: dict[str, Any]) -> None:
        tensors = {f"network.{key}": value for key, value in self.network.state_dict().items()}
        tensors |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        save_state(path, tensors | pack_optimiser(self.optimiser), about)

    def restore(self, path: Path, about: dict[str, Any]) -> int:
        """The step that was done last."""
        found = load_state(path)
        found.must_match(path, about)
        self.network.load_state_dict(found.named("network."))
        self.average.load_state_dict(found.named("average."))
        unpack_optimiser(self.optimiser, found.tensors)
        return int(found.about["step"])


def _optimiser(network: PolicyNetwork, settings: ActorSettings) -> torch.optim.Optimizer:
    """Fused: one pass over the parameters instead of a dozen, and the same numbers every time."""
    tags = [value for name, value in network.named_parameters() if name == CONDITION]
    others = [value for name, value in network.named_parameters() if name != CONDITION]
    rate = settings.learning_rate
    groups = [{"params": others, "full_lr": rate}, {"params": tags, "full_lr": TAG_RATE * rate, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, weight_decay=settings.weight_decay, fused=True)


def _about(network: PolicyNetwork, samples: Samples, settings: ActorSettings, seed: int) -> dict[str, Any]:
    start = hashlib.sha256()
    for value in network.state_dict().values():
        start.update(value.contiguous().view(-1).numpy().data)
    said = {"settings": asdict(settings), "seed": seed}
    return said | {"data": samples.fingerprint(), "start": start.hexdigest()}
