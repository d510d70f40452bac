"""Train a critic: Monte-Carlo first, then optimistically from its own values (OVE), readable from top to bottom."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..models.critic import Critic, CriticHeader, ValueNetwork, ValueSizes
from ..models.critic_checkpoint import load_critic, save_critic
from .critic_data import CriticData, Scales, checked_segments, critic_data
from .critic_start import instructions_of, starting_network, starting_scales, weights_fingerprint
from .expectile import expectile_loss
from .optimisation import move_average, schedule
from .resume import TrainingState, load_state, pack_optimiser, save_state, unpack_optimiser
from .segments import HORIZON
from .steps import EpisodeSteps

__all__ = ["Critic", "CriticSettings", "load_critic", "save_critic", "train_critic"]

Progress = Callable[[int, int, float], None]
"""Called with the step, the number of steps and the loss (mean since the last call)."""


@dataclass(frozen=True, slots=True)
class CriticSettings:
    """Hyper-parameters. Horizon, gamma and tau are the paper's; what it leaves open was chosen in docs/critic.md.

    ``kind``: "ove" (the paper), "monte_carlo" (plain regression of returns), "distributional" (RECAP: ``bins`` classes
    of Monte-Carlo returns, cross-entropy). ``pretrain_steps`` of Monte-Carlo come before "ove", unless there is a
    critic to start from. ``scene_dropout`` is the probability that a feature of a sample becomes its mean: a critic
    that may lose any of them cannot tell episodes apart by what stays the same in each (docs/critic.md). ``cameras``
    are the images it looks at besides the scene.
    """

    kind: Literal["ove", "monte_carlo", "distributional"] = "ove"
    horizon: int = HORIZON
    gamma: float = 1.0
    tau: float = 0.7
    target_decay: float = 0.995
    pretrain_steps: int = 1000
    steps: int = 2000
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    scene_dropout: float = 0.0
    hidden: int = 128
    layers: int = 2
    bins: int = 201
    cameras: tuple[str, ...] = ()
    image_features: int = 64
    report_every: int = 100

    def sizes(self, scene: int, instructions: int) -> ValueSizes:
        """Of the network for that many scene features and instructions."""
        bins = self.bins if self.kind == "distributional" else 0
        return ValueSizes(scene, instructions, self.hidden, self.layers, bins, self.cameras, self.image_features)


def train_critic(
    episodes: Sequence[EpisodeSteps],
    settings: CriticSettings = CriticSettings(),
    seed: int = 0,
    initial: Critic | None = None,
    progress: Progress | None = None,
    resume: Path | None = None,
    save_every: int = 500,
    device: str = "cpu",
) -> Critic:
    """A critic of ``episodes``. On a CPU the same input and seed give the same critic, bit by bit (with cameras: on as
    many threads).

    With ``initial`` training goes on from that critic: its sizes and its scene normalisation stay, and its values in
    reward units are where it starts. With ``resume`` the run saves itself there every ``save_every`` steps, and goes
    on from what it finds: an interrupted run ends in the same bits as one that was not.

    Raises:
        DatasetInvalid: no episode, one outcome only, nothing to learn from, or scenes or cameras that do not fit.
        CheckpointInvalid: ``initial`` is of another kind, or ``resume`` belongs to another run.
    """
    if not settings.cameras:
        torch.set_num_threads(1)  # so small a network only loses by more
    instructions = instructions_of(episodes, initial)
    found = checked_segments(episodes, instructions, settings.horizon, settings.gamma)
    scales = starting_scales(found, initial)
    data = critic_data(episodes, found, scales, settings.cameras, device)
    sizes = settings.sizes(found.scene.shape[1], len(instructions))
    network = starting_network(sizes, scales, seed, initial).to(device)
    pretrain = settings.pretrain_steps if settings.kind == "ove" and initial is None else 0
    run = _Run.start(network, settings, seed)
    about = {} if resume is None else _about(data, settings, seed, network)
    if resume is not None and resume.exists():
        state = load_state(resume)
        state.must_match(resume, about)
        run.restore(state)
    losses: list[float] = []
    total = pretrain + settings.steps
    while run.step < total:
        if run.step == pretrain:
            run.target.load_state_dict(network.state_dict())
        losses.append(
            _advance(run, data, settings, bootstrap=settings.kind == "ove" and run.step >= pretrain, total=total)
        )
        if progress is not None and (run.step % settings.report_every == 0 or run.step == total):
            progress(run.step, total, float(np.mean(losses)))
            losses.clear()
        if resume is not None and (run.step % save_every == 0 or run.step == total):
            save_state(resume, run.tensors(), {**about, "step": run.step})
    header = _header(episodes, settings, instructions, scales, seed, network.sizes, initial)
    return Critic(header, scales.scene_mean, scales.scene_scale, network.cpu().eval())


@dataclass(slots=True)
class _Run:
    """Everything that the next step depends on."""

    network: ValueNetwork
    target: ValueNetwork
    optimiser: torch.optim.Optimizer
    generator: torch.Generator
    step: int = 0

    @staticmethod
    def start(network: ValueNetwork, settings: CriticSettings, seed: int) -> _Run:
        optimiser = torch.optim.AdamW(
            network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        return _Run(network, copy.deepcopy(network), optimiser, torch.Generator().manual_seed(seed))

    def tensors(self) -> dict[str, Tensor]:
        found = {f"network.{key}": value for key, value in self.network.state_dict().items()}
        found |= {f"target.{key}": value for key, value in self.target.state_dict().items()}
        return found | pack_optimiser(self.optimiser) | {"generator": self.generator.get_state()}

    def restore(self, state: TrainingState) -> None:
        self.network.load_state_dict(state.named("network."))
        self.target.load_state_dict(state.named("target."))
        unpack_optimiser(self.optimiser, state.tensors)
        self.generator.set_state(state.tensors["generator"])
        self.step = int(state.about["step"])


def _advance(run: _Run, data: CriticData, settings: CriticSettings, bootstrap: bool, total: int) -> float:
    """One gradient step; the target network follows where values are bootstrapped."""
    pool = len(data.usable) if bootstrap else len(data)
    rows = torch.randint(pool, (settings.batch,), generator=run.generator).to(data.end.device)
    if bootstrap:
        rows = data.usable[rows]
    loss = _loss(run, data, rows, settings, bootstrap)
    for group in run.optimiser.param_groups:
        group["lr"] = settings.learning_rate * schedule(run.step + 1, total)
    run.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    run.optimiser.step()
    if bootstrap:
        move_average(run.target, run.network, settings.target_decay)
    run.step += 1
    return loss.item()


def _loss(run: _Run, data: CriticData, rows: Tensor, settings: CriticSettings, bootstrap: bool) -> Tensor:
    """Expectile loss against the bootstrapped target, or squared error or cross-entropy against the return."""
    scene, *others = data.seen(rows)
    if settings.scene_dropout > 0.0:
        scene = _dropped_out(scene, settings.scene_dropout, run.generator)
    found = run.network(scene, *others)
    if bootstrap:
        with torch.no_grad():
            ahead = run.target(*data.seen(data.end[rows]))
            target = torch.addcmul(data.reward[rows], data.discount[rows], ahead)
            if data.bounded:
                target.clamp_(max=0.0)
        return expectile_loss(found, target, settings.tau)
    returns = data.mc_return[rows]
    if settings.kind == "distributional":
        nearest = ((returns + 1.0) * (settings.bins - 1)).round().long()
        return nn.functional.cross_entropy(found, nearest)
    return nn.functional.mse_loss(found, returns)


def _dropped_out(scene: Tensor, dropout: float, generator: torch.Generator) -> Tensor:
    """Scenes (b, d) with some features at their mean, which is 0, and the others scaled up, as dropout has it."""
    kept = torch.rand(scene.shape, generator=generator) >= dropout
    return scene * (kept / (1.0 - dropout)).to(scene.device)


def _about(data: CriticData, settings: CriticSettings, seed: int, network: ValueNetwork) -> dict[str, object]:
    """What an interrupted run must agree with to go on."""
    return {
        "settings": asdict(settings),
        "seed": seed,
        "data": data.fingerprint(),
        "start": weights_fingerprint(network),
    }


def _header(
    episodes: Sequence[EpisodeSteps],
    settings: CriticSettings,
    instructions: tuple[str, ...],
    scales: Scales,
    seed: int,
    sizes: ValueSizes,
    initial: Critic | None,
) -> CriticHeader:
    before = set(initial.header.seen) if initial is not None else set()
    return CriticHeader(
        kind=settings.kind,
        horizon=settings.horizon,
        gamma=settings.gamma,
        tau=settings.tau,
        sizes=sizes,
        instructions=instructions,
        low=scales.low,
        high=scales.high,
        seen=tuple(sorted(before | {episode.name for episode in episodes})),
        provenance={
            "episodes": str(len(episodes)),
            "steps": str(sum(len(episode) for episode in episodes)),
            "seed": str(seed),
            **{f"settings.{key}": str(value) for key, value in asdict(settings).items()},
        },
    )
