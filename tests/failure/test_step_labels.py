"""Rewards per step: the paper's scheme on hand-made episodes, and what holds for any of them."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.failure.step_labels import LabelConstants, kept_ticks, refusal, step_labels, tick_arrays
from rove_teleop.types import Authority, Phase

TICK_S = 0.004
AUTO, ADAPT, RECOVER, PAUSED, REWIND, NONE = 0, 1, 2, 3, 4, 255
WHO = {AUTO: 1, ADAPT: 2, RECOVER: 2, PAUSED: 0, REWIND: 4, NONE: 0}


@dataclass
class Said:
    outcome: str
    phase: np.ndarray
    excluded: np.ndarray


def episode(*parts, outcome="success"):
    """Parts are (phase, ticks); stamps of the 250 Hz loop, who drove as the phase says."""
    phase = np.concatenate([np.full(ticks, value, np.uint8) for value, ticks in parts])
    stamp_s = 50.0 + TICK_S * np.arange(len(phase))
    authority = np.array([WHO[value] for value in phase.tolist()], np.uint8)
    return stamp_s, authority, Said(outcome, phase, np.zeros(len(phase), bool))


def test_autonomous_success_costs_its_steps_and_nothing_at_the_end():
    labels = step_labels(*episode((AUTO, 250)))
    assert labels.reward.tolist() == [-1.0] * 19 + [0.0]
    assert labels.done.tolist() == [False] * 19 + [True]
    assert labels.returns()[0] == -19.0
    np.testing.assert_allclose(labels.row, np.arange(20) * 12.5, atol=0.5)


def test_autonomous_failure_is_paid_for_at_the_end():
    labels = step_labels(*episode((AUTO, 250), outcome="failure"))
    assert labels.reward[-1] == -500.0 and not labels.t_r.any()
    assert labels.returns()[0] == -519.0


def test_an_intervention_pays_at_t_r_and_ends_with_nothing():
    """The paper's return: -(T - t) after t_r, and 500 - 1 more before and at it."""
    labels = step_labels(*episode((AUTO, 500), (PAUSED, 333), (ADAPT, 250), (RECOVER, 500)))
    steps = len(labels.row)
    assert steps == 100
    t_r = int(np.flatnonzero(labels.t_r)[0])
    assert labels.source[t_r - 1] == ADAPT and labels.source[t_r] == RECOVER and labels.t_r.sum() == 1
    to_go = -(steps - 1 - np.arange(steps, dtype=float))
    np.testing.assert_allclose(labels.returns(), np.where(np.arange(steps) > t_r, to_go, to_go - 499.0))


def test_the_pause_takes_no_step_and_no_time():
    with_pause = step_labels(*episode((AUTO, 503), (PAUSED, 1777), (ADAPT, 250), (RECOVER, 501)))
    without = step_labels(*episode((AUTO, 503), (ADAPT, 250), (RECOVER, 501)))
    np.testing.assert_array_equal(with_pause.reward, without.reward)
    assert with_pause.cut_before.sum() == 1 and not without.cut_before.any()
    assert with_pause.source[with_pause.cut_before].tolist() == [ADAPT]


def test_losing_the_robot_for_a_while_is_still_one_takeover():
    parts = (AUTO, 250), (PAUSED, 50), (ADAPT, 100), (RECOVER, 100), (PAUSED, 80), (ADAPT, 100), (RECOVER, 200)
    labels = step_labels(*episode(*parts))
    t_r = np.flatnonzero(labels.t_r)
    assert len(t_r) == 1 and labels.source[t_r[0] - 1] == ADAPT and (labels.source[t_r[0] :] == RECOVER).all()


def test_every_takeover_of_a_policy_that_got_the_robot_back_pays():
    parts = (AUTO, 250), (ADAPT, 100), (RECOVER, 100), (AUTO, 250), (ADAPT, 100), (RECOVER, 100)
    assert step_labels(*episode(*parts)).t_r.sum() == 2


def test_a_demonstration_corrects_nobody():
    stamp_s, authority, said = episode((AUTO, 100), (PAUSED, 30), (ADAPT, 50), (RECOVER, 400))
    authority[:100] = Authority.HOLD  # there was no policy: the robot waited for the person
    labels = step_labels(stamp_s, authority, said)
    assert not labels.t_r.any() and set(labels.source.tolist()) == {ADAPT, RECOVER}


