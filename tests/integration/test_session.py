"""Whole sessions of real processes: the main job, a recorder that is killed, a recorded person, refused input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zarr
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from rove_teleop.episodes.read import open_episode
from rove_teleop.types import Phase

from .environment import ENVIRONMENT
from .ros_watch import Watcher

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

ROVE = Path(sys.executable).parent / "rove"
MOTION = Path(__file__).parents[3] / "shared" / "data" / "motion"


def environment(domain: int) -> dict[str, str]:
    return {**os.environ, **ENVIRONMENT, "ROS_DOMAIN_ID": str(domain)}


def rove(domain: int, *arguments: object, patience_s: float = 200) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROVE, *map(str, arguments)],
        env=environment(domain),
        capture_output=True,
        text=True,
        timeout=patience_s,
        check=False,
    )


def logs(dataset: Path) -> str:
    return "\n".join(f"== {path.name}\n{path.read_text()[-2000:]}" for path in dataset.glob("logs/*/*.log"))


def report_of(dataset: Path) -> dict:
    return json.loads(next(dataset.glob("logs/*/report.json")).read_text())


def process_id(module: str, session: subprocess.Popen[str]) -> int:
    """The pid of the session's child ``rove_teleop.nodes.<module>``."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == session.pid and f"rove_teleop.nodes.{module}" in words:
            return int(folder.name)
    raise AssertionError(f"the session has no process {module}")


@pytest.mark.parametrize("task", ["toaster", "whiteboard"])
def test_a_session_of_each_task(task, tmp_path):
    dataset = tmp_path / "data"
    done = rove(41, "demo", "--task", task, "--episodes", 2, "--headless", "--dataset", dataset, "--seed", 3)
    assert done.returncode == 0, done.stderr + logs(dataset)
    assert "control wake-up error" in done.stdout
    assert "invented kinematics" in done.stdout
    assert "grasp assist" in done.stdout
    report = report_of(dataset)
    assert len(report["episodes"]) == 2
    assert report["ticks_lost"] == report["rows_dropped"] == 0
    assert {episode["outcome"] for episode in report["episodes"]} <= {"success", "failure"}
    for episode in report["episodes"]:
        group = zarr.open_group(episode["path"], mode="r")
        assert group["control/q_sent_rad"].shape == (episode["rows"], 50)
        assert group["cameras/ego/offset"].shape[0] > 10
        assert group["policy/q_rad"].shape[0] > 2
        for first in ("tracking/sequence", "failure/score", "task/stamp_s"):
            assert group[first].shape[0] > 2, first
        # An episode that nobody had to correct has two: it was started, it ended.
        assert group["events/time_s"].shape[0] >= 2
        # The shipped policies have critics, whose values travel from process to process into the episode.
        own = np.array([row.tobytes().rstrip(b"\0") == b"value_drop" for row in group["failure/detector"][:]])
        assert group["failure/score"][:][own].max() > 0.0
        assert group.attrs["task"] == task
    checked = rove(41, "verify", dataset)
    assert checked.returncode == 0, checked.stdout


