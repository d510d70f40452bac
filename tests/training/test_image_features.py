import dataclasses

import numpy as np
import pytest
import torch

from rove_teleop.errors import DatasetInvalid
from rove_teleop.training.critic import CriticSettings, train_critic
from rove_teleop.training.image_features import with_features

from .made_episodes import drifting_episodes


class MeanColour:
    """A stand-in for somebody's frozen model."""

    def __init__(self):
        self.asked = []

    def features(self, images, instruction):
        self.asked.append((sorted(images), instruction))
        return torch.from_numpy(images["head"].mean(axis=(1, 2))).requires_grad_(True)


def seen_episodes():
    return [
        dataclasses.replace(episode, images={"head": np.full((30, 4, 4, 3), number, np.uint8)})
        for number, episode in enumerate(drifting_episodes(4))
    ]


def test_features_of_a_frozen_model_become_the_scene():
    model = MeanColour()
    found = with_features(seen_episodes(), model)
    assert model.asked == [(["head"], "do")] * 4, "once per episode"
    assert found[2].scene.tolist() == [[2.0, 2.0, 2.0]] * 30
    assert not found[2].images
    beside = with_features(seen_episodes(), model, keep_scene=True)
    assert beside[1].scene.shape == (30, 5)
    critic = train_critic(found, CriticSettings(pretrain_steps=2, steps=2, hidden=8))
    assert critic.header.sizes.scene == 3


def test_features_that_do_not_fit_are_refused():
    class Wrong:
        def features(self, images, instruction):
            return torch.zeros(29, 3)

    with pytest.raises(DatasetInvalid, match=r"features of episode e00 have shape \(29, 3\).*wanted are 30 rows"):
        with_features(seen_episodes(), Wrong())
    with pytest.raises(DatasetInvalid, match="e00 has no images"):
        with_features(drifting_episodes(), MeanColour())
