"""A process of a session that refuses what it was given: the session ends as it did."""

import pytest

from rove_teleop.errors import StageLost
from rove_teleop.sessions.processes import Process

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")


def test_what_a_process_refused_is_bad_usage_for_the_session_too(tmp_path):
    arguments = ("--dataset", str(tmp_path / "data"), "--socket", str(tmp_path / "rows"), "--cameras", "ego,ego")
    recorder = Process("recorder", "recorder", arguments, tmp_path / "recorder.log", talks=True)
    try:
        with pytest.raises(StageLost, match="each once") as lost:
            recorder.answer("ready", patience_s=30.0)
    finally:
        recorder.stop()
        recorder.join(5.0)
    assert lost.value.exit_code == 2
    assert "exit code 2" in str(lost.value)