def test_every_takeover_mode_hands_over_inside_the_limits(tmp_path):
    """Without a policy nothing moves, the session notices, and the operator does the task in each mode."""
    for takeover, codec in (("anchored", "jpeg"), ("aligned", "h264")):
        dataset = tmp_path / takeover
        done = rove(
            42, "collect", "--sim", "--policy", "none", "--episodes", 1, "--headless", "--takeover", takeover,
            "--dataset", dataset, "--seed", 5, "--json", "--camera-codec", codec,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + logs(dataset)
        report = json.loads(done.stdout)
        assert report == report_of(dataset)
        assert report["takeovers"] >= 1
        assert report["handovers"], "no scorecard"
        for card in report["handovers"]:
            assert card["peak_jerk_ratio"] <= 1 + 1e-6
            assert card["peak_acceleration_ratio"] <= 1 + 1e-6
        episode = open_episode(Path(report["episodes"][0]["path"]))
        phases = set(np.unique(episode["control/phase"]).tolist())
        assert {Phase.PAUSED, Phase.ADAPTATION} <= phases
        assert episode.codec("ego") == codec
        frames = len(episode["cameras/ego/sequence"])
        assert frames > 5 and np.ptp(episode.image("ego", frames - 1)) > 50, "the last image is a picture"


def test_killing_the_recorder_stops_the_collection_but_not_control(tmp_path):
    dataset = tmp_path / "data"
    session = subprocess.Popen(
        [ROVE, "collect", "--sim", "--policy", "none", "--operator", "none", "--supervisor", "simulated",
         "--episodes", "3", "--time-limit", "9", "--headless", "--dataset", str(dataset)],
        env=environment(43), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    watcher = Watcher(43)
    try:
        watcher.listen(JointState, "joint_commands")
        watcher.listen(String, "rove/status", depth=1)
        assert watcher.spin_until(lambda: watcher.count.get("joint_commands", 0) > 300, 60), logs(dataset)
        recorder = process_id("recorder", session)
        acknowledged = json.loads(watcher.latest["rove/status"].data)["tick"]
        watcher.spin_for(0.5)
        os.kill(recorder, signal.SIGKILL)
        before = watcher.count["joint_commands"]
        watcher.spin_for(1.0)
        assert watcher.count["joint_commands"] - before > 150, "control went on"
        output, errors = session.communicate(timeout=60)
    finally:
        watcher.close()
        session.kill()
        session.communicate()
    assert session.returncode == 1, output
    assert "recording stopped" in errors
    recovered = rove(43, "recover", dataset, "--json")
    assert recovered.returncode == 0, recovered.stderr
    (item,) = json.loads(recovered.stdout)["recovered"]
    # What control had queued half a second before the kill was acknowledged long before it.
    assert item["rows"] >= acknowledged
    episode = open_episode(Path(item["path"]))
    assert episode.attributes["status"] == "recovered"
    assert np.array_equal(episode["control/tick"], np.arange(item["rows"]))
    assert rove(43, "verify", dataset).returncode == 3


def test_killing_operator_and_policy_holds_the_robot_and_the_session_goes_on(tmp_path):
    dataset = tmp_path / "data"
    session = subprocess.Popen(
        [ROVE, "collect", "--sim", "--episodes", "1", "--time-limit", "20", "--headless", "--dataset", str(dataset),
         "--supervisor", "console"],
        env=environment(46), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    watcher = Watcher(46)
    try:
        watcher.listen(String, "rove/status", depth=1)

        def status() -> dict:
            return json.loads(watcher.latest["rove/status"].data) if "rove/status" in watcher.latest else {}

        assert watcher.spin_until(lambda: status().get("authority") == "policy", 60), logs(dataset)
        for module in ("policy", "operator"):
            os.kill(process_id(module, session), signal.SIGKILL)
        assert watcher.spin_until(lambda: status().get("state") == "hold", 10), status()
        assert "chunk" in status()["reason"]
        # Both come back; nothing moves before a person asks for it.
        assert watcher.spin_until(lambda: (status().get("operator_age_s") or 1) < 0.1, 30), logs(dataset)
        watcher.spin_for(1.0)
        assert status()["state"] in ("hold", "fault"), status()
        print(status()["reason"])
        if status()["state"] == "fault":
            # Starting two processes at once may starve the robot on two cores: it stands all the same, and says why.
            assert watcher.call(Trigger, "rove/acknowledge", Trigger.Request()).success
        taken = watcher.call(Trigger, "rove/take_over", Trigger.Request())
        assert taken.success, taken.message
        assert watcher.spin_until(lambda: status()["authority"] == "human", 5)
        assert watcher.call(Trigger, "rove/discard", Trigger.Request()).success
        output, errors = session.communicate(timeout=60)
    finally:
        watcher.close()
        session.kill()
        session.communicate()
    assert session.returncode == 0, errors
    assert "processes started again" in output
    assert rove(46, "verify", dataset).returncode == 0


def test_a_recorded_person_moves_the_robot_with_the_timing_of_the_file(tmp_path):
    motion = MOTION / "cmu_01_01.bvh.gz"
    if not motion.exists():
        pytest.skip("the recorded motion is not on this machine")
    dataset = tmp_path / "data"
    done = rove(44, "replay-motion", motion, "--headless", "--dataset", dataset)
    assert done.returncode == 0, done.stderr + logs(dataset)
    episode = open_episode(Path(report_of(dataset)["episodes"][0]["path"]))
    driven = np.isin(episode["control/phase"], [Phase.ADAPTATION, Phase.RECOVERY])
    sent = episode["control/q_sent_rad"][driven]
    assert np.ptp(sent, axis=0).max() > 0.5, "the arms moved"
    assert np.isfinite(sent).all()
    stamps = episode["tracking/stamp_s"][:]
    frame_s = np.median(np.diff(stamps[np.diff(stamps, prepend=-1) > 0]))
    assert frame_s < 0.05
    assert rove(44, "verify", dataset).returncode == 0


def test_bad_input_is_one_sentence_and_an_exit_code(tmp_path):
    broken = tmp_path / "broken.bvh"
    broken.write_text("HIERARCHY\nROOT Hips\n{\n  OFFSET 0 zero 0\n")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("not a dataset")
    cases = [
        (("collect", "--sim", "--task", "laundry", "--dataset", tmp_path / "a"), 2, "laundry"),
        (("collect", "--sim", "--episodes", "0", "--dataset", tmp_path / "a"), 2, "episodes"),
        (("collect", "--sim", "--robot", "nobody", "--dataset", tmp_path / "a"), 2, "nobody"),
        (("collect", "--sim", "--dataset", foreign), 1, "not a dataset"),
        (("collect", "--sim", "--time-limit", "nan", "--dataset", tmp_path / "a"), 2, "time-limit"),
        (("collect", "--sim", "--operator", "replay:/no/such.bvh", "--dataset", tmp_path / "a"), 2, "no/such.bvh"),
        (("collect", "--sim", "--policy", "/no/such.safetensors", "--dataset", tmp_path / "a"), 2, "such.safetensors"),
        (("replay-motion", broken, "--dataset", tmp_path / "a"), 2, "broken.bvh"),
        (("retarget", broken, "--out", tmp_path / "x.npz"), 2, "broken.bvh"),
        (("robot", "show", "nobody"), 2, "nobody"),
        (("verify", foreign), 1, "not a dataset"),
        (("episodes", "list", tmp_path / "nothing"), 1, "not a dataset"),
    ]
    for arguments, code, words in cases:
        begun = time.monotonic()
        done = rove(45, *arguments, patience_s=60)
        said = done.stderr.strip()
        assert done.returncode == code, (arguments, done.returncode, said)
        assert words in said, (arguments, said)
        assert "Traceback" not in said
        assert len(said.splitlines()) == 1, said
        assert time.monotonic() - begun < 30
