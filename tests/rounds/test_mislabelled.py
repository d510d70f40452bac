"""Phases that cannot be true are found; a switch may take a few ticks."""

import numpy as np

from rove_teleop.episodes.edit.interventions import Intervention
from rove_teleop.rounds.mislabelled import TOLERATED_TICKS, contradiction, unconfirmed
from rove_teleop.rounds.takeovers import Takeover

PHASE = np.repeat(np.array([0, 3, 1, 2], np.uint8), [50, 10, 20, 30])
AUTHORITY = np.repeat(np.array([1, 0, 2], np.uint8), [50, 10, 50])
FOUND = [Takeover(Intervention(60, 80, 110), 80, "proposed")]


def test_what_a_session_records_is_believed():
    assert contradiction(PHASE, AUTHORITY) is None and unconfirmed(PHASE, FOUND) is None
    late = AUTHORITY.copy()
    late[60 : 60 + TOLERATED_TICKS] = 1
    assert contradiction(PHASE, late) is None


def test_a_person_who_drove_is_not_autonomy_and_the_policy_is_no_person():
    person = AUTHORITY.copy()
    person[: TOLERATED_TICKS + 1] = 2
    assert "6 ticks are labelled autonomous while a person drove" in contradiction(PHASE, person)
    policy = AUTHORITY.copy()
    policy[90:] = 1
    assert "20 ticks are labelled as a person's while the policy drove" in contradiction(PHASE, policy)


def test_a_takeover_needs_a_person():
    nobody = np.where(AUTHORITY == 2, 0, AUTHORITY).astype(np.uint8)
    assert "no person drove in it" in contradiction(PHASE, nobody)


def test_recovery_without_adaptation_needs_somebody_who_says_so():
    recovers = np.where(PHASE == 1, 2, PHASE).astype(np.uint8)
    assert "nobody confirmed that" in unconfirmed(recovers, FOUND)
    said = [Takeover(Intervention(60, 60, 110), 60, "confirmed")]
    assert unconfirmed(recovers, said) is None
