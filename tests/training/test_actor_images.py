"""The mini-VLA: it finds the goal in a picture, and the same code trains, resumes, stores and acts with it."""

import dataclasses

import numpy as np
import pytest

from rove_teleop.errors import CheckpointInvalid, DatasetInvalid
from rove_teleop.models.checkpoint import load_checkpoint, save_checkpoint
from rove_teleop.policy.local import LocalPolicy
from rove_teleop.policy.protocol import Observation
from rove_teleop.training.actor import ActorSettings, Supervision, train_actor

from .synthetic import ABOUT, ROBOT, reach

SEEING = dataclasses.replace(ABOUT, cameras=("head",))
SETTINGS = ActorSettings(
    steps=60, batch=32, hidden=32, layers=2, learning_rate=3e-3, vision_width=16, vision_blocks=1, vision_heads=2,
    state_dropout=0.0, report_every=20,
)  # fmt: skip
STILL = np.zeros(len(ROBOT.joint_names))


def picture(goal, size=16):
    """Bright where the goal is: left for -0.3, right for 0.3."""
    columns = np.linspace(-0.3, 0.3, size)
    bright = 255.0 * np.exp(-(((columns - goal) / 0.06) ** 2))
    return np.broadcast_to(bright[None, :, None], (size, size, 3)).astype(np.uint8)


def seen(goal):
    """The first five steps: later the joints would tell what the picture shows."""
    whole = reach(goal, steps=5)
    return dataclasses.replace(whole, images={"head": np.repeat(picture(goal)[None], 5, axis=0)})


EPISODES = [seen(goal) for goal in np.linspace(-0.3, 0.3, 16)]


def train(settings=SETTINGS, episodes=EPISODES, about=SEEING, **rest):
    use = [np.ones(len(episode), bool) for episode in episodes]
    return train_actor(episodes, Supervision(use, use), about, settings, **rest)


def test_the_loss_falls_and_the_policy_goes_where_the_picture_says(tmp_path):
    losses = []
    made = train(dataclasses.replace(SETTINGS, steps=100), progress=lambda step, steps, loss: losses.append(loss))
    assert losses[-1] < 0.6 * losses[0]
    save_checkpoint(tmp_path / "a", made)
    policy = LocalPolicy(load_checkpoint(tmp_path / "a"), ROBOT, continues=False)
    assert policy.cameras == ("head",)
    assert policy.header.feature_names == ()
    left, right = (
        policy.act(Observation(0.0, STILL, STILL, images={"head": picture(goal, 64)}, instruction="reach"))
        for goal in (-0.25, 0.25)
    )
    assert left.q_rad[-1, 0] < -0.03 < 0.03 < right.q_rad[-1, 0]
    assert policy.act(Observation(0.0, STILL, STILL)) is None
    assert policy.refused == {"no image": 1}


class Interrupted(Exception):
    pass


def test_it_is_resumed_bit_for_bit_and_goes_on_from_a_checkpoint(tmp_path):
    def stop(step, steps, loss):
        raise Interrupted

    short = dataclasses.replace(SETTINGS, steps=6, report_every=4, save_every=3)
    with pytest.raises(Interrupted):
        train(short, state=tmp_path / "state", progress=stop)
    resumed, whole = train(short, state=tmp_path / "state"), train(short)
    for one, other in ((resumed.weights, whole.weights), (resumed.vision_weights, whole.vision_weights)):
        assert one.keys() == other.keys() and one
        for key, value in one.items():
            np.testing.assert_array_equal(value, other[key])
    frozen = train(dataclasses.replace(short, learning_rate=0.0), initial=whole)
    for key, value in whole.vision_weights.items():
        np.testing.assert_array_equal(value, frozen.vision_weights[key])


def test_pictures_that_are_missing_or_of_another_size_are_refused():
    blind = dataclasses.replace(EPISODES[0], images={})
    large = dataclasses.replace(EPISODES[0], images={"head": np.zeros((5, 8, 16, 3), np.uint8)})
    other = dataclasses.replace(EPISODES[0], instruction="wipe")
    short = dataclasses.replace(SETTINGS, steps=1)
    whole = train(short)
    with pytest.raises(DatasetInvalid, match="no images of head"):
        train(episodes=[blind])
    for episodes, sentence in (([EPISODES[1], blind], "has none"), ([EPISODES[1], large], "has of .8, 16, 3.")):
        with pytest.raises(DatasetInvalid, match=sentence):
            train(episodes=episodes)
    with pytest.raises(DatasetInvalid, match="an instruction that is new: 'wipe'"):
        train(episodes=[other], initial=whole)
    with pytest.raises(CheckpointInvalid, match="cameras .'head'."):
        train(about=ABOUT, initial=whole)
