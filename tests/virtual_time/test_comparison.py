import pytest
from scipy.stats import binom

from rove_teleop.errors import UsageError
from rove_teleop.handover.states import Signal
from rove_teleop.virtual_time.comparison import Comparison
from rove_teleop.virtual_time.evaluation import Evaluation
from rove_teleop.virtual_time.rollout import Result


def evaluation(outcomes: str, first_seed: int = 0) -> Evaluation:
    signals = [Signal.SUCCESS if letter == "s" else Signal.FAILURE for letter in outcomes]
    return Evaluation("toaster", first_seed, tuple(Result(s, 5.0, 0.0, False, 0.5, None) for s in signals), {})


def test_only_seeds_that_differ_count():
    compared = Comparison(evaluation("sssssssss" + "f" + "ss" + "ff"), evaluation("fffffffff" + "s" + "ss" + "ff"))
    assert (compared.only_one, compared.only_other) == (9, 1)
    assert compared.p_value == pytest.approx(2.0 * binom.cdf(1, 10, 0.5))
    assert compared.sentence().startswith("11 against 3 of 14 episodes")
    assert compared.sentence().endswith("a difference")


def test_equal_policies_show_nothing():
    compared = Comparison(evaluation("sf"), evaluation("sf"))
    assert compared.p_value == 1.0
    assert "no difference" in compared.sentence()


@pytest.mark.parametrize("other", [evaluation("sff"), evaluation("sf", first_seed=1)])
def test_other_seeds_are_refused(other):
    with pytest.raises(UsageError, match="same seeds"):
        Comparison(evaluation("sf"), other)
