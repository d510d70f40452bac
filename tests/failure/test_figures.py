import math

import numpy as np
import pytest
from scipy.stats import binomtest

from rove_teleop.failure.figures import Judged, auroc, figures, wilson


def test_intervals_are_those_of_scipy():
    for count, total in ((0, 5), (3, 17), (50, 60), (9, 9)):
        rate, theirs = wilson(count, total), binomtest(count, total).proportion_ci(0.95, method="wilson")
        assert (rate.low, rate.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)
    assert math.isnan(wilson(0, 0).value)


def test_ranking():
    assert auroc(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 1.0
    assert auroc(np.array([1.0, 1.0]), np.array([1.0])) == 0.5
    assert math.isnan(auroc(np.array([]), np.array([1.0])))


def test_figures_of_a_small_round():
    nan = math.nan
    episodes = [
        Judged(True, 10.0, 8.0, 5.0, 4.0),
        Judged(True, 20.0, nan, 4.0, 10.0),
        Judged(True, 10.0, nan, 1.0, nan),
        Judged(False, 5.0, nan, 2.0, nan),
        Judged(False, 5.0, nan, 3.0, 4.0),
    ]
    found = figures("some", episodes)
    assert (found.true_alarms.count, found.true_alarms.total) == (2, 3)
    assert (found.false_alarms.count, found.false_alarms.total) == (1, 2)
    assert found.balanced_accuracy == pytest.approx(0.5 * (2 / 3 + 1 / 2))
    assert found.auroc == pytest.approx(4 / 6)
    assert (found.lead_s, found.lead_share, found.trigger_lead_s) == pytest.approx((8.0, 0.55, 4.0))
