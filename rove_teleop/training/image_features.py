"""The hook for any frozen vision-language model: what it says of an episode's images becomes the scene, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from ..errors import DatasetInvalid
from ..models.images import FrozenFeatures
from .steps import EpisodeSteps


@torch.no_grad()
def with_features(
    episodes: Sequence[EpisodeSteps], model: FrozenFeatures, keep_scene: bool = False
) -> list[EpisodeSteps]:
    """The same episodes with features of their images (k, f) as the scene, or after it, and without the images.

    Everything that reads a scene then trains on features, at the speed of a state: nothing else knows of the model.
    Live, the same model has to be asked for the same features.

    Raises:
        DatasetInvalid: an episode has no image, or the model gave another number of rows or values not finite.
    """
    found = []
    for episode in episodes:
        if not episode.images:
            raise DatasetInvalid(f"episode {episode.name} has no images to take features of")
        features = model.features(episode.images, episode.instruction).detach().float().cpu().numpy()
        if features.ndim != 2 or len(features) != len(episode) or not np.all(np.isfinite(features)):
            raise DatasetInvalid(
                f"the features of episode {episode.name} have shape {features.shape} or are not finite; "
                f"wanted are {len(episode)} rows"
            )
        scene = np.concatenate([episode.scene, features], axis=1) if keep_scene else features
        found.append(replace(episode, scene=scene.astype(np.float32), images={}))
    return found
