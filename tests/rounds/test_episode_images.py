"""Images at the steps of an episode: the newest that had come, made as small as live ones; no images, no step."""

import numpy as np
import pytest

from rove_teleop.episodes.camera_images import CameraImages
from rove_teleop.episodes.find import find_episode
from rove_teleop.models.checkpoint import load_checkpoint
from rove_teleop.models.looking import look
from rove_teleop.rounds.training_data import Wanted, read_training_data, wanted_of
from rove_teleop.rounds.training_run import constants_of, train_method

from .recorded import demonstration, rollout, write_episode
from .test_training_run import tiny

EYES = {"ego": (16, 24)}


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    root = tmp_path_factory.mktemp("filmed") / "dataset"
    for seed, (parts, outcome) in enumerate(((demonstration(), "success"), (rollout(), "success"))):
        write_episode(root, parts, outcome, seed, cameras=["ego"])
    write_episode(root, rollout(), "success", 5)
    return root


def test_every_step_sees_the_newest_image_that_had_come(filmed):
    data = read_training_data([filmed], Wanted(eyes=EYES))
    (blind,) = data.skipped.values()
    assert "has no camera 'ego'" in blind and data.feature_names == ()
    for item, source in zip(data.episodes, data.sources, strict=True):
        episode = find_episode(filmed, source.id)
        assert item.images["ego"].shape == (len(item), 16, 24, 3) and item.scene.shape == (len(item), 0)
        received_s = np.asarray(episode["cameras/ego/receive_s"])
        for step in (0, 7, len(item) - 1):
            now_s = episode["control/stamp_s"][source.row[step]]
            number = int(np.flatnonzero(received_s <= now_s)[-1])
            whole = CameraImages(episode, "ego").image(number)
            pooled = whole.reshape(16, 2, 24, 2, 3).mean(axis=(1, 3))
            assert np.max(np.abs(item.images["ego"][step] - pooled)) <= 1.0


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_a_policy_with_eyes_is_trained_and_trained_further(filmed, tmp_path):
    write_episode(filmed, rollout(-0.2), "failure", 7, cameras=["ego"])
    write_episode(filmed, rollout(-0.1), "failure", 8, cameras=["ego"])
    preset = tiny()
    data = read_training_data([filmed], Wanted(eyes=EYES), constants_of(preset))
    first = train_method(data, "rove", tmp_path / "first", preset)
    checkpoint = load_checkpoint(first.policy)
    eyes = checkpoint.header.vision
    assert eyes is not None and eyes.cameras == ("ego",) and checkpoint.header.feature_names == ()
    assert not isinstance(look(eyes, {"ego": np.zeros((32, 48, 3), np.uint8)}, "reach the goal"), str)
    again = read_training_data([filmed], wanted_of(checkpoint), constants_of(preset))
    second = train_method(again, "rove", tmp_path / "second", preset, initial=first.policy)
    assert load_checkpoint(second.policy).header.vision == eyes
