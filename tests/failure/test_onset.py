"""Where a failure began, from what detectors or a critic said."""

import numpy as np

from rove_teleop.failure.onset import Scores, propose_onset

STAMP_S = np.arange(0.0, 6.0, 0.1)


def rising(from_s, slope=0.5, threshold=1.0):
    score = np.maximum(STAMP_S - from_s, 0.0) * slope
    return Scores(STAMP_S, score, np.full_like(score, threshold))


def test_the_ramp_began_before_its_alarm():
    found = propose_onset(0.0, 5.5, {"no_progress": rising(2.0)})
    assert 2.0 <= found.onset_s <= 2.4 and found.confidence > 0.5 and "no_progress" in found.reason


def test_the_first_detector_with_an_alarm_counts():
    found = propose_onset(0.0, 5.5, {"slow": rising(1.0, 0.3), "quick": rising(2.0, 2.0), "never": rising(0.0, 0.01)})
    assert "quick" in found.reason


def test_without_an_alarm_it_is_the_stop():
    found = propose_onset(0.0, 3.0, {"late": rising(2.5)})
    assert (found.onset_s, found.confidence) == (3.0, 0.0)


def test_a_falling_value_goes_first():
    value = -0.05 * np.maximum(STAMP_S - 3.0, 0.0)
    found = propose_onset(0.0, 5.5, {"no_progress": rising(1.0)}, (STAMP_S, value))
    assert abs(found.onset_s - 3.0) <= 0.15 and "value" in found.reason


def test_a_value_that_does_not_fall_says_nothing():
    found = propose_onset(0.0, 5.5, {"no_progress": rising(2.0)}, (STAMP_S, 0.01 * STAMP_S))
    assert "no_progress" in found.reason


def test_what_was_said_of_another_time_does_not_count():
    said = Scores(STAMP_S, np.where(STAMP_S < 1.0, 9.0, 0.0), np.ones_like(STAMP_S))
    assert propose_onset(2.0, 5.0, {"x": said}).confidence == 0.0
    broken = Scores(STAMP_S, np.full_like(STAMP_S, np.nan), np.ones_like(STAMP_S))
    assert propose_onset(2.0, 5.0, {"x": broken}).onset_s == 5.0
