"""Implicit Q-learning (Kostrikov et al. 2021, arXiv 2110.06169) on chunks, written from the paper, nothing shared.

V(s) is the tau-expectile of min(Q1, Q2)(s, chunk) under slow copies of both; Q regresses on the rewards of the chunk
plus V where it ends. The advantage is min(Q1, Q2) - V.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rove_teleop.training.steps import EpisodeSteps

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class IqlSettings:
    tau: float = 0.9
    horizon: int = 16
    steps: int = 3000
    batch: int = 256
    learning_rate: float = 3e-3
    polyak: float = 0.02
    hidden: int = 128


@dataclass(frozen=True)
class Iql:
    """What was learned; values in reward units."""

    v: nn.Module
    q: nn.ModuleList
    mean: Floats
    scale: Floats
    action_scale: Floats
    divisor: float
    horizon: int

    def value(self, scene: Floats) -> Floats:
        """V (n,) of scenes (n, d)."""
        with torch.no_grad():
            found: Floats = self.v(torch.from_numpy((scene - self.mean) / self.scale))[:, 0].numpy() * self.divisor
        return found

    def advantage(self, episode: EpisodeSteps) -> Floats:
        """min Q - V (k,) of every step and the chunk that followed."""
        state = torch.from_numpy((episode.scene - self.mean) / self.scale)
        chunk = torch.from_numpy(_chunk(episode, self.horizon) / self.action_scale).flatten(1)
        with torch.no_grad():
            both = [q(torch.cat([state, chunk], dim=1))[:, 0] for q in self.q]
            found: Floats = (torch.minimum(*both) - self.v(state)[:, 0]).numpy() * self.divisor
        return found


def train_iql(episodes: list[EpisodeSteps], settings: IqlSettings = IqlSettings(), seed: int = 0) -> Iql:
    """Q and V from the episodes' chunks; the same seed gives the same networks."""
    scene = np.concatenate([episode.scene for episode in episodes])
    chunk = np.concatenate([_chunk(episode, settings.horizon) for episode in episodes])
    reward, after, goes_on = _transitions(episodes, settings.horizon)
    mean, scale = scene.mean(axis=0), scene.std(axis=0)
    action_scale = chunk.std(axis=(0, 1))
    divisor = float(max(-episode.reward.sum() for episode in episodes))
    state = torch.from_numpy((scene - mean) / scale)
    action = torch.from_numpy(chunk / action_scale).flatten(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        v = _mlp(state.shape[1], settings.hidden)
        q = nn.ModuleList([_mlp(state.shape[1] + action.shape[1], settings.hidden) for _ in range(2)])
    parts = (state, action, torch.from_numpy(reward / np.float32(divisor)), torch.from_numpy(after), goes_on)
    _fit(v, q, parts, settings, seed)
    return Iql(v, q, mean, scale, action_scale, divisor, settings.horizon)


def _fit(v: nn.Module, q: nn.ModuleList, parts: tuple, settings: IqlSettings, seed: int) -> None:
    state, action, reward, after, goes_on = parts
    goes_on = torch.from_numpy(goes_on)
    slow = copy.deepcopy(q).requires_grad_(False)
    optimiser = torch.optim.Adam([*v.parameters(), *q.parameters()], lr=settings.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(settings.steps):
        row = torch.randint(len(state), (settings.batch,), generator=generator)
        seen, done = state[row], torch.cat([state[row], action[row]], dim=1)
        with torch.no_grad():
            best = torch.minimum(slow[0](done), slow[1](done))[:, 0]
            target = reward[row] + goes_on[row] * v(state[after[row]])[:, 0]
        error = best - v(seen)[:, 0]
        loss = (torch.abs(settings.tau - (error < 0).float()) * error**2).mean()
        loss = loss + sum((nn.functional.mse_loss(one(done)[:, 0], target) for one in q), torch.zeros(()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        for kept, new in zip(slow.parameters(), q.parameters(), strict=True):
            kept.lerp_(new.detach(), settings.polyak)


def _transitions(episodes: list[EpisodeSteps], horizon: int) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Rewards of the chunk (n,), the row in which it ends (n,), and 1 where the episode goes on there (n,)."""
    reward, after, goes_on, first = [], [], [], 0
    for episode in episodes:
        steps = len(episode)
        total = np.concatenate([[0.0], np.cumsum(episode.reward)])
        end = np.minimum(np.arange(steps) + horizon, steps)
        reward.append(total[end] - total[:steps])
        after.append(first + np.minimum(end, steps - 1))
        goes_on.append(end < steps)
        first += steps
    return (
        np.concatenate(reward).astype(np.float32),
        np.concatenate(after),
        np.concatenate(goes_on).astype(np.float32),
    )


def _chunk(episode: EpisodeSteps, horizon: int) -> Floats:
    """Actions (k, horizon, m); no longer than what the episode holds."""
    return episode.delta_rad[:, :horizon]


def _mlp(inputs: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1)
    )
