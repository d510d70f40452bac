import pytest

from rove_teleop.policy.pace import REMEMBERED, Delay, asking_period_s


@pytest.mark.parametrize("delay_s", [0.0, 0.012, 0.1, 0.2])
def test_the_next_plan_is_there_before_the_last_one_is_used_up(delay_s):
    execute_s = 0.4
    period_s = asking_period_s(execute_s, delay_s)
    assert period_s + delay_s == pytest.approx(execute_s)


@pytest.mark.parametrize("delay_s", [0.3, 5.0])
def test_a_hiccup_neither_silences_a_policy_nor_makes_it_plan_all_the_time(delay_s):
    assert asking_period_s(0.4, delay_s) == 0.2


def test_the_longest_of_the_last_few_is_expected_and_a_hiccup_forgotten():
    delay = Delay()
    assert delay.expected_s == 0.0
    delay.note(0.5)
    for _ in range(REMEMBERED - 1):
        delay.note(0.1)
    assert delay.expected_s == 0.5
    delay.note(0.1)
    assert delay.expected_s == 0.1
