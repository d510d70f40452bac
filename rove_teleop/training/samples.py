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
from ..models.observation import Normalisation
from ..types import Array
from .actor_settings import ActorHeader
from .steps import EpisodeSteps
from .supervision import Supervision

LEAST_MOTION_RAD = 0.01


@dataclass(frozen=True, slots=True)
class Rows:
    """What is used, in rows: observations (s, d), deltas (s, h, m) in radians, tags (s,) or None for imitation."""

    observation: Array
    delta_rad: Array
    positive: NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class Samples:
    """The same normalised, as tensors. ``tag`` (s,) is 1 for positive."""

    observation: Tensor
    chunk: Tensor
    tag: Tensor | None

    def fingerprint(self) -> str:
        """SHA-256 of all numbers: a training run is continued on the same data or not at all."""
        digest = hashlib.sha256()
        for tensor in (self.observation, self.chunk, self.tag):
            if tensor is not None:
                digest.update(tensor.numpy().tobytes())
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
    joint_names: tuple[str, ...],
    feature_names: tuple[str, ...],
) -> Rows:
    """The used steps with the columns of ``joint_names`` and ``feature_names``, in the order of episodes and steps.

    Raises:
        DatasetInvalid: nothing is used, or what is used is not finite or not known.
    """
    joints = [about.joint_names.index(name) for name in joint_names]
    both = joints + [len(about.joint_names) + index for index in joints]
    features = [about.feature_names.index(name) for name in feature_names]
    observation, delta_rad, tags = [], [], []
    for number, (episode, use) in enumerate(zip(episodes, supervision.use, strict=True)):
        if not use.any():
            continue
        observation.append(np.concatenate([episode.joints[use][:, both], episode.scene[use][:, features]], axis=1))
        delta_rad.append(episode.delta_rad[use][:, :, joints])
        if not (np.isfinite(observation[-1]).all() and np.isfinite(delta_rad[-1]).all()):
            raise DatasetInvalid(f"episode {episode.name}: a step that should be learnt from is not finite")
        if supervision.positive is not None:
            tags.append(supervision.positive[number][use])
    if not observation:
        raise DatasetInvalid(f"none of the {len(episodes)} episodes has a chunk that this method learns from")
    return Rows(
        np.concatenate(observation).astype(np.float64),
        np.concatenate(delta_rad).astype(np.float64),
        np.concatenate(tags) if tags else None,
    )


def normalised(found: Rows, normalisation: Normalisation) -> Samples:
    """Rows as tensors in single precision."""
    return Samples(
        torch.from_numpy(normalisation.encode(found.observation)).float(),
        torch.from_numpy(normalisation.encode_delta(found.delta_rad)).float(),
        None if found.positive is None else torch.from_numpy(found.positive.astype(np.int64)),
    )
