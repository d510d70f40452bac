import numpy as np
import pytest

from rove_teleop.errors import DatasetInvalid
from rove_teleop.training.supervision import LabelSettings, conditioned, judge

from .synthetic import reach

SETTINGS = LabelSettings(horizon=4)


def values(episodes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(0.0, 20.0, len(episode)) for episode in episodes]


def test_about_30_percent_are_positive_and_the_rest_is_not():
    episodes = [reach(goal) for goal in np.linspace(-0.3, 0.3, 10)]
    advantage, above = judge(episodes, values(episodes), SETTINGS)
    pooled, positive = np.concatenate(advantage), np.concatenate(above)
    assert positive.mean() == pytest.approx(0.3, abs=0.01)
    assert pooled[positive].min() > pooled[~positive].max()


def test_what_equals_the_threshold_is_not_above_it():
    """A critic that knows the return to the last step: every advantage is 0, and nothing is better than expected."""
    episode = reach(0.1)
    exact = np.cumsum(episode.reward[::-1])[::-1].astype(float)
    advantage, above = judge([episode], [exact], SETTINGS)
    np.testing.assert_allclose(advantage[0], 0.0, atol=1e-9)
    assert not above[0].any()


def test_people_without_a_robot_have_no_say_in_the_threshold():
    robot, human = [reach(goal) for goal in (-0.2, 0.1, 0.3)], reach(0.2, kind="human", success=False)
    known = values(robot)
    _, alone = judge(robot, known, SETTINGS)
    _, together = judge([*robot, human], [*known, np.full(len(human), -400.0)], SETTINGS)
    assert not together[3].any()
    for one, other in zip(alone, together[:3], strict=True):
        np.testing.assert_array_equal(one, other)


def test_per_source_every_driver_has_its_own_30_percent():
    episodes = [reach(goal, kind=kind, seed=1) for goal in (-0.2, 0.1, 0.3) for kind in ("demonstration", "rollout")]
    found = values(episodes)
    # The value of a rollout falls along it: all its chunks but the last four are far worse than a demonstration's.
    for episode, value in zip(episodes, found, strict=True):
        if episode.kind == "rollout":
            value -= 300.0 * np.arange(len(value))
    _, pooled = judge(episodes, found, SETTINGS)
    _, apart = judge(episodes, found, LabelSettings(horizon=4, pooled=False))
    shares = {
        kind: [
            np.concatenate([item for item, episode in zip(above, episodes, strict=True) if episode.kind == kind]).mean()
            for above in (pooled, apart)
        ]
        for kind in ("demonstration", "rollout")
    }
    assert shares["rollout"][0] <= 0.1 < 0.5 <= shares["demonstration"][0]
    assert all(share[1] == pytest.approx(0.3, abs=0.02) for share in shares.values())


def test_positives_only_says_nothing_of_worth():
    use, positive = [np.array([True, True, False])], [np.array([True, False, True])]
    tagged = conditioned(use, positive, SETTINGS)
    assert tagged.use is use
    np.testing.assert_array_equal(tagged.positive[0], [True, False, False])
    shown = conditioned(use, positive, LabelSettings(positives_only=True))
    assert shown.positive is None
    np.testing.assert_array_equal(shown.use[0], [True, False, False])


def test_values_of_something_else_are_refused():
    episode = reach(0.1)
    for wrong, sentence in ((None, "1 episodes, none"), ([], "1 episodes, 0"), ([np.zeros(3)], "3 values")):
        with pytest.raises(DatasetInvalid, match=sentence):
            judge([episode], wrong, SETTINGS)
    with pytest.raises(DatasetInvalid, match="percentile"):
        judge([reach(0.1, kind="human")], [np.zeros(40)], SETTINGS)
