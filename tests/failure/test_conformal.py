import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.errors import CalibrationFailed
from rove_teleop.failure.conformal import Threshold, conformal_level, fewest_successes, fit_band, voted


def test_a_promise_needs_its_successes_and_the_refusal_says_how_many():
    assert [fewest_successes(alpha) for alpha in (0.5, 0.1, 0.05, 0.01)] == [1, 9, 19, 99]
    with pytest.raises(CalibrationFailed, match="0.05 needs at least 19 .* 18 allow alpha 0.053"):
        conformal_level(np.arange(18.0), 0.05)
    assert conformal_level(np.arange(19.0), 0.05) == 18.0
    with pytest.raises(CalibrationFailed, match="there are none"):
        conformal_level(np.empty(0), 0.1)
    with pytest.raises(CalibrationFailed, match="between 0 and 1"):
        conformal_level(np.arange(30.0), 0.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from((0.05, 0.1, 0.2)), st.integers(19, 60))
def test_false_alarms_keep_the_promise_whatever_the_scores_look_like(seed, alpha, count):
    rng = np.random.default_rng(seed)
    calibrated = np.sort(rng.lognormal(0.0, 2.0, (4000, count)), axis=1)
    fresh = rng.lognormal(0.0, 2.0, 4000)
    levels = np.array([conformal_level(row, alpha) for row in calibrated])
    assert (fresh > levels).mean() <= alpha + 4.0 * np.sqrt(alpha / 4000.0)


def test_two_looks_must_agree():
    assert voted(np.array([0.0, 9.0, 0.0, 5.0, 6.0])).tolist() == [0.0, 0.0, 0.0, 5.0]


def test_a_band_follows_what_successes_do_and_a_constant_threshold_does_not():
    times = np.arange(0.0, 6.0, 0.4)
    rng = np.random.default_rng(0)
    band = fit_band([(times, times + rng.normal(0.0, 0.1, len(times))) for _ in range(30)])
    rule = Threshold(3.0, band.stamp_s, band.centre, band.width)
    assert rule.at(1.0) < 1.8 < 4.7 < rule.at(5.0)
    assert rule.exceedance(1.0, 5.0) > 10.0 > rule.exceedance(5.0, 5.0)
    assert rule.at(100.0) == rule.at(band.stamp_s[-1])
    assert Threshold(2.0).at(0.0) == Threshold(2.0).at(50.0) == 2.0
