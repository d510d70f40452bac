import dataclasses

import numpy as np
import pytest
import torch

from rove_teleop.errors import CheckpointInvalid, DatasetInvalid
from rove_teleop.training.critic import CriticSettings, _dropped_out, load_critic, save_critic, train_critic
from rove_teleop.training.critic_data import CriticData, Scales, checked_segments, critic_data

from .made_episodes import drifting_episodes, made_episode

QUICK = CriticSettings(pretrain_steps=20, steps=20, batch=32, hidden=16, horizon=4)


def prepared(episodes, gamma=1.0) -> tuple[CriticData, Scales]:
    found = checked_segments(episodes, ["do"], 4, gamma)
    scales = Scales.fit(found)
    return critic_data(episodes, found, scales, (), "cpu"), scales


def test_it_learns_what_a_scene_is_worth():
    episodes = drifting_episodes()
    settings = dataclasses.replace(QUICK, pretrain_steps=150, steps=150, learning_rate=5e-3)
    losses = []
    critic = train_critic(episodes, settings, progress=lambda step, steps, loss: losses.append((step, steps, loss)))
    assert [step for step, _, _ in losses] == [100, 200, 300]
    assert losses[0][1] == 300
    success, failure = critic.value(episodes[0]), critic.value(episodes[1])
    assert success[20] == pytest.approx(-9.0, abs=12.0)
    assert failure[20] == pytest.approx(-109.0, abs=12.0)
    assert abs(success[5] - failure[5]) < 25.0, "nobody can tell them apart before the middle"
    live = critic.live("do")
    assert live(episodes[0].scene[20].astype(float)) == pytest.approx(success[20], rel=1e-5)


@pytest.mark.parametrize("kind", ["ove", "distributional"])
def test_the_same_input_gives_the_same_bytes_and_back(tmp_path, kind):
    settings = dataclasses.replace(QUICK, kind=kind, bins=11)
    episodes = drifting_episodes()
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.rand(1)  # the state of the global generator must not matter
        save_critic(tmp_path / name, train_critic(episodes, settings, seed))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()
    loaded = load_critic(tmp_path / "a")
    save_critic(tmp_path / "d", loaded)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "d").read_bytes()
    value = loaded.value(episodes[0])
    assert np.array_equal(value, train_critic(episodes, settings, 1).value(episodes[0]))
    assert loaded.header.seen[:2] == ("e00", "e01")
    assert kind != "distributional" or np.all((value >= loaded.header.low) & (value <= loaded.header.high))


def test_an_interrupted_run_ends_in_the_same_bits(tmp_path):
    class Killed(Exception):
        pass

    def kill(step, steps, loss):
        if step == killed_at:
            raise Killed

    episodes, settings = drifting_episodes(), dataclasses.replace(QUICK, report_every=1)
    steps: list[int] = []
    save_critic(tmp_path / "whole", train_critic(episodes, settings, 3))
    for killed_at in (13, 27, 40):  # while pre-training, while bootstrapping, after the last step
        run = tmp_path / f"run{killed_at}"
        with pytest.raises(Killed):
            train_critic(episodes, settings, 3, progress=kill, resume=run, save_every=5)
        steps.clear()
        for _ in range(2):  # the second time it is finished, and its file says so
            again = train_critic(episodes, settings, 3, None, lambda *at: steps.append(at[0]), run, 5)
            save_critic(tmp_path / "again", again)
            assert (tmp_path / "again").read_bytes() == (tmp_path / "whole").read_bytes()
        assert steps == list(range(killed_at - (killed_at - 1) % 5, 41))
    with pytest.raises(CheckpointInvalid, match="run13: belongs to a run with seed 3, this one has 4"):
        train_critic(episodes, settings, 4, resume=tmp_path / "run13")
    with pytest.raises(CheckpointInvalid, match="run13: belongs to a run with data"):
        train_critic(episodes[2:], settings, 3, resume=tmp_path / "run13")


@pytest.mark.parametrize("gamma", [1.0, 0.9])
def test_returns_of_the_dataset_fill_minus_one_to_zero(gamma):
    for episodes in (drifting_episodes(), [made_episode([0, 0, 1]), made_episode([0, 0, 0], success=False)]):
        data, scales = prepared(episodes, gamma)
        assert data.mc_return.min().item() == pytest.approx(-1.0)
        assert data.mc_return.max().item() == pytest.approx(0.0, abs=1e-6)
        assert data.bounded == (scales.high == 0.0)
        # A perfect critic meets its own targets: what is added and what is scaled fit together.
        ahead = torch.addcmul(data.reward, data.discount, data.mc_return[data.end])
        assert torch.allclose(ahead[data.usable], data.mc_return[data.usable], atol=1e-6)


