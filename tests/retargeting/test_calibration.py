"""Sizes of hands do not depend on the pose, touching is a plateau, and what is no hand gets one sentence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.retargeting.calibration import (
    FINGERS,
    HandSize,
    finger_spread_m,
    implausible,
    measure_size,
    straightness,
    touch_gaps_m,
    touching,
)
from rove_teleop.tracking.hand_shape import hand_points

from .guided_person import TOUCH_M, pinch


@given(st.floats(0.7, 1.4), st.floats(0.0, 1.0), st.sampled_from(("left", "right")))
def test_a_hand_is_as_large_bent_as_it_is_flat(scale, curl, side):
    flat, bent = (measure_size(scale * hand_points(side, c)).finger_m for c in (0.0, curl))
    assert np.allclose(flat, bent, atol=1e-12)
    assert np.allclose(flat, scale * measure_size(hand_points("right", 0.0)).finger_m)


def test_a_flat_hand_is_straight_and_a_fist_is_not():
    assert np.all(straightness(hand_points("left", 0.0)) > 0.99)
    assert np.all(straightness(hand_points("left", 1.0))[0, 1:] < 0.6)


def test_the_spread_is_the_noise_of_the_device():
    random = np.random.default_rng(0)
    frames = hand_points("right", 0.0) + 0.002 * random.standard_normal((500, 21, 3))
    spread_m = finger_spread_m(frames)
    assert np.all((spread_m > 0.002) & (spread_m < 0.004))  # two ends of a chain of three noisy bones
    frames[::50] *= 3.0
    assert np.allclose(finger_spread_m(frames), spread_m, rtol=0.2)


def test_gaps_are_between_the_tips():
    for k, finger in enumerate(FINGERS[1:]):
        points = pinch(hand_points("left", 0.0), finger, TOUCH_M[finger], 1.0)
        gaps_m = touch_gaps_m(points)[0]
        assert gaps_m[k] == pytest.approx(TOUCH_M[finger], abs=1e-4)
        assert np.all(np.delete(gaps_m, k) > 0.05)


def test_the_plateau_holds_what_touches_and_not_the_way_there():
    way, held = np.linspace(0.04, 0.013, 30), 0.012 + 0.001 * np.random.default_rng(0).standard_normal(60)
    together = touching(np.concatenate([way, held]))
    assert together[30:].all()
    assert together[:20].sum() == 0
    assert touching(np.zeros(0)).size == 0


@pytest.mark.parametrize(
    ("finger_m", "touch_m", "words"),
    [
        (np.full(5, 0.1), np.full(4, 0.01), None),
        (np.array([0.1, 0.1, 0.1, 0.1, 0.7]), np.zeros(4), "little is 700 mm long"),
        (np.array([np.nan, 0.1, 0.1, 0.1, 0.1]), np.zeros(4), "thumb"),
        (np.full(5, 0.1), np.array([0.0, 0.0, 0.08, 0.0]), "ring is 80 mm from the thumb"),
        (np.full(5, 0.1), np.array([0.0, -0.01, 0.0, 0.0]), "middle"),
        (np.full(4, 0.1), np.zeros(4), "4 numbers for 5 fingers"),
    ],
)
def test_a_size_that_no_hand_has_gets_one_sentence(finger_m, touch_m, words):
    problem = implausible(HandSize(finger_m, touch_m))
    assert problem is None if words is None else words in problem
