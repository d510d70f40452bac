"""The table, pair by pair, against a small model that is written down once more, as a person would draw it."""

from itertools import product

import pytest

from rove_teleop.handover.handover import Handover, Readiness
from rove_teleop.handover.states import (
    EPISODE_STATES,
    HUMAN_STATES,
    OUTCOMES,
    PHASE,
    POLICY_STATES,
    REQUESTS,
    TRANSITIONS,
    Signal,
    State,
    allowed,
)
from rove_teleop.types import Phase

# Columns are states, rows are signals; a dot: nothing changes, and a request is refused.
#             idle  auto  paus  adap  reco  retu  done  hold  faul  rewi
MODEL = """
start          auto  .     .     .     .     .     auto  .     .     .
pause          .     paus  .     paus  paus  paus  .     paus  .     paus
take_over      .     adap  adap  .     .     adap  .     adap  .     .
recovered      .     .     .     reco  .     .     .     .     .     .
give_back      .     .     retu  retu  retu  .     .     retu  .     .
rewind         .     .     rewi  .     .     .     .     rewi  .     .
success        .     done  done  done  done  done  .     done  .     done
failure        .     done  done  done  done  done  .     done  .     done
discard        .     done  done  done  done  done  .     done  done  done
stop           idle  hold  hold  hold  hold  hold  done  hold  faul  hold
acknowledge    .     .     .     .     .     .     .     .     hold  .
returned       .     .     .     .     .     auto  .     .     .     .
rewound        .     .     .     .     .     .     .     .     .     paus
policy_lost    .     hold  .     .     .     hold  .     .     .     .
operator_lost  .     .     .     hold  hold  .     .     .     .     .
robot_lost     .     faul  faul  faul  faul  faul  .     faul  .     faul
check_failed   .     faul  faul  faul  faul  faul  faul  faul  .     faul
hands_limited  .     hold  .     hold  hold  hold  .     .     .     hold
"""
COLUMNS = ("idle", "auto", "paus", "adap", "reco", "retu", "done", "hold", "faul", "rewi")
STATES = {name: next(state for state in State if state.name.lower().startswith(name)) for name in COLUMNS}
READY = Readiness(None, None, None, None)


def model() -> dict[tuple[State, Signal], State | None]:
    result: dict[tuple[State, Signal], State | None] = {}
    for line in MODEL.split("\n")[1:-1]:
        signal, *cells = line.split()
        for column, cell in zip(COLUMNS, cells, strict=True):
            result[STATES[column], Signal(signal)] = STATES.get(cell)
    return result


PAIRS = list(product(State, Signal))


def test_the_model_speaks_of_every_pair():
    assert set(model()) == set(PAIRS)


@pytest.mark.parametrize(("state", "signal"), PAIRS)
def test_what_happens_to_every_pair(state, signal):
    """Blend and hand_back refuse nothing of their own, and everything is ready: the table alone decides."""
    handover = Handover("blend", "hand_back")
    handover.state, before = state, handover.epoch
    following = model()[state, signal]
    if signal in REQUESTS:
        refusal = handover.request(signal, READY)
        assert (refusal is None) == (following is not None)
        if refusal is not None:
            assert f"'{signal}' does not apply in state {state.name.lower()}" in refusal
            assert all(request in refusal for request in allowed(state))
    else:
        assert handover.notice(signal, "noticed") == (following is not None)
    assert handover.state is (following or state)
    same_lease = handover.state is state or {handover.state, state} <= HUMAN_STATES
    assert handover.epoch == before + (not same_lease)


@pytest.mark.parametrize(("state", "signal"), PAIRS)
def test_safety_of_every_pair(state, signal):
    following = TRANSITIONS.get((state, signal))
    if signal is Signal.STOP:
        assert following is not None, "a stop is never refused"
        assert following not in POLICY_STATES | HUMAN_STATES | {State.REWINDING}
    if signal is Signal.ROBOT_LOST and state in EPISODE_STATES - {State.FAULT}:
        assert following is State.FAULT
    moving = POLICY_STATES | HUMAN_STATES | {State.REWINDING}
    if following in moving and state not in moving | {State.IDLE, State.DONE}:
        assert signal in (Signal.TAKE_OVER, Signal.GIVE_BACK, Signal.REWIND), "only a person starts motion"
    if state is State.FAULT and following not in (None, State.FAULT):
        assert signal in (Signal.ACKNOWLEDGE, Signal.DISCARD)


def test_every_state_has_a_phase_and_every_episode_state_an_end():
    assert set(PHASE) == set(State)
    for state in EPISODE_STATES:
        assert any(TRANSITIONS.get((state, outcome)) is State.DONE for outcome in OUTCOMES)


def test_only_driving_is_labelled_as_driving():
    assert {state for state, phase in PHASE.items() if phase is Phase.AUTONOMOUS} == {State.AUTONOMOUS}
    assert {state for state, phase in PHASE.items() if phase in (Phase.ADAPTATION, Phase.RECOVERY)} == HUMAN_STATES
    assert PHASE[State.REWINDING] is Phase.REWIND


def test_a_human_never_gets_control_without_being_asked():
    for (state, signal), following in TRANSITIONS.items():
        if following is State.ADAPTATION and state not in HUMAN_STATES:
            assert signal is Signal.TAKE_OVER


def test_allowed_lists_requests_only():
    assert Signal.POLICY_LOST not in allowed(State.AUTONOMOUS)
    assert Signal.PAUSE in allowed(State.AUTONOMOUS)
