import pytest

from rove_teleop.errors import UsageError
from rove_teleop.rounds.loop_settings import LoopSettings


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"task": "juggling"}, "juggling"),
        ({"method": "magic"}, "magic"),
        ({"preset": "loud"}, "loud"),
        ({"operator_skill": "wizard"}, "wizard"),
        ({"form": "flat"}, "form"),
        ({"rounds": -1}, "rounds must be 0 to 9, got -1"),
        ({"seed": 100}, "seed must be 0 to 99"),
        ({"episodes": 0}, "episodes must be 1 to 1000"),
        ({"evaluation": 10_001}, "evaluation must be 1 to 10000"),
    ],
)
def test_what_cannot_be_run_is_named(wrong, said):
    with pytest.raises(UsageError, match=said):
        LoopSettings(**{"task": "toaster", "method": "rove", **wrong})


def test_more_rounds_are_the_same_run_and_another_method_shares_the_base():
    one, more = LoopSettings("toaster", "rove", rounds=1), LoopSettings("toaster", "rove", rounds=3)
    other = LoopSettings("toaster", "recap")
    assert one.config() == more.config()
    assert one.config() != other.config()
    assert one.shared() == other.shared()
