import numpy as np
import pytest

from rove_teleop.errors import DatasetInvalid
from rove_teleop.training.segments import monte_carlo, segments, spans

from .made_episodes import made_episode


def one_by_one(reward, cuts, horizon, gamma):
    """The definition, step by step: walk until the horizon, the end of the episode or a cut."""
    found = []
    for start in range(len(reward)):
        total, taken, row = 0.0, 0, start
        while taken < horizon and row < len(reward) and row + 1 not in cuts:
            total += gamma**taken * reward[row]
            taken, row = taken + 1, row + 1
        found.append((row, total, taken, row == len(reward)))
    return found


@pytest.mark.parametrize("gamma", [1.0, 0.9])
def test_spans_are_their_definition_for_any_cuts(gamma):
    generator = np.random.default_rng(0)
    for count in (1, 2, 5, 9, 40):
        for horizon in (1, 3, 16, 50):
            reward = generator.normal(size=count).astype(np.float32)
            cuts = set(np.flatnonzero(generator.random(count) < 0.2).tolist()) - {0}
            span = spans(made_episode(reward, cuts=list(cuts)), horizon, gamma)
            for step, (row, total, taken, over) in enumerate(one_by_one(reward.astype(float), cuts, horizon, gamma)):
                assert span.usable[step] == (taken > 0)
                assert span.reward_sum[step] == pytest.approx(total)
                assert span.discount[step] == pytest.approx(0.0 if over else gamma**taken)
                assert over or span.end[step] == row


def test_the_end_truncates_and_a_cut_bootstraps_before_it():
    span = spans(made_episode([-1, -2, -3, -4, -50], cuts=[2]), horizon=2)
    assert span.reward_sum.tolist() == [-1, 0, -7, -54, -50]
    assert span.discount.tolist() == [1, 1, 1, 0, 0]
    assert span.end[:3].tolist() == [1, 1, 4]
    assert span.usable.tolist() == [True, False, True, True, True]


def test_monte_carlo_goes_on_across_a_cut():
    assert monte_carlo(made_episode([-1, -2, -3], cuts=[1])).tolist() == [-6, -5, -3]
    assert monte_carlo(made_episode([0, 0, 1], cuts=[1]), gamma=0.5).tolist() == [0.25, 0.5, 1]


def test_rows_of_several_episodes_stay_in_their_own():
    first, second = made_episode([-1, 0]), made_episode([-1, -1, -9], instruction="other", success=False)
    found = segments([first, second], ["other", "do"], horizon=1)
    assert found.end.tolist()[:1] + found.end.tolist()[2:4] == [1, 3, 4]
    assert found.instruction.tolist() == [1, 1, 0, 0, 0]
    assert found.episode.tolist() == [0, 0, 1, 1, 1]
    assert found.mc_return.tolist() == [-1, 0, -11, -10, -9]


def test_episodes_that_do_not_belong_together_are_named():
    with pytest.raises(DatasetInvalid, match="no episode"):
        segments([], [])
    with pytest.raises(DatasetInvalid, match="episode b has 3 scene features, a has 2"):
        segments([made_episode([0], name="a"), made_episode([0], np.zeros((1, 3)), "b")], ["do"])
    with pytest.raises(DatasetInvalid, match="episode e has an unknown instruction, 'do'"):
        segments([made_episode([0])], ["wipe"])
