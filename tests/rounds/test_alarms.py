"""A round's alarms: for its policy and no other, judged on what they have not seen, heard while collecting."""

import json
from pathlib import Path

import pytest

from rove_teleop.episodes.read import open_episode
from rove_teleop.failure.conformal import voted
from rove_teleop.failure.detectors import build_detectors
from rove_teleop.failure.replay import replay
from rove_teleop.failure_calibration.episodes import episode_streams, judged_episodes, logged_opinions
from rove_teleop.failure_calibration.files import file_hash, find_calibration, load_calibration_of
from rove_teleop.models.checkpoint import load_checkpoint
from rove_teleop.models.policy_critic import load_policy_critic
from rove_teleop.policy.local import shipped_checkpoint
from rove_teleop.rounds.alarms import alarms_text, calibrate_alarms, trigger_leads
from rove_teleop.rounds.collection import Driver, Scene, collect_round
from rove_teleop.rounds.workers import Workers

from ..failure_calibration.test_calibrate import episode

pytestmark = pytest.mark.integration


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "round-1" / "policy.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"a policy")
    return path


@pytest.mark.timeout(300)
def test_a_policy_gets_alarms_and_a_table_of_what_they_are_worth(checkpoint):
    # Two successes, two failures: both halves have both.
    told = json.loads(json.dumps(calibrate_alarms([episode(k, k % 4 < 2) for k in range(80)], checkpoint, "test")))
    found = find_calibration(str(checkpoint), checkpoint.parent)
    calibration = load_calibration_of(found, str(checkpoint))
    assert (calibration.alpha, calibration.successes) == (0.1, told["calibrated_on"]) == (0.1, 10)
    assert (told["episodes"], told["failures"]) == (40, 20)
    text = "\n".join(alarms_text(told, {"together": {"trigger_lead_s": 1.25}}))
    assert "Calibrated on 10 successes, judged on 40 other episodes (20 failures)" in text
    row = next(line for line in text.splitlines() if line.startswith("| together |"))
    assert row.endswith("| 1.2 s |") and " of 20 [" in row
    assert "value_drop" not in text, "nobody values anything here"


@pytest.mark.timeout(300)
def test_too_few_successes_leave_no_calibration_of_another_time(checkpoint):
    enough = [episode(k, k % 4 < 2) for k in range(80)]
    calibrate_alarms(enough, checkpoint, "test")
    told = calibrate_alarms([item for item in enough if not item.success] + enough[:2], checkpoint, "test")
    assert find_calibration(str(checkpoint), checkpoint.parent) is None
    assert "Not calibrated: " in "\n".join(alarms_text(told, {}))


@pytest.mark.timeout(600)
def test_people_who_collect_hear_calibrated_alarms(tmp_path):
    checkpoint = shipped_checkpoint("toaster")
    alarms = find_calibration(str(checkpoint), tmp_path)
    with Workers(1) as workers:
        scene, driver = Scene("iron_r01", "toaster", start="beginning"), Driver.of(checkpoint, "base")
        found = collect_round(workers, tmp_path / "round", 1, scene, driver, 5, 7, "expert", alarms)
    attributes = open_episode(tmp_path / "round" / "episodes" / f"{found[0].id}.zarr").attributes
    assert attributes["made_from"]["calibration"] == file_hash(Path(alarms))
    leads = trigger_leads(tmp_path / "round")
    assert any(item.takeovers for item in found), "otherwise these seeds test nothing"
    # Nobody takes over before some alarm; pressing takes a while.
    assert max(lead["trigger_lead_s"] or 0.0 for lead in leads.values()) > 0.3
    heard_again(tmp_path / "round", checkpoint)


def heard_again(dataset, checkpoint):
    """What is read from recorded episodes is what the monitor heard: the drops of value are those that it logged."""
    policy = load_checkpoint(checkpoint)
    critic = load_policy_critic(checkpoint, policy.header)
    for one, outcome in judged_episodes(dataset, sorted(dataset.glob("episodes/*.zarr"))):
        track = replay(episode_streams(one, outcome, policy, critic), build_detectors({}))
        again = float(voted(track.of("value_drop")).max())
        assert again == pytest.approx(logged_opinions(one, outcome)["value_drop"].highest)
