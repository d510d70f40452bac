"""Every request of a person has words for the state it leads to: the console's first question is "why"."""

from rove_teleop.handover.states import REASON_OF_REQUEST, REQUESTS


def test_every_request_has_a_reason_of_its_own():
    assert set(REASON_OF_REQUEST) == set(REQUESTS)
    assert len(set(REASON_OF_REQUEST.values())) == len(REQUESTS)
