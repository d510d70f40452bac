import math

import numpy as np
import pytest

from rove_teleop.failure.behind import Behind, fit_behind
from rove_teleop.failure.chunk_overlap import ChunkOverlap, disagreement
from rove_teleop.failure.detectors import SENTENCES, build_detectors
from rove_teleop.failure.going_nowhere import GoingNowhere
from rove_teleop.failure.overtime import Overtime
from rove_teleop.failure.retries import Retries
from rove_teleop.failure.reversals import Reversals
from rove_teleop.failure.stalled import Stalled
from rove_teleop.failure.value_drop import ValueDrop
from rove_teleop.types import ActionChunk


def drive(detector, path, dt_s=0.004):
    """Feed q(t) of a function for ten seconds; the scores."""
    detector.begin(0.0)
    return [detector.update(t, path(t)) for t in np.arange(0.0, 10.0, dt_s)]


def chunk(received_s, shift_rad=0.0, joints=3, slope=0.2):
    offset_s = 0.05 * np.arange(1, 17)
    q_rad = np.repeat((slope * (received_s + offset_s))[:, None], joints, axis=1) + shift_rad
    return ActionChunk(received_s, offset_s, np.arange(joints), q_rad)


def test_reversals_count_turning_points_and_not_noise():
    rng = np.random.default_rng(0)
    steady = drive(Reversals(), lambda t: np.array([0.1 * t, 0.0]) + rng.normal(0.0, 0.003, 2))
    assert max(steady) == 0.0
    shaking = drive(Reversals(window_s=4.0), lambda t: np.array([0.2 * math.sin(2.0 * math.pi * t), 0.0]))
    assert shaking[-1] == pytest.approx(2.0, abs=0.3)


def test_reversals_do_not_depend_on_the_rate_of_control():
    def path(t):
        return np.array([0.1 * math.sin(5.0 * t), 0.2 * math.cos(3.0 * t)])

    assert drive(Reversals(), path, 0.004)[-1] == drive(Reversals(), path, 0.02)[-1]


def test_going_nowhere_tells_standing_still_from_moving_on():
    still = drive(GoingNowhere(), lambda t: np.full(4, 0.001 * math.sin(9.0 * t)))
    moving = drive(GoingNowhere(), lambda t: np.full(4, 0.2 * t))
    assert still[-1] > 0.95 > 0.2 > moving[-1]
    assert still[10] == 0.0  # The window is not full yet.


def test_overlap_of_chunks_that_agree_is_zero_and_grows_with_what_they_disagree():
    assert disagreement(chunk(0.0), chunk(0.4)) == pytest.approx(0.0, abs=1e-12)
    assert disagreement(chunk(0.0), chunk(0.4, shift_rad=0.3)) == pytest.approx(0.3)
    assert disagreement(chunk(0.0), chunk(2.0)) is None
    assert disagreement(chunk(0.0), chunk(0.4, joints=2)) is None
    detector = ChunkOverlap(window=2)
    detector.begin(0.0)
    scores = [detector.update(0.4 * k, chunk(0.4 * k, shift)) for k, shift in enumerate((0.0, 0.0, 0.2, 0.2, 0.2))]
    assert scores == pytest.approx([0.0, 0.0, 0.1, 0.1, 0.0], abs=1e-9)


def test_stalled_counts_seconds_since_the_last_gain():
    detector = Stalled(min_gain=0.05)
    detector.begin(1.0)
    assert detector.update(1.0, 0.1) == 0.0
    assert detector.update(3.0, 0.12) == 2.0
    assert detector.update(3.5, math.nan) == 2.5
    assert detector.update(4.0, 0.2) == 0.0


def test_retries_count_what_was_lost_after_a_gain():
    detector = Retries(loss=0.1)
    path = (0.0, 0.3, 0.5, 0.2, 0.1, 0.1, 0.4, 0.35, 0.1, 0.1, math.nan, 0.6)
    assert [detector.update(float(t), p) for t, p in enumerate(path)] == [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2]


def test_value_drop_is_measured_from_the_best_of_the_window():
    detector = ValueDrop(window_s=2.0)
    assert [detector.update(t, v) for t, v in ((0.0, -10.0), (1.0, -8.0), (1.5, -12.0), (4.0, -12.0))] == [0, 0, 4, 0]
    assert detector.update(4.1, math.nan) == 0.0


def test_overtime_is_the_time_since_the_policy_began():
    detector = Overtime()
    detector.begin(2.0)
    assert detector.update(5.0, None) == 3.0


@pytest.mark.parametrize("detector", build_detectors({}), ids=lambda detector: detector.name)
def test_every_detector_survives_nonsense_forgets_at_the_beginning_and_has_a_sentence(detector):
    assert detector.name in SENTENCES
    heard = {
        "commanded": (np.zeros(3), np.full(3, np.nan), np.full(3, np.inf)),
        "chunk": (chunk(0.0), chunk(0.4, math.nan), chunk(0.4, joints=1)),
        "progress": (0.5, math.nan, math.inf),
        "value": (math.nan, 1.0, -math.inf),
        "time": (None, None, None),
    }[detector.hears]
    detector.begin(0.0)
    scores = [detector.update(0.1 * k, item) for k, item in enumerate(heard)]
    assert np.isfinite(scores).all()
    detector.begin(100.0)
    assert detector.update(100.0, heard[0]) in (0.0, scores[0])


def test_behind_is_how_few_successes_were_no_further_by_now():
    stamp_s = np.arange(0.0, 10.0, 0.1)
    successes = [
        (stamp_s[: round(10 / pace)], pace * stamp_s[: round(10 / pace)], 1 / pace) for pace in (0.1, 0.2, 0.4)
    ]
    learned = fit_behind(successes)
    behind = Behind(learned["behind.progress"])
    behind.begin(100.0)
    assert behind.update(100.0, 0.0) == 0.0, "nobody is further"
    assert np.isclose(behind.update(102.0, 0.3), np.log(4 / 2)), "one of three was slower"
    assert np.isclose(behind.update(104.0, 0.1), np.log(4 / 1)), "the best counts, and now nobody is"
    assert np.isclose(behind.update(130.0, np.nan), np.log(4 / 1))
    assert behind.update(130.0, 1.0) > 1.0, "long after the last success nothing helps"
    behind.begin(200.0)
    assert behind.update(200.1, 0.0) == 0.0
    assert fit_behind([(np.empty(0), np.empty(0), 3.0)]) == {}
    for nonsense in (np.zeros(3), np.zeros((0, 4)), np.full((2, 3), np.nan)):
        with pytest.raises(ValueError, match="progress of successes"):
            Behind(nonsense.astype(np.float32))
