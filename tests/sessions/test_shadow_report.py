"""A shadow's plans in an episode: marked, told apart from those that drive, and compared with them."""

import json

import numpy as np
import pytest

from rove_teleop.cli import main
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.records import ChunkRecord
from rove_teleop.sessions.shadow_report import disagreement

from ..episodes.recording_tools import begin, control_row, record

TICKS, HZ = 500, 250.0


def shadowed(root, apart_rad):
    """Two seconds, the last half second a person's. The shadow plans a straight line ``apart_rad`` beside, in 0.2 s."""
    recording = begin(root, policy_id="first", shadow_policy_id="second")
    for tick in range(TICKS):
        phase, slope = (0, 1) if tick < 375 else (2, 2)
        q_policy_rad = [np.nan, tick / HZ, tick / HZ]
        recording.control_row(control_row(tick, q_policy_rad=q_policy_rad, phase=phase, authority=slope))
    offset_s = 0.05 * np.arange(9)
    for begin_s in np.arange(0.2, 2.0, 0.4):
        plan = (begin_s + offset_s)[:, None] + [apart_rad, 0.0]
        recording.chunk(ChunkRecord(100.0 + begin_s, 1.7e9, offset_s, np.array([2, 1]), plan, shadow=True))
        drives = np.zeros((9, 2))
        recording.chunk(ChunkRecord(100.0 + begin_s, 1.7e9, offset_s, np.array([2, 1]), drives))
    return recording.seal("success", last_tick=TICKS - 1)


def test_marks_survive_the_journal_and_the_episode(tmp_path):
    episode = open_episode(shadowed(tmp_path, 0.1))
    np.testing.assert_array_equal(episode["policy/valid"], [2, 1] * 5)
    assert episode.attributes["shadow_policy_id"] == "second"


def test_disagreement_is_over_autonomous_ticks_and_joints_of_both(tmp_path):
    found = disagreement([shadowed(tmp_path, 0.3)])
    assert (found.policy, found.shadow, found.joints) == ("first", "second", 2)
    # From the first plan at 0.2 s to the person at 1.5 s.
    assert found.ticks == pytest.approx(1.3 * HZ, abs=1)
    assert found.ticks + found.uncovered == 375
    assert found.rms_rad == {"arms": pytest.approx(0.3 / np.sqrt(2.0))}


def test_the_command_says_it_and_refuses_a_dataset_without_one(tmp_path, capsys):
    shadowed(tmp_path / "with", 0.3)
    assert main(["shadow", str(tmp_path / "with"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rms_rad"]["arms"] == pytest.approx(0.212, abs=1e-3)
    assert main(["shadow", str(tmp_path / "with")]) == 0
    assert "arms 0.212 rad" in capsys.readouterr().out
    record(tmp_path / "without")
    assert main(["shadow", str(tmp_path / "without")]) == 2
    assert "no episode has a shadow policy" in capsys.readouterr().err
