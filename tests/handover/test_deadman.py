"""Contacts bounce; a person does not."""

from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.handover.deadman import HOLD_S, Deadman

TICK_S = 0.004


def test_a_press_counts_once_it_has_lasted_and_a_release_at_once():
    deadman = Deadman()
    deadman.update(False, 0.0)
    deadman.update(True, 1.0)
    assert "must be held" in (deadman.missing(1.05) or "")
    assert not deadman.take_press(1.05)
    assert deadman.missing(1.1) is None
    assert deadman.take_press(1.1)
    assert not deadman.take_press(1.2), "one press is one request"
    deadman.update(False, 1.3)
    assert "released" in (deadman.missing(1.3) or "")


def test_who_comes_with_a_pressed_deadman_has_pressed_nothing():
    deadman = Deadman()
    for k in range(100):
        deadman.update(True, k * TICK_S)
        assert not deadman.take_press(k * TICK_S)
    assert deadman.missing(0.4) is None


@given(st.lists(st.booleans(), max_size=300))
def test_it_is_held_exactly_when_every_word_of_the_last_tenth_of_a_second_was_yes(words):
    deadman = Deadman()
    for k, pressed in enumerate(words):
        deadman.update(pressed, k * TICK_S)
        recent = words[max(0, k - round(HOLD_S / TICK_S)) : k + 1]
        assert (deadman.missing(k * TICK_S) is None) == (len(recent) > round(HOLD_S / TICK_S) and all(recent))


@given(st.integers(1, 24), st.integers(1, 24))
def test_a_bouncing_contact_never_takes_over(on, off):
    deadman = Deadman()
    for k in range(500):
        deadman.update(k % (on + off) < on, k * TICK_S)
        assert not deadman.take_press(k * TICK_S)


def test_after_a_bounce_while_it_was_held_only_a_true_release_and_press_counts():
    deadman = Deadman()
    words = [False] * 50 + [True] * 50 + [False] * 5 + [True] * 100 + [False] * 30 + [True] * 50
    presses = []
    for k, pressed in enumerate(words):
        deadman.update(pressed, k * TICK_S)
        if deadman.take_press(k * TICK_S):
            presses.append(k)
    assert presses == [75, 260]
