import numpy as np
import pytest

from rove_teleop.errors import DatasetInvalid
from rove_teleop.training.advantages import advantages, threshold
from rove_teleop.training.segments import monte_carlo

from .made_episodes import made_episode


@pytest.mark.parametrize("gamma", [1.0, 0.95])
@pytest.mark.parametrize("horizon", [1, 4, 50])
def test_who_knew_what_would_come_has_no_advantage(gamma, horizon):
    reward = np.random.default_rng(0).normal(size=30).astype(np.float32)
    episode = made_episode(reward, cuts=[7, 8, 20])
    found = advantages(episode, monte_carlo(episode, gamma), horizon, gamma)
    assert np.flatnonzero(np.isnan(found)).tolist() == [6, 7, 19], "the last steps before a cut: nobody knows"
    # Within a stretch the values cancel; a sum that stops at a cut takes the value there, so it cancels too.
    assert np.nanmax(np.abs(found)) < 1e-5


def test_by_hand():
    episode = made_episode([-1, -1, -1, -10], success=False)
    value = np.array([-20.0, -5.0, -8.0, -3.0])
    assert advantages(episode, value, horizon=2).tolist() == [-2 - 8 + 20, -2 - 3 + 5, -11 + 8, -10 + 3]
    with pytest.raises(DatasetInvalid, match="episode e has 4 steps"):
        advantages(episode, value[:3])


def test_the_threshold_is_pooled_and_strict():
    found = [np.array([1.0, np.nan, 2.0]), np.array([3.0, 4.0, 5.0])]
    assert threshold(found, 70.0) == pytest.approx(np.percentile([1, 2, 3, 4, 5], 70))
    same = [np.zeros(9), np.full(2, np.nan)]
    assert not np.any(same[0] > threshold(same)), "what is as good as all others is not better"
    many = np.random.default_rng(0).normal(size=1000)
    assert np.mean(many > threshold([many])) == pytest.approx(0.3)


def test_a_percentile_of_nothing_is_refused():
    for nothing in ([], [np.empty(0)], [np.full(3, np.nan)]):
        with pytest.raises(DatasetInvalid, match="no advantage to take the 70th percentile of"):
            threshold(nothing)
