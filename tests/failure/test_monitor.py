import numpy as np
import pytest

from rove_teleop.failure.combination import Combination, Surprise, fit_combination, fit_surprise
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


def test_a_surprise_is_how_few_successes_ever_show_as_much():
    surprise = fit_surprise(np.array([1.0, 2.0, 2.0, 4.0]))
    assert np.allclose(surprise(np.array([0.0, 1.0, 2.0, 4.0])), np.log([5 / 4, 5 / 4, 5 / 3, 5 / 1]))
    assert np.isclose(surprise(3.0), 0.5 * (np.log(5 / 3) + np.log(5.0)))
    # What no success showed is more surprising still: by 1 per distance of the highest from the median.
    assert np.isclose(surprise(8.0), np.log(5.0) + 2.0)


def test_combinations():
    both = np.array([[0.0, 10.0], [1.0, 20.0], [2.0, 30.0]])
    together, either, every = (fit_combination(mode, ("a", "b"), both) for mode in ("together", "any", "all"))
    scores = np.array([[1.0, 100.0], [2.0, 30.0]])
    assert every.score(scores)[0] < 1.0 < 5.0 < either.score(scores)[0]
    assert np.allclose(together.score(scores), either.score(scores) + every.score(scores))
    assert np.allclose(either.score(scores)[1], np.log(4.0))


def test_a_combination_has_a_threshold_of_its_own():
    of = Surprise((0.0, 1.0), (0.0, 1.0), 1.0), Surprise((0.0, 100.0), (0.0, 1.0), 100.0)
    pair = Combination("any", ("stalled", "overtime"), of)
    monitor = FailureMonitor(build_detectors({}), {"any": Threshold(2.0)}, {"any": pair}, "any")
    assert any(monitor.advice(now_s).alarm for now_s in feed(monitor))
    assert [item.alarm for item in monitor.opinion(108.0)] == [name == "any" for name in monitor.names]


def test_names_that_no_detector_has_are_refused():
    with pytest.raises(KeyError):
        FailureMonitor(
            [Stalled()], combinations={"any": Combination("any", ("probe",), (Surprise((0.0, 1.0), (0.0, 1.0), 1.0),))}
        )
