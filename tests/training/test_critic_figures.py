import dataclasses

import numpy as np
import pytest

from rove_teleop.errors import DatasetInvalid
from rove_teleop.training.critic_figures import fails_after, ranking, reliability
from rove_teleop.training.segments import monte_carlo

from .made_episodes import drifting_episodes, made_episode


def test_ranking_counts_the_pairs_in_the_right_order():
    generator = np.random.default_rng(0)
    episodes = drifting_episodes(40)
    values = [np.round(generator.normal(float(one.success), 1.0, len(one)), 1) for one in episodes]
    well = [value[15] for one, value in zip(episodes, values, strict=True) if one.success]
    failing = [value[15] for one, value in zip(episodes, values, strict=True) if not one.success]
    pairs = [(a > b) + 0.5 * (a == b) for a in well for b in failing]
    found, row = ranking(episodes, values)
    assert found.auc == pytest.approx(np.mean(pairs)) and row == 15
    assert (found.well, found.failing) == (20, 20)
    assert 0.0 <= found.low < found.auc < found.high <= 1.0
    assert ranking(episodes, [-value for value in values])[0].auc == pytest.approx(1.0 - found.auc)
    with pytest.raises(DatasetInvalid, match="the 20 episodes that a policy drives at step 15 all go well: no ranking"):
        ranking(episodes[::2], values[::2])


def test_a_value_that_only_knows_the_time_ranks_nothing():
    """Failures take longer; half of each one's own length would tell them apart."""
    lengths = [(40, True), (44, True), (80, False), (84, False)]
    episodes = [made_episode([-1.0] * steps, success=success) for steps, success in lengths]
    found, row = ranking(episodes, [-np.arange(len(one), dtype=np.float64) for one in episodes])
    assert (found.auc, found.well, found.failing, row) == (0.5, 2, 2, 31)


def test_only_what_a_policy_drives_is_ranked():
    """A demonstration, an episode that is over by then, and one that a person has taken over by then do not count."""
    person = {"source": np.full(40, 2, np.uint8)}
    taken = {"source": np.repeat(np.array([0, 1], np.uint8), [10, 30]), "kind": "intervention", "t_r": [35]}
    episodes = [
        made_episode([-1.0] * 40),
        made_episode([-1.0] * 40, success=False),
        made_episode([-1.0] * 12),
        made_episode([-1.0] * 40, kind="demonstration", **person),
        made_episode([-1.0] * 40, **taken),
    ]
    found, row = ranking(episodes, [np.full(len(one), -float(number)) for number, one in enumerate(episodes)])
    assert (found.well, found.failing, row) == (1, 1, 20)


def test_the_interval_holds_what_it_promises():
    """Of 300 studies with 30 + 30 episodes, about 95 % must hold the true AUC of two normals one deviation apart."""
    generator, episodes = np.random.default_rng(1), drifting_episodes(60, steps=2)
    truth, held = 0.7602, 0
    for _ in range(300):
        found, _ = ranking(episodes, [np.full(2, generator.normal(float(one.success), 1.0)) for one in episodes])
        held += found.low <= truth <= found.high
    assert 0.90 <= held / 300 <= 0.99


def test_a_takeover_that_lies_ahead_is_a_failure_from_there():
    corrected = made_episode([-1, -1, -100, -1, 0], t_r=[2], kind="intervention")
    assert [fails_after(corrected, row) for row in range(5)] == [True, True, True, False, False]
    assert fails_after(dataclasses.replace(corrected, success=False), 4)


def test_a_prediction_that_comes_true_lies_on_the_diagonal():
    episodes = drifting_episodes(12)
    truth = [monte_carlo(one) for one in episodes]
    found = reliability(episodes, truth, bins=5)
    np.testing.assert_allclose(found.predicted, found.realised)
    assert found.miss < 1e-9
    assert found.steps.sum() == 12 * 30
    assert np.all(np.diff(found.predicted) > 0.0)
    bold = reliability(episodes, [one + 7.0 for one in truth], bins=5)
    np.testing.assert_allclose(bold.predicted - bold.realised, 7.0)
    with pytest.raises(DatasetInvalid, match="0 steps are too few"):
        reliability([], [])


def test_the_error_knows_that_the_steps_of_an_episode_share_their_end():
    """Episodes of constant return, two per level: the error is that of 12 episodes, not of 360 steps."""
    levels = np.arange(12.0)
    episodes = [made_episode([0.0] * 29 + [level], name=str(level)) for level in levels]
    found = reliability(episodes, [np.zeros(30)] * 12, bins=1)
    assert found.realised[0] == pytest.approx(levels.mean())
    assert found.error[0] == pytest.approx(levels.std(ddof=1) / np.sqrt(12))