def test_going_on_starts_from_the_same_values_in_another_range():
    episodes = drifting_episodes()
    first = train_critic(episodes, QUICK)
    worse = [*episodes, made_episode(np.full(30, -20.0), name="long", success=False, instruction="also")]
    still = dataclasses.replace(QUICK, steps=0)
    second = train_critic(worse, still, initial=first)
    assert second.header.low < first.header.low
    assert second.header.instructions == ("do", "also")
    assert "long" in second.header.seen
    np.testing.assert_allclose(second.value(episodes[0]), first.value(episodes[0]), rtol=1e-4)
    bins = dataclasses.replace(still, kind="distributional")
    with pytest.raises(CheckpointInvalid, match="has bins 0, the settings ask for 201"):
        train_critic(episodes, bins, initial=first)
    with pytest.raises(DatasetInvalid, match="have 3 scene features, the critic to start from has 2"):
        train_critic([made_episode([-1, -9], np.zeros((2, 3)), success=won) for won in (True, False)], still, 0, first)


def test_data_that_cannot_teach_is_refused():
    episodes = drifting_episodes()
    with pytest.raises(DatasetInvalid, match="no episode"):
        train_critic([], QUICK)
    with pytest.raises(DatasetInvalid, match="each of the 6 episodes is a success that nobody had to correct"):
        train_critic(episodes[::2], QUICK)
    with pytest.raises(DatasetInvalid, match="each of the 6 episodes is a failure"):
        train_critic(episodes[1::2], QUICK)
    corrected = made_episode([-1, -100, -1, 0], t_r=[1], kind="intervention")
    train_critic([episodes[0], corrected], dataclasses.replace(QUICK, pretrain_steps=1, steps=1))
    with pytest.raises(DatasetInvalid, match="return 0: there is nothing to learn"):
        train_critic([made_episode([0, 0], success=won) for won in (True, False)], QUICK)
    with pytest.raises(DatasetInvalid, match=r"e00 \(of 12\) has no images of camera 'head'"):
        train_critic(episodes, dataclasses.replace(QUICK, cameras=("head",)))


def test_values_of_what_it_does_not_know_are_refused():
    critic = train_critic(drifting_episodes(), dataclasses.replace(QUICK, pretrain_steps=1, steps=1))
    with pytest.raises(DatasetInvalid, match="an instruction that is new: 'wipe'"):
        critic.value(made_episode([0], instruction="wipe"))
    with pytest.raises(DatasetInvalid, match="has 3 scene features, the critic was trained on 2"):
        critic.value(made_episode([0], np.zeros((1, 3))))
    with pytest.raises(CheckpointInvalid, match="not 'wipe'"):
        critic.live("wipe")


def test_a_camera_alone_can_tell():
    """The scene is constant; success is bright from the middle on."""
    episodes = [
        dataclasses.replace(
            episode,
            scene=np.zeros((30, 1), np.float32),
            images={"head": np.broadcast_to(np.uint8(100 + 80 * episode.scene[:, 0].round())[:, None, None, None],
                                            (30, 8, 8, 3)).copy()},
        )
        for episode in drifting_episodes()
    ]  # fmt: skip
    settings = dataclasses.replace(
        QUICK, cameras=("head",), pretrain_steps=40, steps=20, learning_rate=5e-3, image_features=8
    )
    critic = train_critic(episodes, settings)
    assert critic.value(episodes[0])[20] > critic.value(episodes[1])[20] + 60.0
    live = critic.live("do")(np.zeros(1), {"head": episodes[1].images["head"][20]})
    assert live == pytest.approx(critic.value(episodes[1])[20], rel=1e-4)
    with pytest.raises(DatasetInvalid, match="no images of head"):
        critic.value(dataclasses.replace(episodes[0], images={}))


def test_features_that_are_left_out_are_zero_and_the_mean_stays():
    scene = torch.ones(400, 50)
    found = _dropped_out(scene, 0.3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found.unique(), torch.tensor([0.0, 1.0 / 0.7]))
    assert abs(float(found.mean()) - 1.0) < 0.02
    assert abs(float((found == 0.0).float().mean()) - 0.3) < 0.02


def test_a_critic_of_spoilt_scenes_is_another_one_and_always_the_same():
    episodes, spoilt = drifting_episodes(12), dataclasses.replace(QUICK, scene_dropout=0.3)
    first, again, plain = (train_critic(episodes, chosen).value(episodes[0]) for chosen in (spoilt, spoilt, QUICK))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, plain)
