import numpy as np
import pytest

from rove_teleop.handover.alignment import OF_KIND, AlignmentGate, Threshold, threshold_of

GROUPS = {"left_arm": np.array([0, 1]), "left_hand": np.array([2])}
NAMES = ("shoulder", "elbow", "thumb")
ALL = np.ones(3, dtype=bool)
ARM = Threshold(0.1, 0.2, 0.3)


def gate(**options):
    return AlignmentGate(GROUPS, {"left_arm": ARM, **options})


def test_opens_after_the_dwell_and_closes_with_hysteresis():
    g = gate(left_hand=ARM)
    robot = np.zeros(3)
    far = g.update(0.0, robot, np.array([0.0, 0.5, 0.05]), ALL)
    assert not far.aligned()
    assert far.misaligned(NAMES) == "not aligned: elbow is 0.50 rad away (the left_arm must come within 0.10 rad)"
    near = np.array([0.0, 0.05, 0.05])
    assert not g.update(1.0, robot, near, ALL).aligned()
    still = g.update(1.2, robot, near, ALL)
    assert "hold the pose a moment longer" in (still.misaligned(NAMES) or "")
    opened = g.update(1.31, robot, near, ALL)
    assert opened.aligned()
    assert opened.misaligned(NAMES) is None
    kept = g.update(1.4, robot, np.array([0.0, 0.15, 0.0]), ALL)
    assert kept.aligned()
    assert kept.groups["left_arm"].within_rad == 0.2
    assert not g.update(1.5, robot, np.array([0.0, 0.25, 0.0]), ALL).aligned()


def test_each_group_has_its_own_threshold_and_dwell():
    g = gate(left_hand=Threshold(0.4, 0.5, 0.0))
    answer = g.update(0.0, np.zeros(3), np.array([0.0, 0.0, 0.39]), ALL)
    assert answer.groups["left_hand"].aligned
    assert not answer.groups["left_arm"].aligned, "its dwell has only begun"
    later = g.update(0.3, np.zeros(3), np.array([0.0, 0.0, 0.39]), ALL)
    assert later.aligned()


def test_only_groups_that_are_taken_count():
    g = gate(left_hand=Threshold(0.1, 0.2, 0.0))
    answer = g.update(0.0, np.zeros(3), np.array([0.0, 1.0, 0.05]), ALL)
    assert not answer.aligned()
    assert answer.aligned(["left_hand"])
    assert "elbow is 1.00 rad" in (answer.misaligned(NAMES, ["left_arm", "left_hand"]) or "")
    assert answer.misaligned(NAMES, ["left_hand"]) is None


def test_the_furthest_closed_group_is_named_even_if_an_open_one_is_further():
    g = gate(left_hand=Threshold(1.0, 2.0, 0.0))
    answer = g.update(0.0, np.zeros(3), np.array([0.0, 0.15, 0.9]), ALL)
    assert answer.worst()[0] == "left_arm"
    assert answer.groups["left_arm"].worst_joint == 1


def test_nothing_tracked_or_nan_never_aligns():
    g = gate(left_arm=Threshold(0.1, 0.2, 0.0))
    nobody = g.update(0.0, np.zeros(3), np.zeros(3), ~ALL)
    assert not nobody.aligned()
    assert nobody.misaligned(NAMES) == "the operator's pose is not known"
    assert not g.update(0.1, np.zeros(3), np.array([np.nan, 0, 0]), ALL).aligned()
    assert not g.update(0.2, np.zeros(3), np.zeros(3), ALL).aligned(["no_such_group"])


def test_a_group_without_targets_does_not_hold_the_others_back_and_begins_anew_when_it_comes():
    g = gate(left_arm=Threshold(0.1, 0.2, 0.0), left_hand=ARM)
    valid = np.array([True, True, False])
    assert g.update(0.0, np.zeros(3), np.zeros(3), valid).aligned()
    assert not g.update(0.1, np.zeros(3), np.zeros(3), ALL).aligned()
    assert g.update(0.45, np.zeros(3), np.zeros(3), ALL).aligned()


@pytest.mark.parametrize(
    ("group", "kind"),
    [("left_arm", "arm"), ("right_hand", "hand"), ("waist", "torso"), ("neck", "head"), ("tail", "arm")],
)
def test_thresholds_follow_from_what_a_group_is(group, kind):
    assert threshold_of(group) == OF_KIND[kind]
