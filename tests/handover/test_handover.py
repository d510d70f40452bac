"""What the table leaves open: modes, protocols, roles and readiness."""

import dataclasses
from itertools import product

import pytest

from rove_teleop.handover.handover import Handover, Readiness
from rove_teleop.handover.roles import MAY_ASK, Role
from rove_teleop.handover.states import POLICY_STATES, REQUESTS, TRANSITIONS, Signal, State

READY = Readiness(None, None, None, None)
# Who may ask for what, once more and by hand.
OPERATOR_MAY = {"pause", "take_over", "recovered", "give_back", "stop"}


@pytest.mark.parametrize(("role", "signal"), list(product(Role, REQUESTS)))
def test_who_may_ask(role, signal):
    handover = Handover("blend", "hand_back")
    handover.state = next(state for state, asked in TRANSITIONS if asked is signal)
    refusal = handover.request(signal, READY, role=role)
    if role is Role.SUPERVISOR or signal in OPERATOR_MAY:
        assert refusal is None
    else:
        assert f"'{signal}' is not for the operator to ask" in (refusal or "")
        assert handover.epoch == 0
    assert set(MAY_ASK[Role.OPERATOR]) == OPERATOR_MAY


@pytest.mark.parametrize("takeover", ["aligned", "anchored", "blend"])
@pytest.mark.parametrize("state", [State.AUTONOMOUS, State.PAUSED, State.RETURNING, State.HOLD])
def test_only_blend_takes_a_moving_robot_and_only_aligned_asks_for_the_pose(takeover, state):
    def after(ready):
        handover = Handover(takeover, "complete")
        handover.state = state
        return handover.request(Signal.TAKE_OVER, ready)

    moving = state in POLICY_STATES and takeover != "blend"
    assert ("pause first" in (after(READY) or "")) == moving
    if not moving:
        assert after(READY) is None
        assert after(dataclasses.replace(READY, operator_missing="nobody")) == "nobody"
        assert after(dataclasses.replace(READY, misaligned="elbow")) == ("elbow" if takeover == "aligned" else None)


@pytest.mark.parametrize("protocol", ["complete", "hand_back", "end"])
@pytest.mark.parametrize("taken_over", [False, True])
def test_after_a_takeover_only_hand_back_gives_back(protocol, taken_over):
    handover = Handover("anchored", protocol)
    handover.state, handover.taken_over = State.PAUSED, taken_over
    refused = handover.request(Signal.GIVE_BACK, READY)
    assert (refused is None) == (protocol == "hand_back" or not taken_over)
    handover = Handover("anchored", "hand_back")
    handover.state = State.PAUSED
    assert handover.request(Signal.GIVE_BACK, dataclasses.replace(READY, policy_missing="no chunk")) == "no chunk"


def test_a_refused_request_changes_nothing():
    handover = Handover()
    before = vars(handover).copy()
    for signal in REQUESTS:
        if (State.IDLE, signal) not in TRANSITIONS:
            assert handover.request(signal, READY) is not None
    assert handover.request(Signal.START, dataclasses.replace(READY, robot_missing="no robot")) == "no robot"
    assert vars(handover) == before


def test_a_new_episode_forgets_the_takeover_of_the_last():
    handover = Handover("blend", "complete")
    for signal in (Signal.START, Signal.TAKE_OVER, Signal.FAILURE):
        assert handover.request(signal, READY) is None
    assert (handover.taken_over, handover.outcome) == (True, Signal.FAILURE)
    assert handover.request(Signal.START, READY) is None
    assert (handover.taken_over, handover.outcome) == (False, None)
