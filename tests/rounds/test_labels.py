"""Labels of a run: what is positive and why, per step and per tick, in a file and beside the episodes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.errors import UsageError
from rove_teleop.rounds.labels import check_run_name, label, load_values, per_tick, save_labels, store_labels
from rove_teleop.rounds.training_data import read_training_data
from rove_teleop.training.methods import METHODS
from rove_teleop.training.supervision import LabelSettings

from .recorded import rollout, write_episode


@pytest.fixture(scope="module")
def data(reach):
    return read_training_data([reach])


def values_of(data):
    """A value that rises as the hand comes closer."""
    return [100.0 * (item.scene[:, 0] - item.scene[:, 1]).astype(np.float64) for item in data.episodes]


def test_positive_is_strictly_above_the_threshold_and_follows_who_is_better(data):
    labels, supervision = label(data.episodes, METHODS["rove"], values_of(data), LabelSettings())
    for advantage, least, positive, used in zip(
        labels.advantage, labels.threshold, labels.positive, labels.used, strict=True
    ):
        assert np.array_equal(positive, advantage > least)
        assert np.array_equal(used, np.isfinite(advantage))
    pooled = np.concatenate(labels.advantage)
    pooled = pooled[np.isfinite(pooled)]
    assert labels.threshold[0][0] == pytest.approx(np.percentile(pooled, 70.0))
    assert supervision.positive is labels.positive
    share = {item.name: good.mean() for item, good in zip(data.episodes, labels.positive, strict=True)}
    failed = [share[item.name] for item in data.episodes if not item.success]
    assert max(failed) < 0.1 < max(share.values())


def test_a_threshold_per_driver_is_that_of_the_drivers_steps(data):
    settings = LabelSettings(pooled=False)
    labels, _ = label(data.episodes, METHODS["rove"], values_of(data), settings)
    for source in (0, 1, 2):
        mine = np.concatenate([a[e.source == source] for a, e in zip(labels.advantage, data.episodes, strict=True)])
        least = [t[e.source == source] for t, e in zip(labels.threshold, data.episodes, strict=True)]
        assert np.allclose(np.concatenate(least), np.percentile(mine[np.isfinite(mine)], 70.0))


def test_without_a_critic_there_is_only_what_was_used(data):
    labels, supervision = label(data.episodes, METHODS["sft"], None, LabelSettings())
    assert not labels.value and not labels.positive and supervision.positive is None
    assert [used.any() for used in labels.used] == [item.kind == "demonstration" for item in data.episodes]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 5), st.integers(1, 6))
def test_a_steps_label_holds_until_the_next_and_no_longer_than_a_step(gaps, first, held):
    row = first + np.cumsum([0, *gaps[:-1]])
    ticks = int(row[-1]) + 7
    number = np.arange(len(row), dtype=float)
    found = per_tick({"value": number, "good": number % 2 == 0}, row, ticks, held)
    for tick in range(ticks):
        before = [k for k, at in enumerate(row) if at <= tick < at + held]
        if not before:
            assert np.isnan(found["value"][tick]) and not found["good"][tick]
        else:
            assert found["value"][tick] == before[-1] and found["good"][tick] == (before[-1] % 2 == 0)


def test_values_come_back_from_the_file_and_only_to_these_episodes(data, tmp_path):
    labels, _ = label(data.episodes, METHODS["rove"], values_of(data), LabelSettings())
    save_labels(tmp_path / "labels.npz", data, labels)
    back = load_values(tmp_path / "labels.npz", data)
    assert all(np.array_equal(a, b) for a, b in zip(back, labels.value, strict=True))
    fewer = replace(data, episodes=data.episodes[1:], sources=data.sources[1:])
    assert load_values(tmp_path / "labels.npz", fewer) is None
    (tmp_path / "labels.npz").write_bytes(b"cut short")
    assert load_values(tmp_path / "labels.npz", data) is None
    assert load_values(tmp_path / "none.npz", data) is None


def test_labels_beside_the_episodes_go_on_after_a_kill_and_belong_to_one_run(tmp_path):
    from rove_teleop.episodes.find import find_episode
    from rove_teleop.episodes.labels import labelled_episodes, read_derived

    root = tmp_path / "dataset"
    ids = [write_episode(root, rollout(speed), seed=seed) for seed, speed in enumerate((0.4, 0.1))]
    data = read_training_data([root])
    labels, _ = label(data.episodes, METHODS["rove"], values_of(data), LabelSettings())
    half = replace(data, episodes=data.episodes[:1], sources=data.sources[:1])
    assert store_labels(half, labels, "first", {"seed": 0}, "") == []
    assert labelled_episodes(root, "first") == ids[:1]
    store_labels(data, labels, "first", {"seed": 0}, "")
    assert labelled_episodes(root, "first") == ids
    stored = read_derived(root, "first", find_episode(root, ids[0])).arrays
    row = data.sources[0].row
    for name, column in (("value", labels.value[0]), ("positive", labels.positive[0])):
        assert np.array_equal(stored[name][row], column), name
    with pytest.raises(UsageError, match="labels 'first' of another run"):
        check_run_name(data, "first", {"seed": 1})
    with pytest.raises(UsageError, match="'my run' is not a name for labels"):
        check_run_name(data, "my run", {})
