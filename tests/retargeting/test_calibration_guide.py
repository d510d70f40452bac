"""Who follows the guide is measured in half a minute; who does not is told why, again, and nothing is invented."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.retargeting.calibration import FINGERS, measure_size
from rove_teleop.retargeting.calibration_guide import Guide
from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.types import HAND_POINTS, HandFrame, OperatorFrame

from .guided_person import SCRIPT, SHOULDER_M, TOUCH_M, Person

pytestmark = pytest.mark.integration  # long: it runs after the unit tests


def follow(guide, frames):
    """Everything that was shown, until the guide ended."""
    shown = []
    for frame in frames:
        shown.append(guide.step(frame, frame.stamp_s))
        if shown[-1].ended:
            break
    return shown


@pytest.mark.parametrize("scale", [0.8, 1.0, 1.25])
def test_half_a_minute_measures_hands_and_arms(scale):
    guide = Guide()
    frames = list(Person(scale=scale, noise_m=0.0005).motion())
    shown = follow(guide, frames)
    assert shown[-1].ended and shown[-1].title == "Calibrated"
    assert len(shown) / 60.0 < 30.0
    assert not any(guidance.hint for guidance in shown)
    assert {guidance.steps for guidance in shown} == {7}
    for side in ("left", "right"):
        hand = guide.result.hands[side]
        true_m = scale * measure_size(hand_points("right", 0.0)).finger_m
        assert np.allclose(hand.size.finger_m, true_m, atol=0.001)
        assert np.allclose(hand.size.touch_m, list(TOUCH_M.values()), atol=0.0015)
        assert np.all(hand.spread_m < 0.002)
        assert set(hand.samples) == {"flat", *FINGERS[1:]}
        assert guide.result.arms[side].length_m == pytest.approx(0.58, abs=0.005)
        assert np.allclose(guide.result.shoulder_from_head_m[side], SHOULDER_M[side] - [0.0, 0.0, 1.62], atol=0.01)
    assert guide.result.notes == ()


def test_a_glove_on_one_hand_gets_the_steps_that_make_sense():
    guide = Guide()
    shown = follow(guide, Person(sides=("right",), wrists=False).motion())
    assert list(guide.result.hands) == ["right"]
    assert guide.result.arms == {}
    assert "the right hand" in shown[400].text


def test_wrists_alone_measure_the_arms():
    guide = Guide()
    follow(guide, Person(fingers=False).motion(("look", "swing")))
    assert guide.result.hands == {}
    assert guide.result.arms["left"].length_m == pytest.approx(0.58, abs=0.005)


def test_only_what_was_asked_for_is_measured():
    hands, arms = Guide(arms=False), Guide(fingers=False)
    follow(hands, Person().motion())
    follow(arms, Person().motion(("look", "swing")))
    assert hands.result.arms == {} and len(hands.result.hands) == 2
    assert arms.result.hands == {} and len(arms.result.arms) == 2


def test_a_hand_that_never_closes_is_refused_with_the_distance():
    guide = Guide()
    shown = follow(guide, Person(wrists=False).motion(("look",) * 20))
    assert guide.result is None
    assert "index" in guide.failure and "came no closer than" in guide.failure and "mm" in guide.failure
    assert len({guidance.hint for guidance in shown}) > 1  # it was told before, and asked again


def test_a_step_that_was_missed_is_asked_for_again_and_then_counts():
    late = ("look", "flat", "flat", "flat", "flat", "index", "middle", "ring", "little", "swing")
    guide = Guide()
    shown = follow(guide, Person().motion(late))
    assert guide.result is not None
    assert any("Once more" in guidance.hint for guidance in shown)


def test_a_little_finger_that_does_not_reach_touches_like_the_others():
    script = ("look", "flat", "index", "middle", "ring", *["flat"] * 6, "swing", "swing")
    guide = Guide()
    follow(guide, Person().motion(script))
    touch_m = guide.result.hands["left"].size.touch_m
    assert touch_m[3] == pytest.approx(np.median(touch_m[:3]))
    assert any("little" in note for note in guide.result.notes)


class Crooked(Person):
    """Somebody who cannot stretch their fingers."""

    def points(self, side, word, share):
        return super().points(side, word, share) if word in FINGERS else hand_points(side, 0.5)


def test_a_hand_that_cannot_be_stretched_is_measured_as_it_is():
    guide = Guide(arms=False)
    follow(guide, Crooked().motion(("look", *["flat"] * 5, *["index"] * 2, *SCRIPT[3:7])))
    assert np.allclose(guide.result.hands["left"].size.finger_m, measure_size(hand_points("left", 0.0)).finger_m)
    assert any("measured as it was" in note for note in guide.result.notes)


def test_the_wrong_finger_does_not_count():
    guide = Guide()
    follow(guide, Person(wrists=False).motion(("look", "flat", *["middle"] * 8)))
    assert guide.result is None
    assert "index" in guide.failure


def test_a_person_who_keeps_still_is_not_given_arms():
    guide = Guide()
    follow(guide, Person().motion((*SCRIPT[:-1], *["flat"] * 12)))
    assert guide.result.arms == {}
    assert any("lowered" in note for note in guide.result.notes)


def test_nobody_there_ends_with_a_sentence():
    guide = Guide()
    now_s = 0.0
    while not guide.step(None, now_s).ended:
        now_s += 0.1
        assert now_s < 200.0
    assert guide.failure == "no hand is tracked; nothing was saved"


def test_centimetres_taken_for_metres_are_refused():
    guide = Guide()
    follow(guide, Person(scale=100.0, wrists=False).motion())
    assert "outside" in guide.failure


numbers = st.one_of(st.floats(-0.3, 0.3), st.sampled_from([np.nan, np.inf, 0.0, 1e200, -1e200]))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(-1.0, 9.0), st.lists(numbers, min_size=3, max_size=3)), max_size=60))
def test_nothing_a_device_sends_ends_in_an_error(stream):
    guide, now_s = Guide(), 0.0
    with np.errstate(all="ignore"):
        for k, (dt_s, values) in enumerate(stream):
            points = np.resize(np.array(values), (len(HAND_POINTS), 3))
            T = np.eye(4)
            T[:3, 3] = values
            hand = HandFrame(T, points)
            guidance = guide.step(OperatorFrame(now_s + dt_s, k, hand, hand), now_s)
            assert 0.0 <= guidance.progress <= 1.0
            now_s += 0.5
