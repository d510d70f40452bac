"""A part of the operator that comes into view while they drive waits for the next engage."""

import pytest

from rove_teleop.tracking.admission import Admission
from rove_teleop.types import HandFrame

from .operator_frames import frame, hand, head


def test_who_does_not_drive_is_shown_as_they_are():
    admission = Admission()
    for k, seen in enumerate((frame(0, left=HandFrame()), frame(1), frame(2, head=head()))):
        assert admission.admit(seen, driving=False) is seen, k
    assert not admission.hidden and admission.trouble is None


@pytest.mark.parametrize(
    ("before", "late", "words"),
    [
        ({"left": HandFrame()}, {"left_wrist", "left_fingers"}, "the left hand"),
        ({"right": HandFrame(hand().T_world_wrist)}, {"right_fingers"}, "the right hand"),
        ({"right": HandFrame(None, hand().points_m)}, {"right_wrist"}, "the right hand"),
        ({"head": None}, {"head"}, "the head"),
        ({"head": None, "left": HandFrame()}, {"head", "left_wrist", "left_fingers"}, "the left hand and the head"),
    ],
)
def test_what_comes_late_is_hidden_until_the_operator_engages_anew(before, late, words):
    admission = Admission()
    admission.admit(frame(0, **{"head": head(), **before}), driving=False)
    whole = frame(1, head=head())
    for _ in range(2):
        shown = admission.admit(whole, driving=True)
        assert (shown.T_world_head is None) == ("head" in late)
        for side in ("left", "right"):
            assert (shown.hand(side).T_world_wrist is None) == (f"{side}_wrist" in late)
            assert (shown.hand(side).points_m is None) == (f"{side}_fingers" in late)
    assert admission.hidden == {f"{part}_late": 2 for part in late}
    assert admission.trouble == f"{words} came into view after the takeover: take over again to use it"
    assert admission.admit(whole, driving=False) is whole and admission.trouble is None
    assert admission.admit(whole, driving=True) is whole


def test_a_late_wrist_takes_its_elbow_along():
    admission = Admission()
    admission.admit(frame(0, right=HandFrame(None, hand().points_m)), driving=False)
    seen = frame(1, right=HandFrame(hand().T_world_wrist, hand().points_m, hand().T_world_wrist[:3, 3]))
    assert admission.admit(seen, driving=True).right.elbow_m is None


def test_a_part_that_goes_is_not_the_admission_s_affair():
    admission = Admission()
    admission.admit(frame(0), driving=False)
    seen = frame(1, left=HandFrame())
    assert admission.admit(seen, driving=True) is seen
