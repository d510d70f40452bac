"""rove failure report DATASET: thresholds of different calibrations are not mixed, and a promise is checked."""

import json

import numpy as np
import pytest

from rove_teleop.cli import main
from rove_teleop.episodes.record.records import FailureRecord
from rove_teleop.failure.calibration import Calibration, save_calibration
from rove_teleop.failure.conformal import Threshold
from rove_teleop.failure_calibration.files import file_hash

from ..episodes.recording_tools import begin, control_row

# Whole files, folders or sockets: too long for the first minute.
pytestmark = pytest.mark.integration


def watch(root, outcome, score, threshold, **hashes):
    """Half a second of a policy that one detector watched."""
    recording = begin(root, policy_id="p1", cameras=[], config_hashes={"policy": "0123456789abcdef", **hashes})
    for tick in range(125):
        recording.control_row(control_row(tick, phase=0))
        if tick % 25 == 0:
            alarm = tick > 25 and score > threshold
            # More time has passed at every look.
            passed = score + 1e-6 * tick
            recording.failure(FailureRecord(100.0 + tick / 250.0, passed, threshold, alarm, "overtime"))
    return recording.seal(outcome, last_tick=124)


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / "data"
    for number in range(6):
        watch(root, "success", 0.1 * number, 1e300)
    rules = {"overtime": Threshold(0.5)}
    unused = {"unused": np.zeros(1, np.float32)}
    path = root / "calibration" / "0123456789abcdef.json"
    save_calibration(
        path,
        Calibration(
            "0123456789abcdef", "toaster", 0.1, False, 60, 1000, "overtime", rules, {}, {"overtime": 0.2}, unused
        ),
    )
    for number in range(8):
        watch(root, "success", 1.0 if number < 6 else 0.1, 0.5, failure=file_hash(path))
    watch(root, "failure", 1.0, 0.5, failure=file_hash(path))
    watch(root, "success", 1.0, 0.5, failure="feedfeedfeedfeed")
    return root, path


def test_each_calibration_is_judged_by_itself_and_by_its_own_promise(dataset, capsys):
    root, path = dataset
    assert main(["failure", "report", str(root), "--json"]) == 0
    told = {item["calibration"]: item for item in json.loads(capsys.readouterr().out)}
    assert set(told) == {None, file_hash(path), "feedfeedfeedfeed"}
    assert (told[None]["episodes"], told[None]["detectors"][0]["false_alarms"]["count"]) == (6, 0)
    own = told[file_hash(path)]
    assert (own["file"], own["episodes"], own["failures"], own["decides"]) == (str(path), 9, 1, "overtime")
    assert own["detectors"][0]["false_alarms"]["count"] == 6 and not own["promise_kept"]
    assert told["feedfeedfeedfeed"]["file"] is None and "promise_kept" not in told["feedfeedfeedfeed"]


def test_a_damaged_episode_judges_nobody_and_stops_nobody(dataset, capsys):
    root, _ = dataset
    about = min((root / "episodes").iterdir()) / "zarr.json"
    about.write_bytes(about.read_bytes()[:-9])
    assert main(["failure", "report", str(root), "--json"]) == 0
    said = capsys.readouterr()
    assert {item["calibration"]: item["episodes"] for item in json.loads(said.out)}[None] == 5
    assert "15 of 16 episodes count" in said.err and "damage" in said.err


def test_the_words_say_what_was_promised_and_where_that_is_not_known(dataset, tmp_path, capsys):
    root, path = dataset
    assert main(["failure", "report", str(root)]) == 0
    said = capsys.readouterr().out
    assert said.count("watched by") == 3 and "observed 6: NOT kept" in said and "its file is not there" in said
    for suffix in (".json", ".safetensors"):
        path.with_suffix(suffix).rename(tmp_path / f"elsewhere{suffix}")
    assert main(["failure", "report", str(root), "--calibration", str(tmp_path / "elsewhere.json")]) == 0
    assert "observed 6: NOT kept" in capsys.readouterr().out
