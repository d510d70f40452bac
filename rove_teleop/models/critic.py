"""A critic: what a scene under an instruction is worth, in steps still to pay, as a network and its scales."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import CheckpointInvalid, DatasetInvalid
from ..types import Array
from .images import ImageEncoder

FARTHEST = 6.0
"""Normalised inputs are clipped to this many deviations, so that a novel scene cannot drive the network far off."""
ROWS, ROWS_WITH_IMAGES = 4096, 256
"""Evaluated at a time, so that a long episode does not need much memory."""


@dataclass(frozen=True, slots=True)
class ValueSizes:
    """Sizes of a `ValueNetwork`. Without ``layers`` it is linear (a table, where scenes are one-hot).

    ``bins`` 0 gives one scalar; otherwise a distribution over that many returns evenly spread over [-1, 0].
    """

    scene: int
    instructions: int = 1
    hidden: int = 128
    layers: int = 2
    bins: int = 0
    cameras: tuple[str, ...] = ()
    image_features: int = 64


class ValueNetwork(nn.Module):
    """Scene (b, d) and instruction (b,) to a normalised return: about [-1, 0], the worst and the best of the data.

    The instruction adds to the first layer; it starts at zero, so a new one starts as what all have in common.
    """

    def __init__(self, sizes: ValueSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.images = ImageEncoder(sizes.cameras, sizes.image_features) if sizes.cameras else None
        width = sizes.scene + (sizes.image_features if sizes.cameras else 0)
        outputs = sizes.bins or 1
        self.first = nn.Linear(width, sizes.hidden if sizes.layers else outputs)
        self.instruction = nn.Embedding(sizes.instructions, self.first.out_features)
        nn.init.zeros_(self.instruction.weight)
        between: list[nn.Module] = []
        for _ in range(sizes.layers - 1):
            between += [nn.SiLU(), nn.Linear(sizes.hidden, sizes.hidden)]
        self.body = nn.Sequential(*between, nn.SiLU(), nn.Linear(sizes.hidden, outputs)) if sizes.layers else None

    def forward(self, scene: Tensor, instruction: Tensor, images: Mapping[str, Tensor] | None = None) -> Tensor:
        """Value (b,), or logits (b, bins). ``scene`` is normalised, ``images`` (b, height, width, 3) by camera."""
        if self.images is not None:
            if images is None:
                raise ValueError(f"this critic looks through {list(self.sizes.cameras)} and needs images")
            scene = torch.cat([scene, self.images(images)], dim=1)
        out: Tensor = self.first(scene)
        if self.sizes.instructions > 1:
            out = out + self.instruction(instruction)
        if self.body is not None:
            out = self.body(out)
        return out if self.sizes.bins else out[:, 0]

    def value(self, scene: Tensor, instruction: Tensor, images: Mapping[str, Tensor] | None = None) -> Tensor:
        """Normalised value (b,) whatever the head: the mean of a distribution."""
        out: Tensor = self(scene, instruction, images)
        return out.softmax(dim=1) @ bin_values(self.sizes.bins).to(out) if self.sizes.bins else out

    @property
    def head(self) -> nn.Linear:
        """The last layer, whose outputs are in units of the dataset's normalisation."""
        last = self.first if self.body is None else self.body[-1]
        if not isinstance(last, nn.Linear):
            raise TypeError("the last layer of a value network is linear")
        return last


def bin_values(bins: int) -> Tensor:
    """(bins,) the normalised returns that a distribution is over."""
    return torch.linspace(-1.0, 0.0, bins)


class Scene(Protocol):
    """What a critic looks at: an episode, or a part of one (k steps); `training.steps.EpisodeSteps` is one."""

    @property
    def name(self) -> str: ...
    @property
    def instruction(self) -> str: ...
    @property
    def scene(self) -> NDArray[np.float32]: ...
    @property
    def images(self) -> Mapping[str, NDArray[np.uint8]]: ...


