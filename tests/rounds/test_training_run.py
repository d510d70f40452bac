"""Whole runs: every method, the same bytes from the same arguments, a killed run that goes on."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from rove_teleop.episode_dataset import EpisodeDataset
from rove_teleop.episodes.find import find_episode
from rove_teleop.episodes.labels import read_derived
from rove_teleop.errors import DatasetInvalid, UsageError
from rove_teleop.models.checkpoint import load_checkpoint
from rove_teleop.models.critic_checkpoint import load_critic
from rove_teleop.models.policy_critic import load_policy_critic
from rove_teleop.rounds.training_data import Wanted, read_training_data, wanted_of
from rove_teleop.rounds.training_run import constants_of, train_method
from rove_teleop.training.methods import METHODS
from rove_teleop.training.presets import PRESETS, Preset

from .recorded import rollout, write_episode


def tiny(name: str = "paper") -> Preset:
    full = PRESETS[name]
    actor = replace(full.actor, steps=20, batch=16, hidden=8, layers=1, report_every=10)
    critic = replace(full.critic, steps=20, pretrain_steps=20, batch=16, hidden=8, report_every=10)
    return replace(full, critic=critic, actor=actor, base=actor)


def data_for(root, name: str = "paper", **wanted):
    return read_training_data([root], Wanted(**wanted), constants_of(PRESETS[name]))


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_imitation_gives_a_policy_that_says_what_it_is(reach, tmp_path):
    run = train_method(data_for(reach), "sft", tmp_path / "run", tiny())
    header = load_checkpoint(run.policy).header
    assert (header.task, header.robot, header.step_s, header.condition_classes) == ("reach", "iron_r01", 0.05, 0)
    assert (
        header.provenance["method"] == "sft" and header.provenance["data.revision"] == run.metrics["data"]["revision"]
    )
    names = {path.name for path in run.out.iterdir()}
    assert names >= {
        "config.json",
        "labels.npz",
        "policy.safetensors",
        "metrics.json",
        "report.md",
        "README.md",
        "plots",
    }
    assert "critic.safetensors" not in names and "state" not in names
    assert not list(run.out.rglob("*.partial"))
    card = (run.out / "README.md").read_text()
    assert header.provenance["data.revision"] in card and "intervention success" in card and "chunks shown" in card


def test_bad_data_is_refused_in_one_sentence(reach, tmp_path):
    with pytest.raises(DatasetInvalid, match="other rewards"):
        train_method(data_for(reach), "rove", tmp_path / "run", tiny("seed"))
    with pytest.raises(UsageError, match="no method 'bc'"):
        train_method(data_for(reach), "bc", tmp_path / "run", tiny())
    good = replace_episodes(data_for(reach), lambda item: item.kind == "demonstration")
    with pytest.raises(DatasetInvalid, match="(?i)success"):
        train_method(good, "rove", tmp_path / "run", tiny())
    with pytest.raises(DatasetInvalid, match="none of the 4 episodes has a chunk that this method learns from"):
        train_method(
            replace_episodes(data_for(reach), lambda item: item.kind == "rollout"), "sft", tmp_path / "b", tiny()
        )


def replace_episodes(data, keep):
    chosen = [number for number, item in enumerate(data.episodes) if keep(item)]
    return replace(
        data, episodes=[data.episodes[n] for n in chosen], sources=[data.sources[n] for n in chosen]
    )  # fmt: skip


@pytest.mark.integration
@pytest.mark.timeout(120)
@pytest.mark.parametrize("method", ("filtered-bc", "recap"))
def test_every_method_trains_and_says_what_it_did(reach, tmp_path, method):
    run = train_method(data_for(reach), method, tmp_path / method, tiny())
    header = load_checkpoint(run.policy).header
    with_tags = method in ("rove", "recap")
    assert (header.condition_classes > 0) is with_tags and (header.beta is not None) is with_tags
    assert ("labels" in run.metrics) is (METHODS[method].critic is not None)
    watching = load_policy_critic(run.policy, header)
    assert (watching is not None) is (METHODS[method].critic is not None)
    if watching is not None:
        assert watching.critic.header.seen == load_critic(run.out / "critic.safetensors").header.seen
    assert "## Data" in (run.out / "report.md").read_text()


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_the_seeds_preset_and_a_policy_that_is_trained_further(reach, tmp_path):
    first = train_method(data_for(reach, "seed"), "sft", tmp_path / "first", tiny("seed"))
    wanted = wanted_of(load_checkpoint(first.policy))
    data = read_training_data([reach], wanted, constants_of(PRESETS["seed"]))
    second = train_method(data, "rove", tmp_path / "second", tiny("seed"), initial=first.policy)
    assert load_checkpoint(second.policy).header.joint_names == data.joint_names
    assert json.loads((second.out / "config.json").read_text())["initial_sha256"]


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_a_run_goes_on_from_every_stage_to_the_same_bytes(reach, tmp_path):
    data = data_for(reach)
    whole = train_method(data, "rove", tmp_path / "whole", tiny())
    policy, labels = whole.policy.read_bytes(), (whole.out / "labels.npz").read_bytes()
    for stage, gone in enumerate((
        ("metrics.json", "policy.safetensors"),
        ("metrics.json", "policy.safetensors", "labels.npz", "critic.safetensors"),
    )):  # fmt: skip
        part = tmp_path / f"part-{stage}"
        shutil.copytree(whole.out, part)
        for name in gone:
            (part / name).unlink()
        again = train_method(data, "rove", part, tiny())
        assert again.policy.read_bytes() == policy and (part / "labels.npz").read_bytes() == labels
        assert {**again.metrics, "notes": []} == {**whole.metrics, "notes": []}
    assert train_method(data, "rove", whole.out, tiny()).metrics == json.loads(
        (whole.out / "metrics.json").read_text()
    )  # fmt: skip


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_labels_lie_beside_the_episodes_and_a_changed_dataset_is_refused(reach, tmp_path):
    root = tmp_path / "dataset"
    shutil.copytree(reach, root)
    out = tmp_path / "run"
    data = data_for(root)
    train_method(data, "rove", out, tiny(), label_run="run")
    arrays = read_derived(root, "run", find_episode(root, data.sources[0].id)).arrays
    assert set(arrays) == {"used", "positive", "value", "advantage", "threshold"}
    windows = EpisodeDataset(root, {"labels/run/positive": (0,), "labels/run/value": (0,)}, rate_hz=20.0)
    flags = np.array([bool(windows[number]["labels/run/positive"]) for number in range(len(windows))])
    assert 0.1 < flags.mean() < 0.5 and len(flags) >= 0.9 * sum(len(item) for item in data.episodes)
    write_episode(root, rollout(), seed=9)
    with pytest.raises(UsageError, match="episodes or edits changed"):
        train_method(data_for(root), "rove", out, tiny(), label_run="run")
    with pytest.raises(UsageError, match="labels 'run' of another run"):
        train_method(data_for(root), "rove", tmp_path / "other", tiny(), label_run="run")
