"""The mailboxes keep the newest valid word of everybody."""

import json

import pytest

from rove_teleop.console.app import snapshot
from rove_teleop.console.live import MAX_FRAME_BYTES, LiveSession

from .served import JPEG


def test_empty_before_the_first_word():
    session = LiveSession(["ego"])
    assert session.latest_status() == session.latest_session() == session.latest_task() == {}
    assert session.latest_events() == session.timeline(5.0) == []
    assert session.status_age_s(5.0) is None
    assert session.latest_frame("ego") is None


def test_a_refused_status_leaves_the_last_one_to_grow_old():
    session = LiveSession([])
    session.take_status('{"phase": "paused", "episode": 2}', 10.0)
    with pytest.raises(ValueError, match="not an object"):
        session.take_status("[]", 12.0)
    assert session.latest_status() == {"phase": "paused", "episode": 2}
    assert session.status_age_s(12.5) == 2.5


@pytest.mark.parametrize("status", [{}, {"phase": None}, {"phase": ["x"], "episode": "three"}, {"phase": 3}])
def test_a_status_without_a_known_phase_is_unlabelled(status):
    session = LiveSession([])
    session.take_status(json.dumps(status), 1.0)
    (segment,) = session.timeline(1.0)
    assert (segment.phase, segment.episode) == ("unlabelled", 0)


def test_only_the_last_events_are_kept():
    session = LiveSession([], keep_events=3)
    for k in range(10):
        session.take_event(json.dumps({"k": k}))
    assert [event["k"] for event in session.latest_events()] == [7, 8, 9]


def test_frames_count_up_per_camera():
    session = LiveSession(["ego", "side"])
    session.take_frame("ego", JPEG, 1.0)
    session.take_frame("ego", JPEG + b"x", 2.0)
    session.take_frame("side", JPEG, 3.0)
    newest = session.latest_frame("ego")
    assert newest is not None
    assert (newest.sequence, newest.stamp_s, newest.jpeg) == (2, 2.0, JPEG + b"x")
    assert session.latest_frame("side").sequence == 1


@pytest.mark.parametrize(
    ("camera", "jpeg", "words"),
    [("door", JPEG, "door"), ("ego", b"", "0 bytes"), ("ego", b"GIF89a", "no JPEG"),
     ("ego", JPEG + bytes(MAX_FRAME_BYTES), "at most")],
)  # fmt: skip
def test_what_is_no_picture_is_refused_by_name(camera, jpeg, words):
    session = LiveSession(["ego"])
    with pytest.raises(ValueError, match=words):
        session.take_frame(camera, jpeg, 1.0)
    assert session.latest_frame("ego") is None


def test_what_troubles_the_operator_is_on_the_page_s_state():
    session = LiveSession(["ego"])
    assert snapshot(session)["operator"] == {}
    session.take_operator('{"trouble": "the right hand jumped", "refused": {"right_wrist_jump": 1}}')
    assert snapshot(session)["operator"]["trouble"] == "the right hand jumped"
    with pytest.raises(ValueError, match="not an object"):
        session.take_operator("[]")
    assert snapshot(session)["operator"]["refused"] == {"right_wrist_jump": 1}
