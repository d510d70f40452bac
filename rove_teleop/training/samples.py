"""Episodes and supervision to samples: which joints move, what was seen, what followed, with which tag."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import DatasetInvalid
from ..models.checkpoint import CheckpointHeader, VisionHeader
from ..models.looking import Looked
from ..models.observation import Normalisation
from ..types import Array
from .actor_settings import ActorHeader
from .steps import EpisodeSteps
from .supervision import Supervision

LEAST_MOTION_RAD = 0.01


@dataclass(frozen=True, slots=True)
class Rows:
    """What is used, in rows: observations (s, d), deltas (s, h, m) in radians, tags (s,) or None for imitation.

    ``images`` by camera (s, height, width, 3) and ``instruction`` (s,), a number, where the policy has cameras.
    """

    observation: Array
    delta_rad: Array
    positive: NDArray[np.bool_] | None
    images: dict[str, NDArray[np.uint8]]
    instruction: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Samples:
    """The same normalised, as tensors. ``tag`` (s,) is 1 for positive."""

    observation: Tensor
    chunk: Tensor
    tag: Tensor | None
    images: dict[str, Tensor]
    instruction: Tensor

    def looked(self, index: Tensor) -> Looked:
        """Images and instructions of the samples ``index``."""
        if not self.images:
            return Looked({})
        return Looked({name: images[index] for name, images in self.images.items()}, self.instruction[index])

    def to(self, device: torch.device) -> Samples:
        """All but the observations, which are spoilt on the CPU, on ``device``: then no step waits for data."""
        return Samples(
            self.observation,
            self.chunk.to(device),
            None if self.tag is None else self.tag.to(device),
            {name: images.to(device) for name, images in self.images.items()},
            self.instruction.to(device),
        )

    def fingerprint(self) -> str:
        """SHA-256 of all numbers: a training run is continued on the same data or not at all."""
        digest = hashlib.sha256()
        for tensor in (self.observation, self.chunk, self.tag, *self.images.values(), self.instruction):
            if tensor is not None:
                digest.update(tensor.contiguous().view(-1).numpy().data)
        return digest.hexdigest()


def moving(episodes: Sequence[EpisodeSteps], supervision: Supervision, joint_names: tuple[str, ...]) -> tuple[str, ...]:
    """Joints whose target moves by more than 0.01 rad within the used steps of some episode, in order.

    The others are left out of the policy, as `windows.moving_joints` does: predicting fifty joints of which
    forty-three hold still costs accuracy in the seven that matter.
    """
    moves = np.zeros(len(joint_names), bool)
    for episode, use in zip(episodes, supervision.use, strict=True):
        if use.any():
            target_rad = episode.delta_rad[use] + episode.joints[use][:, None, : len(joint_names)]
            moves |= np.ptp(target_rad.reshape(-1, len(joint_names)), axis=0) > LEAST_MOTION_RAD
    return tuple(name for name, found in zip(joint_names, moves, strict=True) if found)


def rows(
    episodes: Sequence[EpisodeSteps],
    supervision: Supervision,
    about: ActorHeader,
    header: CheckpointHeader,
) -> Rows:
    """The used steps with the columns that ``header`` names, in the order of episodes and steps.

    Raises:
        DatasetInvalid: nothing is used, or what is used is not finite, or has no images or another instruction.
    """
    parts = [
        _rows_of(episode, use, None if supervision.positive is None else supervision.positive[number], about, header)
        for number, (episode, use) in enumerate(zip(episodes, supervision.use, strict=True))
        if use.any()
    ]
    if not parts:
        raise DatasetInvalid(f"none of the {len(episodes)} episodes has a chunk that this method learns from")
    tags = [part.positive for part in parts if part.positive is not None]
    return Rows(
        np.concatenate([part.observation for part in parts]),
        np.concatenate([part.delta_rad for part in parts]),
        np.concatenate(tags) if tags else None,
        {name: np.concatenate([part.images[name] for part in parts]) for name in parts[0].images},
        np.concatenate([part.instruction for part in parts]),
    )


def _rows_of(
    episode: EpisodeSteps,
    use: NDArray[np.bool_],
    positive: NDArray[np.bool_] | None,
    about: ActorHeader,
    header: CheckpointHeader,
) -> Rows:
    joints = [about.joint_names.index(name) for name in header.joint_names]
    both = joints + [len(about.joint_names) + index for index in joints]
    features = [about.feature_names.index(name) for name in header.feature_names]
    observation = np.concatenate([episode.joints[use][:, both], episode.scene[use][:, features]], axis=1)
    delta_rad = episode.delta_rad[use][:, :, joints]
    if not (np.isfinite(observation).all() and np.isfinite(delta_rad).all()):
        raise DatasetInvalid(f"episode {episode.name}: a step that should be learnt from is not finite")
    images, number = _seen(episode, use, header.vision)
    return Rows(
        observation.astype(np.float64),
        delta_rad.astype(np.float64),
        None if positive is None else positive[use],
        images,
        np.full(len(observation), number),
    )


def _seen(
    episode: EpisodeSteps, use: NDArray[np.bool_], eyes: VisionHeader | None
) -> tuple[dict[str, NDArray[np.uint8]], int]:
    """Images of the used steps by camera, and the number of the instruction."""
    if eyes is None:
        return {}, 0
    if episode.instruction not in eyes.instructions:
        raise DatasetInvalid(f"episode {episode.name} has an instruction that is new: '{episode.instruction}'")
    seen = {}
    for name, height, width in zip(eyes.cameras, eyes.heights, eyes.widths, strict=True):
        images = episode.images.get(name)
        if images is None or images.shape[1:] != (height, width, 3):
            found = "none" if images is None else f"of {images.shape[1:]}"
            raise DatasetInvalid(f"episode {episode.name} needs images of {name}, {height} x {width}, and has {found}")
        seen[name] = images[use]
    return seen, eyes.instructions.index(episode.instruction)


def normalised(found: Rows, normalisation: Normalisation) -> Samples:
    """Rows as tensors in single precision."""
    return Samples(
        torch.from_numpy(normalisation.encode(found.observation)).float(),
        torch.from_numpy(normalisation.encode_delta(found.delta_rad)).float(),
        None if found.positive is None else torch.from_numpy(found.positive.astype(np.int64)),
        {name: torch.from_numpy(images) for name, images in found.images.items()},
        torch.from_numpy(found.instruction),
    )
