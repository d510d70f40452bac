"""What a critic's training steps read: all segments as tensors, normalised once, and the scales to undo it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import DatasetInvalid
from ..models.critic import FARTHEST
from .segments import Segments, segments
from .steps import EpisodeSteps, Single


@dataclass(frozen=True, slots=True)
class Scales:
    """Per-dataset normalisation: scene (d,), and the returns (reward units) that are -1 and 0."""

    scene_mean: Single
    scene_scale: Single
    low: float
    high: float

    @staticmethod
    def fit(found: Segments) -> Scales:
        """A constant feature is only shifted. ``high`` is 0 where no return is positive, which no value can exceed.

        Raises:
            DatasetInvalid: all returns are the same.
        """
        spread = found.scene.std(axis=0, dtype=np.float64)
        low, high = float(found.mc_return.min()), max(0.0, float(found.mc_return.max()))
        if not low < high:
            raise DatasetInvalid(f"every step of every episode has return {high:g}: there is nothing to learn")
        return Scales(
            found.scene.mean(axis=0, dtype=np.float64).astype(np.float32),
            np.where(spread > 1e-6, spread, 1.0).astype(np.float32),
            low,
            high,
        )


@dataclass(frozen=True, slots=True)
class CriticData:
    """Tensors by row (s,): what a step needs, in normalised units.

    The target of row r is ``reward[r] + discount[r] * V(end[r])`` for ``usable`` rows, and ``mc_return[r]`` for all.
    ``bounded`` says that no reward is positive, so that no value is above 0.
    """

    scene: Tensor
    instruction: Tensor
    images: dict[str, Tensor]
    end: Tensor
    reward: Tensor
    discount: Tensor
    mc_return: Tensor
    usable: Tensor
    bounded: bool

    def __len__(self) -> int:
        return len(self.end)

    def seen(self, rows: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """What the network reads of these rows."""
        images = {name: images[rows] for name, images in self.images.items()}
        return self.scene[rows], self.instruction[rows], images

    def fingerprint(self) -> str:
        """Of everything that training reads; the same data give the same one."""
        digest = hashlib.sha256()
        columns = (self.scene, self.instruction, self.end, self.reward, self.discount, self.mc_return, self.usable)
        for column in (*columns, *self.images.values()):
            digest.update(column.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


def critic_data(
    episodes: Sequence[EpisodeSteps], found: Segments, scales: Scales, cameras: tuple[str, ...], device: str
) -> CriticData:
    """The tensors of ``found`` (`segments` of ``episodes``) on ``device``.

    Raises:
        DatasetInvalid: an episode lacks one of the cameras, or pictures differ in size.
    """
    span = scales.high - scales.low
    scene = np.clip((found.scene - scales.scene_mean) / scales.scene_scale, -FARTHEST, FARTHEST)
    # r + d V in units where V = v span + high; computed in double, since gamma 1 leaves differences of large numbers.
    reward = (found.reward_sum.astype(np.float64) + (found.discount.astype(np.float64) - 1.0) * scales.high) / span
    mc_return = (found.mc_return.astype(np.float64) - scales.high) / span
    columns = (scene, found.instruction, found.end, reward, found.discount, mc_return)
    kinds = (torch.float32, torch.int64, torch.int64, torch.float32, torch.float32, torch.float32)
    tensors = [torch.from_numpy(column).to(device, kind) for column, kind in zip(columns, kinds, strict=True)]
    return CriticData(
        scene=tensors[0],
        instruction=tensors[1],
        images={name: _images(episodes, name).to(device) for name in cameras},
        end=tensors[2],
        reward=tensors[3],
        discount=tensors[4],
        mc_return=tensors[5],
        usable=torch.from_numpy(np.flatnonzero(found.usable)).to(device),
        bounded=scales.high == 0.0,
    )


def checked_segments(
    episodes: Sequence[EpisodeSteps], instructions: Sequence[str], horizon: int, gamma: float
) -> Segments:
    """Segments of episodes that can teach a value.

    Raises:
        DatasetInvalid: no episode, all of them ended alike (it says how), or no step has a known successor.
    """
    found = segments(episodes, instructions, horizon, gamma)
    failed = sum(1 for episode in episodes if not episode.success)
    corrected = sum(1 for episode in episodes if episode.success and episode.t_r.any())
    if failed == len(episodes) or failed + corrected == 0:
        alike = "a failure" if failed else "a success that nobody had to correct"
        raise DatasetInvalid(
            f"each of the {len(episodes)} episodes is {alike}; a critic needs episodes that ended well and others"
        )
    if not found.usable.any():
        raise DatasetInvalid(f"no step of the {len(episodes)} episodes has a step after it that is known")
    return found


def _images(episodes: Sequence[EpisodeSteps], camera: str) -> Tensor:
    missing = [episode.name for episode in episodes if camera not in episode.images]
    if missing:
        raise DatasetInvalid(f"episode {missing[0]} (of {len(missing)}) has no images of camera '{camera}'")
    sizes = sorted({episode.images[camera].shape[1:] for episode in episodes})
    if len(sizes) > 1:
        raise DatasetInvalid(f"images of camera '{camera}' have several sizes: {sizes}")
    return torch.from_numpy(np.concatenate([episode.images[camera] for episode in episodes]))
