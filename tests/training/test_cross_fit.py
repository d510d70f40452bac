import dataclasses

import numpy as np
import pytest

from rove_teleop.errors import DatasetInvalid
from rove_teleop.training.critic import CriticSettings, train_critic
from rove_teleop.training.cross_fit import assign_folds, cross_fitted_values

from .made_episodes import drifting_episodes

QUICK = CriticSettings(pretrain_steps=5, steps=5, batch=32, hidden=16, horizon=4)


def same(a, b):
    return [bool(np.array_equal(one, other)) for one, other in zip(a, b, strict=True)]


def test_no_value_depends_on_its_own_episode():
    """Whatever happens in an episode, the critic that values it was trained without: only others' values change."""
    episodes = drifting_episodes(12)
    values = cross_fitted_values(episodes, QUICK, folds=2, workers=1)
    fold = assign_folds(episodes, 2)
    for changed in (0, 3):
        other = list(episodes)
        other[changed] = dataclasses.replace(episodes[changed], reward=episodes[changed].reward - 5.0)
        assert same(cross_fitted_values(other, QUICK, folds=2), values) == (fold == fold[changed]).tolist()


def test_threads_change_nothing():
    episodes = drifting_episodes(12)
    alone = cross_fitted_values(episodes, QUICK, folds=4, workers=1)
    assert all(same(alone, cross_fitted_values(episodes, QUICK, folds=4, workers=4)))


def test_human_episodes_teach_every_fold_and_are_never_left_out():
    episodes = drifting_episodes(12)
    human = [dataclasses.replace(one, kind="human", name=f"h{one.name}") for one in drifting_episodes(4, seed=1)]
    both = [*episodes, *human]
    assert assign_folds(both, 3)[-4:].tolist() == [-1] * 4
    values = cross_fitted_values(both, QUICK, folds=2)
    assert [len(value) for value in values] == [30] * 16
    brighter = [dataclasses.replace(one, reward=one.reward - 5.0) for one in human]
    assert not any(same(cross_fitted_values([*episodes, *brighter], QUICK, folds=2)[:12], values[:12]))


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_folds_are_even_by_outcome_and_kind(folds):
    episodes = drifting_episodes(47)
    fold = assign_folds(episodes, folds, seed=4)
    assert not np.array_equal(fold, assign_folds(episodes, folds, seed=5))
    of = {
        "all": np.ones(47, bool),
        "failures": np.array([not one.success for one in episodes]),
        "demonstrations": np.array([one.kind == "demonstration" for one in episodes]),
    }
    for what, members in of.items():
        counts = np.bincount(fold[members], minlength=folds)
        assert np.ptp(counts) <= 1, what


def test_what_leaves_nothing_to_learn_from_is_refused():
    episodes = drifting_episodes(12)
    with pytest.raises(DatasetInvalid, match="without fold [12] of 2: each of the . episodes is a success"):
        cross_fitted_values([*episodes[::2], episodes[1]], QUICK, folds=2)
    known = train_critic(episodes, QUICK)
    with pytest.raises(DatasetInvalid, match="trained on 12 of the episodes, e00 among them"):
        cross_fitted_values(episodes, QUICK, initial=known)


def test_progress_counts_all_folds():
    steps = []
    cross_fitted_values(
        drifting_episodes(12), QUICK, folds=3, progress=lambda step, total, loss: steps.append((step, total))
    )
    assert steps == [(10, 30), (20, 30), (30, 30)]