@dataclass(frozen=True, slots=True)
class WatchedPolicy:
    """The one policy that a critic watches live: 16 hex digits of the SHA-256 of its file, its task, what it reads."""

    sha256: str
    task: str
    feature_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CriticHeader:
    """What a critic was trained for.

    ``low`` and ``high`` are the returns, in reward units, that the network calls -1 and 0. ``seen`` names the episodes
    it, or the critic that it started from, was trained on: it knows their ends. ``watches`` is the policy that its
    scenes are of, where it lies beside one. ``provenance`` is for people.
    """

    kind: str
    horizon: int
    gamma: float
    tau: float
    sizes: ValueSizes
    instructions: tuple[str, ...]
    low: float
    high: float
    seen: tuple[str, ...] = ()
    provenance: dict[str, str] = field(default_factory=dict)
    watches: WatchedPolicy | None = None


@dataclass(frozen=True, slots=True)
class Critic:
    """A network with the scales of the dataset it was trained on; ``scene_mean`` and ``scene_scale`` are (d,)."""

    header: CriticHeader
    scene_mean: NDArray[np.float32]
    scene_scale: NDArray[np.float32]
    network: ValueNetwork

    def encode(self, scene: NDArray[np.float32]) -> Tensor:
        """Normalised scene (..., d), clipped."""
        return torch.from_numpy(np.clip((scene - self.scene_mean) / self.scene_scale, -FARTHEST, FARTHEST))

    def in_reward_units(self, value: Tensor) -> Array:
        """Undo the normalisation of returns."""
        normalised: Array = value.numpy().astype(np.float64)
        return normalised * (self.header.high - self.header.low) + self.header.high

    @torch.no_grad()
    def value(self, episode: Scene) -> Array:
        """Value (k,) of every step, in reward units (steps).

        Raises:
            DatasetInvalid: another number of scene features, an unknown instruction, a camera that is missing.
        """
        self._check(episode)
        device = self.network.first.weight.device
        which = self.header.instructions.index(episode.instruction)
        batch = ROWS_WITH_IMAGES if self._cameras else ROWS
        parts: list[Tensor] = []
        for start in range(0, len(episode.scene), batch):
            rows = slice(start, start + batch)
            scene = self.encode(np.asarray(episode.scene[rows], np.float32)).to(device)
            images = {name: torch.from_numpy(episode.images[name][rows]).to(device) for name in self._cameras}
            instruction = torch.full((len(scene),), which, device=device)
            parts.append(self.network.value(scene, instruction, images).cpu())
        return self.in_reward_units(torch.cat(parts))

    def live(self, instruction: str) -> LiveValue:
        """What evaluates one scene at a time while a policy runs (tens of microseconds, state only).

        Raises:
            CheckpointInvalid: an instruction this critic was not trained on.
        """
        if instruction not in self.header.instructions:
            raise CheckpointInvalid(f"the critic knows {list(self.header.instructions)}, not '{instruction}'")
        return LiveValue(self, torch.tensor([self.header.instructions.index(instruction)]))

    @property
    def _cameras(self) -> tuple[str, ...]:
        return self.header.sizes.cameras

    def _check(self, episode: Scene) -> None:
        if episode.scene.shape[1] != self.header.sizes.scene:
            raise DatasetInvalid(
                f"episode {episode.name} has {episode.scene.shape[1]} scene features, "
                f"the critic was trained on {self.header.sizes.scene}"
            )
        if episode.instruction not in self.header.instructions:
            raise DatasetInvalid(f"episode {episode.name} has an instruction that is new: '{episode.instruction}'")
        missing = [name for name in self._cameras if name not in episode.images]
        if missing:
            raise DatasetInvalid(f"episode {episode.name} has no images of {', '.join(missing)}")


@dataclass(frozen=True, slots=True)
class LiveValue:
    """A critic under one instruction, one scene at a time."""

    critic: Critic
    instruction: Tensor

    @torch.inference_mode()
    def __call__(self, scene: Array, images: Mapping[str, NDArray[np.uint8]] | None = None) -> float:
        """Value in reward units of ``scene`` (d,) and, by camera, ``images`` (height, width, 3)."""
        critic = self.critic
        seen = {name: torch.from_numpy(image[None]) for name, image in (images or {}).items()}
        normalised = critic.network.value(critic.encode(scene.astype(np.float32)[None]), self.instruction, seen)
        return float(normalised) * (critic.header.high - critic.header.low) + critic.header.high
