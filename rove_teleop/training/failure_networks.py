"""The networks of failure detectors, trained in seconds: novelty from successes alone, a probe from both outcomes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..types import Array

Tensors = dict[str, NDArray[np.float32]]
HIDDEN = 64
BATCH = 128
NOISE = 0.3
"""In deviations of the inputs, and few steps: a hundred episodes are quickly known by heart."""


def train_novelty(embeddings: Array, name: str, seed: int = 0, steps: int = 600, outputs: int = 32) -> Tensors:
    """Random network distillation on embeddings (n, d): tensors of ``name.random`` and ``name.learned``."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    x, mean, scale = _scaled(embeddings)
    random = _network(x.shape[1], outputs, generator, gain=2.0)
    learned = _network(x.shape[1], outputs, generator)
    with torch.no_grad():
        target = random(x)
    optimiser = torch.optim.Adam(learned.parameters(), lr=1e-3)
    for _ in range(steps):
        row = torch.randint(len(x), (BATCH,), generator=generator)
        _step(optimiser, nn.functional.mse_loss(learned(x[row]), target[row]))
    return _tensors(f"{name}.random", random, mean, scale) | _tensors(f"{name}.learned", learned, mean, scale)


def train_flow_novelty(embeddings: Array, name: str, seed: int = 0, steps: int = 800) -> Tensors:
    """A flow from embeddings (n, d) to noise; only its velocity at the embeddings' end is kept, which scores need."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    x, mean, scale = _scaled(embeddings)
    size = x.shape[1]
    velocity = _network(size + 1, size, generator, hidden=128)
    optimiser = torch.optim.Adam(velocity.parameters(), lr=1e-3)
    for _ in range(steps):
        start = x[torch.randint(len(x), (BATCH,), generator=generator)]
        noise = torch.randn(start.shape, generator=generator)
        time = torch.rand((BATCH, 1), generator=generator)
        here = torch.lerp(start, noise, time)
        _step(optimiser, nn.functional.mse_loss(velocity(torch.cat([here, time], dim=1)), noise - start))
    tensors = _tensors(name, velocity, mean, scale)
    # At time 0 the last input is a constant zero.
    tensors[f"{name}.0.w"] = np.ascontiguousarray(tensors[f"{name}.0.w"][:, :size])
    return tensors


def train_probe(
    inputs: Array, failed: NDArray[np.bool_], weight: Array, name: str, seed: int = 0, steps: int = 300
) -> Tensors:
    """Log-odds of failure from ``inputs`` (n, d), of which ``failed`` (n,) say how the episode ended.

    ``weight`` (n,) lets every episode count the same, however long it was.
    """
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    x, mean, scale = _scaled(inputs)
    wanted = torch.from_numpy(failed.astype(np.float32))
    share = torch.from_numpy((weight / weight.mean()).astype(np.float32))
    network = _network(x.shape[1], 1, generator)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1.0)
    for _ in range(steps):
        row = torch.randint(len(x), (BATCH,), generator=generator)
        seen = x[row] + NOISE * torch.randn((len(row), x.shape[1]), generator=generator)
        loss = nn.functional.binary_cross_entropy_with_logits(network(seen)[:, 0], wanted[row], share[row])
        _step(optimiser, loss)
    return _tensors(name, network, mean, scale)


def train_done(embeddings: Array, done: Array, weight: Array, name: str, seed: int = 0, steps: int = 400) -> Tensors:
    """The share of an attempt that is done, ``done`` (n,) in [0, 1], from embeddings (n, d) of successes."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    x, mean, scale = _scaled(embeddings)
    wanted = torch.from_numpy(done.astype(np.float32))
    share = torch.from_numpy((weight / weight.mean()).astype(np.float32))
    network = _network(x.shape[1], 1, generator)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
    for _ in range(steps):
        row = torch.randint(len(x), (BATCH,), generator=generator)
        seen = x[row] + 0.1 * torch.randn((len(row), x.shape[1]), generator=generator)
        _step(optimiser, (share[row] * (network(seen)[:, 0] - wanted[row]).square()).mean())
    return _tensors(name, network, mean, scale)


def _scaled(x: Array) -> tuple[Tensor, NDArray[np.float32], NDArray[np.float32]]:
    mean = x.mean(axis=0)
    spread = x.std(axis=0)
    scale = np.where(spread > 1e-6, spread, 1.0)
    scaled = np.clip((x - mean) / scale, -10.0, 10.0).astype(np.float32)
    return torch.from_numpy(scaled), mean.astype(np.float32), scale.astype(np.float32)


def _network(
    inputs: int, outputs: int, generator: torch.Generator, hidden: int = HIDDEN, gain: float = 1.0
) -> nn.Sequential:
    network = nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )
    for layer in _linear(network):
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(layer.bias)
        with torch.no_grad():
            layer.weight.mul_(gain)
    return network


def _linear(network: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in network if isinstance(layer, nn.Linear)]


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def _tensors(name: str, network: nn.Sequential, mean: NDArray[np.float32], scale: NDArray[np.float32]) -> Tensors:
    tensors: Tensors = {f"{name}.mean": mean, f"{name}.scale": scale}
    for number, layer in enumerate(_linear(network)):
        tensors[f"{name}.{number}.w"] = layer.weight.detach().numpy().copy()
        tensors[f"{name}.{number}.b"] = layer.bias.detach().numpy().copy()
    return tensors
