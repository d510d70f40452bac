from rove_teleop.failure.no_progress import NoProgress


def test_alarm_after_patience_and_cleared_by_a_gain():
    detector = NoProgress(patience_s=2.0, min_gain=0.05)
    detector.reset(10.0)
    assert detector.update(10.0, 0.1) == 0.0
    assert detector.update(11.0, 0.12) == 0.5
    assert detector.alarm is None
    assert detector.update(12.1, 0.12) == 1.0
    assert "no progress for 2 s" in (detector.alarm or "")
    assert detector.update(12.2, 0.2) == 0.0
    assert detector.alarm is None


def test_a_progress_that_is_not_finite_is_no_gain():
    detector = NoProgress(patience_s=1.0)
    detector.reset(0.0)
    detector.update(0.0, 0.5)
    for bad in (float("nan"), float("inf")):
        detector.update(0.9, bad)
    assert detector.update(1.1, 0.5) == 1.0


def test_first_progress_counts_as_a_gain_and_reset_forgets():
    detector = NoProgress(patience_s=1.0)
    detector.reset(0.0)
    detector.update(0.5, 0.9)
    detector.reset(5.0)
    assert detector.update(5.5, 0.1) == 0.0
