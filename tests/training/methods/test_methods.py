"""What each method shows the actor, on the same four episodes under the same critic."""

import dataclasses

import numpy as np
import pytest

from rove_teleop.errors import DatasetInvalid, UsageError
from rove_teleop.training.methods import METHODS, method
from rove_teleop.training.methods.filtered_bc import fails
from rove_teleop.training.supervision import LabelSettings, judge

from ..synthetic import reach

SETTINGS = LabelSettings(horizon=4)
DRIVERS = np.repeat([0, 1, 2], [15, 10, 15])
EPISODES = [
    reach(0.1),
    reach(0.2, kind="rollout", success=False),
    reach(0.3, kind="intervention", source=DRIVERS, t_r=np.arange(40) == 25),
    reach(-0.1, kind="human", success=False),
]
VALUES = [np.random.default_rng(number).normal(0.0, 30.0, 40) for number in range(4)]
DEMO, ROLLOUT, CORRECTED, HUMAN = range(4)


def shown(name, episodes=EPISODES, values=VALUES):
    return METHODS[name].supervise(episodes, values, SETTINGS)


def used(name):
    return [use.sum() for use in shown(name).use]


def test_demonstrations_alone_for_sft():
    assert used("sft") == [40, 0, 0, 0]
    assert shown("sft").positive is None


def test_demonstrations_and_every_step_a_person_drove_for_hg_dagger():
    assert used("hg-dagger") == [40, 0, 25, 0]
    np.testing.assert_array_equal(shown("hg-dagger").use[CORRECTED], DRIVERS != 0)
    assert shown("hg-dagger").positive is None


def test_the_better_chunks_in_which_nothing_failed_for_filtered_bc():
    _, above = judge(EPISODES, VALUES, SETTINGS)
    kept = shown("filtered-bc").use
    assert shown("filtered-bc").positive is None
    for episode, good, use in zip(EPISODES, above, kept, strict=True):
        np.testing.assert_array_equal(use, good & ~fails(episode, 4))


def test_a_chunk_fails_where_its_steps_pay_for_it_and_not_across_a_cut():
    np.testing.assert_array_equal(np.flatnonzero(fails(EPISODES[ROLLOUT], 4)), [36, 37, 38, 39])
    np.testing.assert_array_equal(np.flatnonzero(fails(EPISODES[CORRECTED], 4)), [22, 23, 24, 25])
    cut = dataclasses.replace(EPISODES[CORRECTED], cut_before=np.arange(40) == 24)
    np.testing.assert_array_equal(np.flatnonzero(fails(cut, 4)), [24, 25])
    assert not fails(EPISODES[DEMO], 40).any()


def test_a_seen_failure_does_not_become_an_example():
    """The critic knows the failure before it comes: the advantage of failing is 0, better than most here."""
    episode = EPISODES[ROLLOUT]
    known = np.cumsum(episode.reward[::-1])[::-1].astype(float)
    known[:30] += 40.0 * np.arange(30)[::-1]
    _, above = judge([episode], [known], SETTINGS)
    assert above[0][36:].any()
    assert not METHODS["filtered-bc"].supervise([episode], [known], SETTINGS).use[0][36:].any()


def test_everything_with_a_tag_and_nobody_forced_for_rove():
    found = shown("rove")
    advantage, above = judge(EPISODES, VALUES, SETTINGS)
    for use, good, known, better in zip(found.use, found.positive, advantage, above, strict=True):
        np.testing.assert_array_equal(use, np.isfinite(known))
        np.testing.assert_array_equal(good, better)
    assert 0 < found.positive[CORRECTED][25:].sum() < 15, "some of the recovery is good and some is not"
    assert used("rove")[HUMAN] == 0


def test_recovery_is_positive_by_office_for_recap_and_nothing_else():
    rove, recap = shown("rove"), shown("recap")
    assert recap.positive[CORRECTED][DRIVERS == 2].all()
    for number, (ours, theirs) in enumerate(zip(rove.positive, recap.positive, strict=True)):
        same = (DRIVERS != 2) if number == CORRECTED else np.ones(40, bool)
        np.testing.assert_array_equal(ours[same], theirs[same])
    for ours, theirs in zip(rove.use, recap.use, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_nobody_knows_the_end_of_is_never_shown():
    blind = [dataclasses.replace(episode, imitable=np.arange(40) < 5) for episode in EPISODES[:3]]
    for name in METHODS:
        for use in shown(name, blind, VALUES[:3]).use:
            assert not use[5:].any()


def test_which_critic_which_decoding():
    kinds = {name: found.critic.kind if found.critic else None for name, found in METHODS.items()}
    assert kinds == {
        "sft": None,
        "filtered-bc": "ove",
        "hg-dagger": None,
        "recap": "distributional",
        "rove": "ove",
    }
    assert METHODS["filtered-bc"].critic == METHODS["rove"].critic
    assert {name for name, found in METHODS.items() if found.beta is not None} == {"recap", "rove"}
    assert {name for name, found in METHODS.items() if found.uses_human} == {"filtered-bc", "rove"}
    with pytest.raises(UsageError, match="no method 'bc'"):
        method("bc")
    with pytest.raises(DatasetInvalid, match="a critic's values"):
        METHODS["rove"].supervise(EPISODES, None, SETTINGS)
