import numpy as np
import pytest

from rove_teleop.failure.combination import Combination, fit_extreme, fit_weighed
from rove_teleop.failure.conformal import Threshold
from rove_teleop.failure.detectors import build_detectors
from rove_teleop.failure.monitor import FailureMonitor
from rove_teleop.failure.opinion import NEVER
from rove_teleop.failure.replay import replay
from rove_teleop.failure.stalled import Stalled
from rove_teleop.failure.streams import StreamRecorder
from rove_teleop.types import ActionChunk


def plan(now_s):
    offset_s = 0.05 * np.arange(1, 17)
    return ActionChunk(now_s, offset_s, np.array([0, 1]), np.repeat(0.1 * (now_s + offset_s)[:, None], 2, axis=1))


def feed(listener, seconds=8.0, stuck_from_s=3.0):
    """Progress until it gets stuck; a chunk every 0.4 s. Yields the time every 0.1 s."""
    listener.begin(100.0)
    for tick in range(int(seconds / 0.02)):
        now_s = 100.0 + 0.02 * tick
        progress = min(now_s - 100.0, stuck_from_s) / 10.0
        listener.progress(now_s, progress)
        listener.commanded(now_s, np.array([progress, 0.0]))
        if tick % 20 == 0:
            listener.embedding(now_s, np.array([progress, 1.0]))
            listener.chunk(now_s, plan(now_s))
        if tick % 5 == 0:
            yield now_s


def test_an_alarm_needs_two_looks_and_names_its_reason():
    monitor = FailureMonitor([Stalled()], {"stalled": Threshold(2.0)}, decides="stalled", calm={"stalled": 1.0})
    first = next(now_s for now_s in feed(monitor) if monitor.opinion(now_s)[0].alarm)
    assert 105.4 <= first <= 105.9  # Stuck from 103 on; 2 s, two looks 0.4 s apart, asked every 0.1 s.
    assert monitor.alarm == "no progress for a while: consider taking over"
    advice = monitor.advice(first)
    assert advice.alarm == monitor.alarm and 0.8 <= advice.elevated_for_s <= 2.0


def test_without_thresholds_everything_is_said_and_nothing_is_an_alarm():
    monitor = FailureMonitor(build_detectors({}))
    for now_s in feed(monitor):
        opinions = monitor.opinion(now_s)
    assert {item.detector for item in opinions} == set(monitor.names)
    assert all(np.isfinite(item.score) and item.threshold == NEVER and not item.alarm for item in opinions)
    assert monitor.alarm is None


def test_while_a_person_drives_it_hears_nothing_and_begins_anew_afterwards():
    monitor = FailureMonitor([Stalled()], {"stalled": Threshold(2.0)}, decides="stalled")
    for now_s in feed(monitor):
        monitor.opinion(now_s)
    monitor.end()
    monitor.progress(109.0, 0.1)
    assert monitor.opinion(109.0) == () and monitor.alarm is None and monitor.advice(109.0).alarm is None
    monitor.begin(110.0)
    monitor.progress(110.5, 0.1)
    assert monitor.opinion(110.5)[0].score == 0.0


def test_a_policy_that_is_silent_is_looked_at_all_the_same():
    monitor = FailureMonitor([Stalled()], {"stalled": Threshold(1.0)})
    monitor.begin(0.0)
    monitor.progress(0.0, 0.0)
    for now_s in np.arange(0.0, 3.0, 0.1):
        monitor.progress(now_s, 0.0)
        monitor.opinion(now_s)
    assert monitor.looks >= 4 and monitor.opinion(3.0)[0].alarm


def test_a_replay_of_what_was_recorded_says_what_the_monitor_said():
    recorder = StreamRecorder("one")
    for _ in feed(recorder):
        pass
    monitor = FailureMonitor(build_detectors({}))
    live, looks = [], 0
    for now_s in feed(monitor):
        monitor.opinion(now_s)
        if monitor.looks > looks:
            looks = monitor.looks
            live.append(monitor.scores)
    track = replay(recorder.finish(False, 8.0), build_detectors({}))
    assert track.scores.shape == np.array(live).shape
    assert np.allclose(track.scores, np.array(live), atol=1e-9)


def test_combinations():
    rng = np.random.default_rng(0)
    failed = np.repeat([False, True], 300)
    scores = np.column_stack([rng.normal(failed * 2.0, 1.0), rng.normal(0.0, 1.0, 600), rng.normal(-2.0 * failed, 1.0)])
    weighed = fit_weighed(("good", "idle", "inverted"), scores, failed, np.ones(600))
    assert "inverted" not in weighed.members and weighed.weight[weighed.members.index("good")] > 0.5
    both = np.array([[0.0, 10.0], [1.0, 20.0], [2.0, 30.0]])
    either, every = fit_extreme("any", ("a", "b"), both), fit_extreme("all", ("a", "b"), both)
    assert either.score(np.array([1.0, 100.0])) > 5.0 and every.score(np.array([1.0, 100.0])) == 0.0
    assert Combination("any", ("a",), (0.0,), (2.0,)).score(np.array([[4.0], [6.0]])).tolist() == [2.0, 3.0]


def test_a_combination_has_a_threshold_of_its_own():
    pair = Combination("any", ("stalled", "overtime"), (0.0, 0.0), (1.0, 100.0))
    monitor = FailureMonitor(build_detectors({}), {"any": Threshold(2.0)}, {"any": pair}, "any")
    assert any(monitor.advice(now_s).alarm for now_s in feed(monitor))
    assert [item.alarm for item in monitor.opinion(108.0)] == [name == "any" for name in monitor.names]


def test_names_that_no_detector_has_are_refused():
    with pytest.raises(KeyError):
        FailureMonitor([Stalled()], combinations={"any": Combination("any", ("probe",), (0.0,), (1.0,))})
