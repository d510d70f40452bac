"""Who may speak as the headset."""

from rove_teleop.console.door import MESSAGES_PER_S, MOST_WRONG_CODES, Budget, Door, Lease

CODE = "abcd-efgh-jkmn"


def test_the_code_opens_and_nothing_else_does():
    door = Door(CODE)
    assert door.admits(CODE, "10.0.0.5", 0.0)
    for k, wrong in enumerate(("", CODE[:-1], CODE + "x", CODE.upper(), "\udcff")):
        assert not door.admits(wrong, f"10.0.1.{k}", 0.0)


def test_who_guesses_waits_even_with_the_right_code_and_nobody_else_does():
    door = Door(CODE)
    for k in range(MOST_WRONG_CODES):
        assert not door.admits("wrong", "10.0.0.6", float(k))
    assert not door.admits(CODE, "10.0.0.6", 10.0)
    assert door.admits(CODE, "10.0.0.5", 10.0)
    assert not door.admits(CODE, "10.0.0.6", 59.0)
    assert door.admits(CODE, "10.0.0.6", 61.0)


def test_many_guessing_addresses_are_forgotten_oldest_first():
    door = Door(CODE)
    for k in range(10_000):
        door.admits("wrong", str(k), 0.0)
    assert len(door._wrong) <= 256


def test_the_first_headset_keeps_the_lease_until_it_is_silent_or_gives_it_back():
    lease = Lease()
    first, second = object(), object()
    assert lease.takes(first, 0.0) and not lease.takes(second, 1.9)
    assert lease.takes(first, 2.0) and not lease.takes(second, 3.9)
    assert lease.state(first, 3.9) == "yours" and lease.state(second, 3.9) == "other"
    assert lease.takes(second, 4.1) and not lease.takes(first, 4.2)
    lease.give_back(first)
    assert lease.state(first, 4.3) == "other"
    lease.give_back(second)
    assert lease.state(first, 4.3) == "free" and lease.takes(first, 4.3)


def test_a_fast_headset_is_within_the_budget_and_a_flood_is_not():
    budget = Budget(0.0)
    assert all(budget.spend(k / 140.0) for k in range(1400))
    flood = Budget(0.0)
    spent = sum(flood.spend(k * 1e-5) for k in range(10_000))  # 0.1 s
    assert MESSAGES_PER_S <= spent <= 1.15 * MESSAGES_PER_S
