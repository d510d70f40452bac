"""The table, pair by pair."""

from itertools import product

import pytest

from rove_teleop.handover.states import (
    EPISODE_STATES,
    HUMAN_STATES,
    OUTCOMES,
    PHASE,
    POLICY_STATES,
    TRANSITIONS,
    Signal,
    State,
    allowed,
)


@pytest.mark.parametrize(("state", "signal"), list(product(State, Signal)))
def test_every_pair_is_listed_or_changes_nothing(state, signal):
    following = TRANSITIONS.get((state, signal))
    assert following is None or following in State
    if signal is Signal.STOP:
        assert following is not None, "a stop is never refused"
    if signal is Signal.ROBOT_LOST and state in EPISODE_STATES - {State.FAULT}:
        assert following is State.FAULT
    if following in POLICY_STATES | HUMAN_STATES and state in (State.HOLD, State.FAULT, State.PAUSED):
        assert signal in (Signal.TAKE_OVER, Signal.GIVE_BACK), "only a person starts motion"
    if state is State.FAULT and following not in (None, State.FAULT):
        assert signal in (Signal.ACKNOWLEDGE, Signal.DISCARD)


def test_every_state_has_a_phase_and_every_episode_state_an_end():
    assert set(PHASE) == set(State)
    for state in EPISODE_STATES:
        assert any(TRANSITIONS.get((state, outcome)) is State.DONE for outcome in OUTCOMES)


def test_a_human_never_gets_control_without_being_asked():
    for (state, signal), following in TRANSITIONS.items():
        if following is State.ADAPTATION and state not in HUMAN_STATES:
            assert signal is Signal.TAKE_OVER


def test_allowed_lists_requests_only():
    assert Signal.POLICY_LOST not in allowed(State.AUTONOMOUS)
    assert Signal.PAUSE in allowed(State.AUTONOMOUS)
