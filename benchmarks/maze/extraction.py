"""The same policy extraction for every critic: a flow actor told which chunks were good, decoded with guidance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from mazes import CHUNK, Floats, Maze
from numpy.typing import NDArray

from rove_teleop.models.flow import FlowActor, FlowSizes, flow_matching_loss, sample
from rove_teleop.training.steps import EpisodeSteps


@dataclass(frozen=True)
class ActorSettings:
    steps: int = 1500
    batch: int = 256
    learning_rate: float = 2e-3
    hidden: int = 128
    layers: int = 3


@dataclass(frozen=True)
class Policy:
    """An actor and its scales; ``beta`` None is plain imitation."""

    actor: FlowActor
    mean: Floats
    scale: Floats
    chunk_scale: Floats

    def act(self, scene: Floats, generator: torch.Generator, beta: float | None) -> Floats:
        """Velocities (n, CHUNK, 2) for scenes (n, d)."""
        observation = torch.from_numpy((scene - self.mean) / self.scale).float()
        return sample(self.actor, observation, generator, beta=beta).numpy() * self.chunk_scale


def train_policy(
    episodes: list[EpisodeSteps],
    use: NDArray[np.bool_] | None = None,
    positive: NDArray[np.bool_] | None = None,
    settings: ActorSettings = ActorSettings(),
    seed: int = 0,
) -> Policy:
    """Imitate the chunks in ``use`` (all rows of all episodes by default), told which are ``positive``."""
    scene = np.concatenate([episode.scene for episode in episodes])
    chunk = np.concatenate([episode.delta_rad for episode in episodes])
    mean, scale, chunk_scale = scene.mean(axis=0), scene.std(axis=0), chunk.std(axis=(0, 1))
    rows = torch.from_numpy(np.flatnonzero(np.ones(len(scene), dtype=bool) if use is None else use))
    observation = torch.from_numpy((scene - mean) / scale).float()
    target = torch.from_numpy(chunk / chunk_scale).float()
    tag = None if positive is None else torch.from_numpy(positive.astype(np.int64))
    sizes = FlowSizes(
        observation.shape[1], CHUNK, 2, settings.hidden, settings.layers, condition_classes=0 if tag is None else 2
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor = FlowActor(sizes)
    optimiser = torch.optim.AdamW(actor.parameters(), lr=settings.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(settings.steps):
        row = rows[torch.randint(len(rows), (settings.batch,), generator=generator)]
        condition = None if tag is None else tag[row]
        loss = flow_matching_loss(actor, target[row], observation[row], generator, condition)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return Policy(actor, mean, scale, chunk_scale)


@dataclass(frozen=True)
class Rollouts:
    """Whether each reached the goal (n,), in how many steps (n,), and the paths (n, limit + 1, 2)."""

    success: NDArray[np.bool_]
    steps: NDArray[np.int64]
    path: Floats


def roll_out(
    of: Maze, policy: Policy, beta: float | None, count: int, limit: int, execute: int = 8, seed: int = 0
) -> Rollouts:
    """``count`` runs from the start side by side, each at most ``limit`` steps; ``execute`` steps of every chunk."""
    random, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    position = of.start + random.uniform(-0.25, 0.25, (count, 2))
    steps, path = np.full(count, limit), np.zeros((count, limit + 1, 2))
    path[:, 0] = position
    success = np.zeros(count, dtype=bool)
    for step in range(limit):
        if step % execute == 0:
            chunk = policy.act(of.features(position), generator, beta)
        moved = of.moved(position, chunk[:, step % execute])
        position = np.where(success[:, None], position, moved)
        arrived = of.at_goal(position) & ~success
        steps[arrived] = step + 1
        success |= arrived
        path[:, step + 1] = position
        if success.all():
            path[:, step + 1 :] = position[:, None]
            break
    return Rollouts(success, steps, path)