def test_who_adapts_to_the_end_and_succeeds_still_pays():
    labels = step_labels(*episode((AUTO, 250), (ADAPT, 250)))
    assert labels.reward[-2:].tolist() == [-500.0, 0.0]


def test_who_never_recovers_and_fails_pays_once():
    labels = step_labels(*episode((AUTO, 250), (ADAPT, 250), outcome="failure"))
    assert (labels.reward == -500.0).sum() == 1 and labels.reward[-1] == -500.0


def test_of_lost_ticks_nothing_is_made_up():
    stamp_s, authority, said = episode((AUTO, 500))
    stamp_s[250:] += 0.5
    labels = step_labels(stamp_s, authority, said)
    assert len(labels.row) == 40 and np.flatnonzero(labels.cut_before).tolist() == [20]


def test_what_people_exclude_is_cut():
    stamp_s, authority, said = episode((AUTO, 500))
    said.excluded[100:200] = True
    labels = step_labels(stamp_s, authority, said)
    assert len(labels.row) == 32 and not np.isin(labels.row, np.arange(100, 200)).any()


@pytest.mark.parametrize(
    ("status", "parts", "outcome", "word"),
    [
        ("recovered", [(AUTO, 99)], "success", "cut short"),
        ("complete", [(AUTO, 99)], "unknown", "unknown"),
        ("complete", [(AUTO, 99)], "discarded", "discarded"),
        ("complete", [(NONE, 50), (PAUSED, 49)], "failure", "no tick has a phase"),
    ],
)
def test_what_cannot_be_labelled_is_refused_with_the_reason(status, parts, outcome, word):
    _, authority, said = episode(*parts, outcome=outcome)
    assert word in refusal(status, authority, said)


def test_everything_excluded_is_refused():
    _, authority, said = episode((AUTO, 99))
    assert refusal("complete", authority, said) is None
    said.excluded[:] = True
    assert "excluded" in refusal("complete", authority, said)


def test_too_short_and_without_outcome_raise():
    with pytest.raises(ValueError, match="too few"):
        step_labels(*episode((AUTO, 5)))
    with pytest.raises(ValueError, match="unknown"):
        step_labels(*episode((AUTO, 500), outcome="unknown"))


PARTS = st.lists(st.tuples(st.sampled_from(list(WHO)), st.integers(1, 120)), min_size=1, max_size=8)


@given(parts=PARTS, outcome=st.sampled_from(["success", "failure"]), rate_hz=st.sampled_from([5.0, 20.0, 30.0, 50.0]))
def test_for_any_episode(parts, outcome, rate_hz):
    stamp_s, authority, said = episode(*parts, outcome=outcome)
    kept, constants = kept_ticks(authority, said), LabelConstants(rate_hz=rate_hz)
    try:
        labels = step_labels(stamp_s, authority, said, constants)
    except ValueError:
        assert kept.sum() * TICK_S * rate_hz < 2.0
        return
    assert kept[labels.row].all() and (np.diff(labels.row) > 0).all()
    assert abs(len(labels.row) - kept.sum() * TICK_S * rate_hz) <= 1.0
    assert labels.reward[-1] == (0.0 if outcome == "success" else -500.0)
    assert ((labels.reward == -500.0)[:-1] == labels.t_r[:-1]).all() and not labels.t_r[-1]
    takeovers = np.diff((labels.source != Phase.AUTONOMOUS).astype(int), prepend=1) == 1
    assert labels.t_r.sum() <= takeovers.sum()
    # Nothing of a takeover's adaptation comes after its penalty, but where it lasts to the end.
    first = np.flatnonzero(labels.t_r)
    assert not any(labels.source[step] == Phase.ADAPTATION for step in first if step < len(labels.row) - 2)
    arrays = tick_arrays(labels, len(stamp_s))
    assert all(len(array) == len(stamp_s) for array in arrays.values())
    np.testing.assert_array_equal(arrays["reward"][arrays["step"] >= 0], labels.reward)
    np.testing.assert_array_equal(np.flatnonzero(arrays["step"] >= 0), labels.row)
