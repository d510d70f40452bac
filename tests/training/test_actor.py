"""The actor: reproducible, resumable, equal where methods are equal, and deaf to joints that hold still."""

import dataclasses

import numpy as np
import pytest
import torch

from rove_teleop.errors import CheckpointInvalid, DatasetInvalid
from rove_teleop.models.checkpoint import load_checkpoint, save_checkpoint
from rove_teleop.models.flow import POSITIVE, sample
from rove_teleop.models.policy_network import build
from rove_teleop.policy.local import LocalPolicy
from rove_teleop.policy.protocol import Observation
from rove_teleop.training.actor import ActorSettings, Supervision, train_actor
from rove_teleop.training.methods import METHODS
from rove_teleop.training.supervision import LabelSettings

from .synthetic import ABOUT, JOINTS, ROBOT, first_step, reach

TINY = ActorSettings(steps=20, batch=32, hidden=16, layers=2, report_every=5, save_every=5)
EPISODES = [reach(goal) for goal in np.linspace(-0.3, 0.3, 8)]
STILL = np.zeros(len(ROBOT.joint_names))
TIMES = torch.linspace(0.0, 1.0, 5)


def everything(episodes=EPISODES, positive=None):
    use = [np.ones(len(episode), bool) for episode in episodes]
    return Supervision(use, None if positive is None else [flag & positive for flag in use])


def train(supervision=None, settings=TINY, seed=0, episodes=EPISODES, **rest):
    return train_actor(episodes, supervision or everything(episodes), ABOUT, settings, seed, **rest)


def written(path, checkpoint):
    save_checkpoint(path, checkpoint)
    return path.read_bytes()


def velocities(checkpoint, tag=None):
    """What the field says at five random points."""
    actor = build(checkpoint).actor
    shape = (5, actor.sizes.horizon, actor.sizes.joints)
    generator = torch.Generator().manual_seed(1)
    x, seen = torch.randn(shape, generator=generator), torch.randn(5, actor.sizes.observation, generator=generator)
    return actor(x, TIMES, seen, None if tag is None else torch.full((5,), tag))


BASE = train(settings=dataclasses.replace(TINY, steps=60))


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    once, again, other = (written(tmp_path / "a", train(everything(positive=True), seed=seed)) for seed in (1, 1, 2))
    assert once == again != other


class Interrupted(Exception):
    pass


def test_an_interrupted_run_ends_in_the_same_bytes(tmp_path):
    def stop(step, steps, loss):
        if step == 15:
            raise Interrupted

    state, reports = tmp_path / "state", []
    settings = dataclasses.replace(TINY, save_every=10)
    with pytest.raises(Interrupted):
        train(settings=settings, state=state, progress=stop)
    assert state.exists()
    with pytest.raises(CheckpointInvalid, match="seed"):
        train(settings=settings, state=state, seed=5)
    with pytest.raises(CheckpointInvalid, match="data"):
        train(settings=settings, state=state, episodes=EPISODES[:-1])
    resumed = train(settings=settings, state=state, progress=lambda step, steps, loss: reports.append(step))
    assert reports == [15, 20], "what was done before step 10 is not done again"
    assert not state.exists()
    assert written(tmp_path / "a", resumed) == written(tmp_path / "b", train(settings=settings))


def test_tags_begin_without_effect_and_go_without_effect():
    still = dataclasses.replace(TINY, steps=1, learning_rate=0.0)
    tagged = train(everything(positive=True), still, initial=BASE)
    assert tagged.header.condition_classes == 2
    for tag in (0, 1):
        assert torch.equal(velocities(tagged, tag), velocities(BASE))
    learnt = train(everything(positive=True), dataclasses.replace(TINY, learning_rate=0.05), initial=tagged)
    assert (velocities(learnt, 1) - velocities(learnt, 0)).abs().max() > 1e-3
    plain = train(everything(), still, initial=learnt)
    assert plain.header.condition_classes == 0
    torch.testing.assert_close(velocities(plain), velocities(learnt, POSITIVE), rtol=1e-4, atol=1e-4)


def test_all_positive_is_plain_imitation_up_to_the_embedding():
    settings = dataclasses.replace(TINY, steps=60, report_every=1)
    losses = {"plain": [], "positive": []}
    train(settings=settings, initial=BASE, progress=lambda step, steps, loss: losses["plain"].append(loss))
    made = train(
        everything(positive=True),
        settings,
        initial=BASE,
        progress=lambda step, steps, loss: losses["positive"].append(loss),
    )
    assert losses["plain"][0] == losses["positive"][0]
    np.testing.assert_allclose(losses["plain"], losses["positive"], rtol=0.05)
    assert not made.weights["condition.weight"][0].any(), "nothing was negative, so nothing was learnt of it"
    assert made.weights["condition.weight"][1].any()


def test_filtered_bc_that_keeps_everything_is_sft(tmp_path):
    """The threshold is strict, so that even at percentile 0 the worst chunk falls out: sft does without it too."""
    values = [np.random.default_rng(number).normal(size=len(episode)) for number, episode in enumerate(EPISODES)]
    labels = LabelSettings(percentile=0.0, horizon=4)
    kept = METHODS["filtered-bc"].supervise(EPISODES, values, labels)
    assert sum(int((~use).sum()) for use in kept.use) == 1
    same = [dataclasses.replace(episode, imitable=use) for episode, use in zip(EPISODES, kept.use, strict=True)]
    cloned = METHODS["sft"].supervise(same, None, labels)
    assert written(tmp_path / "a", train(kept)) == written(tmp_path / "b", train(cloned, episodes=same))


