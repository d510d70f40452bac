import pytest

from rove_teleop.errors import UsageError
from rove_teleop.training.methods import METHODS
from rove_teleop.training.presets import PRESETS, preset


def test_paper_and_seed_are_the_two_readings():
    paper, seed = preset("paper"), preset("seed")
    assert (paper.critic.horizon, paper.critic.gamma, paper.critic.tau) == (16, 1.0, 0.7)
    assert (paper.labels.percentile, paper.labels.horizon, paper.labels.positives_only) == (70.0, 16, False)
    assert (paper.rewards.step, paper.rewards.success, paper.rewards.c_fail) == (-1.0, 0.0, -500.0)
    assert (paper.actor.state_dropout, paper.actor.noise_probability, paper.actor.noise_std) == (0.3, 0.4, 0.01)
    assert (seed.critic.horizon, seed.critic.gamma, seed.labels.gamma) == (50, 0.99, 0.99)
    assert (seed.rewards.step, seed.rewards.success, seed.rewards.c_fail) == (0.0, 1.0, 0.0)
    assert (seed.actor.noise_std, seed.labels.positives_only) == (0.4, True)
    with pytest.raises(UsageError, match="paper, seed"):
        preset("blog")


@pytest.mark.parametrize("name", PRESETS)
def test_critic_and_labels_agree_on_the_discount(name):
    assert PRESETS[name].critic.gamma == PRESETS[name].labels.gamma


def test_a_method_brings_its_kind_of_critic_and_a_preset_the_numbers():
    recap = PRESETS["seed"].critic_of(METHODS["recap"])
    assert (recap.kind, recap.gamma) == ("distributional", 0.99)
    assert PRESETS["paper"].critic_of(METHODS["sft"]) is None


def test_without_tags_there_is_nothing_to_guide_between():
    assert PRESETS["seed"].beta_of(METHODS["rove"]) is None
    assert PRESETS["paper"].beta_of(METHODS["rove"]) == METHODS["rove"].beta