def test_the_tag_decides_what_an_actor_does(tmp_path):
    """To the goal is positive and away from it negative, as often: what to do depends on tag and goal together."""
    goals = np.linspace(-0.3, 0.3, 12)
    away = [reach(-goal, kind="rollout", scene=np.full((40, 1), goal, np.float32)) for goal in goals]
    episodes = [first_step(episode) for episode in [reach(goal) for goal in goals] + away]
    use = [np.ones(1, bool) for _ in episodes]
    good = [np.full(1, episode.kind == "demonstration") for episode in episodes]
    settings = ActorSettings(steps=400, batch=64, hidden=64, layers=2, learning_rate=3e-3)
    about = dataclasses.replace(ABOUT, beta=1.0)
    save_checkpoint(tmp_path / "a", train_actor(episodes, Supervision(use, good), about, settings))
    checkpoint = load_checkpoint(tmp_path / "a")
    policy = LocalPolicy(checkpoint, ROBOT, continues=False)
    assert policy.beta == 1.0
    seen = Observation(0.0, STILL, STILL, ("goal",), np.array([0.2]))
    for beta, sign in ((1.0, 1.0), (0.0, -1.0), (1.5, 1.0)):
        policy.beta = beta
        policy.reset(0)
        assert sign * policy.act(seen).q_rad[-1, 0] > 0.05
    policy.beta = 1.0
    policy.reset(3)
    network = build(checkpoint)
    encoded = torch.from_numpy(policy.act(seen).embedding).float()[None]
    policy.reset(3)
    alone = sample(network.actor, encoded, torch.Generator().manual_seed(3), condition=torch.tensor([POSITIVE]))
    expected = checkpoint.normalisation.decode_delta(alone[0].double().numpy())
    np.testing.assert_allclose(policy.act(seen).q_rad, expected, atol=1e-6)


def test_a_third_class_is_what_was_shown_without_a_tag():
    shown = train(everything(positive=True), dataclasses.replace(TINY, null_share=0.5))
    assert shown.header.condition_classes == 3
    negative, positive, null = shown.weights["condition.weight"]
    assert not negative.any()
    assert positive.any()
    assert null.any()
    LocalPolicy(shown, ROBOT)


def test_joints_that_hold_still_are_not_predicted():
    assert BASE.header.joint_names == JOINTS[:1]
    with pytest.raises(DatasetInvalid, match="no joint moves"):
        train(episodes=[reach(0.0)])


def test_a_joint_that_hardly_moves_cannot_leak_error_into_the_hand():
    """Even an actor that learnt nothing puts only a few milliradians on it: its scale is floored at 1 mrad."""
    episodes = [reach(goal) for goal in np.linspace(-0.3, 0.3, 30)]
    nudged = episodes[0].delta_rad.copy()
    nudged[0, :, 1] = 0.011
    episodes[0] = dataclasses.replace(episodes[0], delta_rad=nudged)
    ignorant = train(settings=dataclasses.replace(TINY, steps=1), episodes=episodes)
    assert ignorant.header.joint_names == JOINTS
    plan = LocalPolicy(ignorant, ROBOT, continues=False).act(Observation(0.0, STILL, STILL, ("goal",), np.array([0.1])))
    assert np.abs(plan.q_rad[:, 1]).max() < 0.005
    assert np.abs(plan.q_rad[:, 0]).max() > 0.02


def test_fine_tuning_keeps_the_scales_and_takes_columns_by_name():
    swapped = dataclasses.replace(ABOUT, joint_names=JOINTS[::-1])
    turned = [
        dataclasses.replace(item, joints=item.joints[:, [1, 0, 3, 2]], delta_rad=item.delta_rad[:, :, ::-1])
        for item in EPISODES[:3]
    ]
    there = train(initial=BASE, episodes=EPISODES[:3])
    here = train_actor(turned, everything(turned), swapped, TINY, initial=BASE)
    assert here.normalisation is BASE.normalisation
    for key, value in there.weights.items():
        np.testing.assert_array_equal(value, here.weights[key])


def test_what_does_not_belong_together_is_refused():
    for change, sentence in (
        ({"feature_names": ("other",)}, "features .'goal'."),
        ({"joint_names": ("waist_yaw", JOINTS[1])}, f"joints .'{JOINTS[0]}'."),
        ({"step_s": 0.1}, "cut for 8 points 0.1 s apart"),
    ):
        with pytest.raises(CheckpointInvalid, match=sentence):
            train_actor(EPISODES, everything(), dataclasses.replace(ABOUT, **change), TINY, initial=BASE)
    with pytest.raises(DatasetInvalid, match="the actor is for"):
        train_actor(EPISODES, everything(), dataclasses.replace(ABOUT, horizon=9), TINY)
    with pytest.raises(DatasetInvalid, match="no chunk|none of the"):
        train(Supervision([np.zeros(40, bool) for _ in EPISODES]))
    with pytest.raises(DatasetInvalid, match="8 episodes, but supervision of 7"):
        train(everything(EPISODES[:7]))
    blind = dataclasses.replace(EPISODES[0], imitable=np.zeros(40, bool))
    with pytest.raises(DatasetInvalid, match="nobody knows what followed"):
        train(episodes=[blind])
    broken = dataclasses.replace(EPISODES[0], joints=np.full((40, 4), np.nan, np.float32))
    with pytest.raises(DatasetInvalid, match="not finite"):
        train(episodes=[*EPISODES[1:], broken])


def test_more_data_is_trained_longer_where_epochs_are_asked_for():
    def provenance(epochs):
        return train(settings=dataclasses.replace(TINY, epochs=epochs)).header.provenance

    samples = int(provenance(0.0)["samples"])
    assert provenance(1e-6)["settings.steps"] == "20"
    assert provenance(4.0)["settings.steps"] == str(-(-4 * samples // TINY.batch)) > "20"
