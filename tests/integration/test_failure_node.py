"""The failure monitor's process on real topics: it advises, it refuses, and a session survives its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import String
from std_srvs.srv import Trigger

from rove_teleop import clock
from rove_teleop.episodes.dataset import Dataset
from rove_teleop.episodes.read import open_episode
from rove_teleop.failure.calibration import Calibration, save_calibration
from rove_teleop.failure.conformal import Threshold
from rove_teleop.failure_calibration.files import calibration_path, file_hash, policy_hash
from rove_teleop.handover.states import State
from rove_teleop.policy.local import shipped_checkpoint
from rove_teleop.robot_io.topics import LATCHED

from .ros_watch import Watcher, node_process
from .test_session import ROVE, environment, logs, process_id, report_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

DOMAIN = 68


def quick_alarm(path: Path, detector: str, level: float, policy: str) -> Path:
    """A calibration whose only threshold is exceeded soon."""
    unused = {"unused": np.zeros(1, np.float32)}
    rules, calm = {detector: Threshold(level)}, {detector: 0.5 * level}
    save_calibration(path, Calibration(policy, "toaster", 0.1, False, 60, 32, detector, rules, {}, calm, unused))
    return path


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    made = Watcher(DOMAIN)
    yield made
    made.close()


def test_it_advises_by_its_calibration_only_while_the_policy_drives(watcher: Watcher, tmp_path: Path) -> None:
    calibration = quick_alarm(tmp_path / "some.json", "stalled", 0.8, "0123456789abcdef")
    state = watcher.node.create_publisher(String, "rove/state", LATCHED)
    task = watcher.node.create_publisher(String, "task/status", 1)
    said: list[dict] = []
    watcher.listen(String, "failure/alarm", use=lambda m: said.append(json.loads(m.data)))
    watcher.listen(DiagnosticArray, "diagnostics")

    def heard(wanted: bool, data: str = '{"progress": 0.2}') -> bool:
        task.publish(String(data=data))
        return bool(said) and (said[-1]["alarm"] is not None) is wanted

    log = tmp_path / "failure.log"
    with node_process("failure", "--calibration", str(calibration), domain=DOMAIN, log=log):
        # A robot that stands still for nobody is no failure.
        state.publish(String(data="paused"))
        assert watcher.spin_until(lambda: bool(said), 40.0), log.read_text()
        assert not watcher.spin_until(lambda: heard(True), 1.2)
        state.publish(String(data="autonomous"))
        assert watcher.spin_until(lambda: heard(True), 10.0), log.read_text()
        assert said[-1]["alarm"] == "no progress for a while: consider taking over"
        assert 0.0 < said[-1]["elevated_for_s"] < 5.0
        state.publish(String(data="adaptation"))
        assert watcher.spin_until(lambda: heard(False), 5.0)
        for nonsense in ("{", '{"progress": "much"}', "[]"):
            assert watcher.spin_until(lambda text=nonsense: heard(False, text), 5.0)

        def refused() -> bool:
            heard(False, "{")
            reports = [status for status in getattr(watcher.latest.get("diagnostics"), "status", ())]
            values = {pair.key: pair.value for status in reports for pair in status.values}
            return "task.not_json" in values.get("refused", "") and values["calibrated"] == "alpha 0.1, 32 successes"

        assert watcher.spin_until(refused, 5.0), log.read_text()


def test_opinions_arrive_while_they_are_news(watcher: Watcher, tmp_path: Path) -> None:
    """A recorder that is seldom awake: more detectors speak at once than the kernel lets datagrams wait."""
    path = str(tmp_path / "rows.sock")
    rows = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    rows.bind(path)
    rows.setblocking(False)
    state = watcher.node.create_publisher(String, "rove/state", LATCHED)
    state.publish(String(data="autonomous"))
    late_s: list[float] = []

    def heard() -> int:
        for _ in range(12):
            try:
                late_s.append(clock.monotonic_s() - json.loads(rows.recv(1 << 16)[1:])["stamp_s"])
            except BlockingIOError:
                break
        return len(late_s)

    with node_process("failure", "--recorder", path, domain=DOMAIN, log=tmp_path / "failure.log"):
        assert watcher.spin_until(lambda: heard() > 700, 60.0)
    rows.close()
    assert np.median(late_s[-100:]) < 0.3


@pytest.mark.parametrize("damage", ["absent", "networks", "nonsense"])
def test_a_bad_calibration_is_refused_with_one_sentence(tmp_path: Path, damage: str) -> None:
    path = quick_alarm(tmp_path / "some.json", "stalled", 0.8, "0123456789abcdef")
    if damage == "absent":
        path.unlink()
    elif damage == "networks":
        path.with_suffix(".safetensors").write_bytes(b"other")
    else:
        path.write_text(path.read_text().replace('"level": 0.8', '"level": NaN'))
    log = tmp_path / "failure.log"
    with node_process("failure", "--calibration", str(path), domain=DOMAIN, log=log) as process:
        assert process.wait(timeout=40) == 2
    (sentence,) = log.read_text().strip().splitlines()
    assert "some.json" in sentence


def test_a_session_goes_on_without_it_and_starts_it_again(watcher: Watcher, tmp_path: Path) -> None:
    dataset, policy = tmp_path / "data", policy_hash(str(shipped_checkpoint("toaster")))
    calibration = quick_alarm(tmp_path / "some.json", "overtime", 1.0, policy)
    command = ["collect", "--sim", "--episodes", "1", "--headless", "--operator", "none"]
    command += ["--supervisor", "console", "--dataset", str(dataset), "--failure-calibration", str(calibration)]
    session = subprocess.Popen(
        [ROVE, *command], env=environment(DOMAIN), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        said: list[str | None] = []
        watcher.listen(String, "rove/status", 1, lambda m: said.append(json.loads(m.data)["alarm"]))
        late = "it takes longer than successes do: consider taking over"
        assert watcher.spin_until(lambda: late in said or session.poll() is not None, 60.0)
        assert late in said, logs(dataset)
        os.kill(process_id("failure", session), signal.SIGKILL)
        # Advice that nobody repeats is forgotten.
        assert watcher.spin_until(lambda: said[-1] is None, 5.0)
        assert watcher.spin_until(lambda: said[-1] == late, 20.0), logs(dataset)
        assert watcher.call(Trigger, "rove/failure", Trigger.Request()).success
        _, errors = session.communicate(timeout=60)
    finally:
        session.kill()
        session.communicate()
    assert session.returncode == 0, errors
    report = report_of(dataset)
    assert report["restarts"] == ["failure"]
    assert report["ticks_lost"] == report["rows_dropped"] == 0
    episode = open_episode(Path(report["episodes"][0]["path"]))
    assert np.array_equal(episode["control/tick"], np.arange(report["episodes"][0]["rows"]))
    hashes = episode.attributes["config_hashes"]
    assert (hashes["policy"], hashes["failure"]) == (policy, file_hash(calibration))
    own = np.array([row.tobytes().rstrip(b"\0") == b"overtime" for row in np.asarray(episode["failure/detector"])])
    stamp_s, threshold = np.asarray(episode["failure/stamp_s"])[own], np.asarray(episode["failure/threshold"])[own]
    assert (threshold == 1.0).all() and np.asarray(episode["failure/alarm"])[own].any()
    assert np.diff(stamp_s).max() > 0.5, "it was away, and opined again"


def test_without_anybody_to_take_over_an_alarm_stops_nothing_and_the_time_limit_decides(tmp_path: Path) -> None:
    dataset, policy = tmp_path / "data", str(shipped_checkpoint("toaster"))
    Dataset.create(dataset)
    calibration = quick_alarm(calibration_path(dataset, policy), "overtime", 1.0, policy_hash(policy))
    command = ["collect", "--sim", "--episodes", "1", "--headless", "--operator", "none", "--cameras", ""]
    done = subprocess.run(
        [ROVE, *command, "--dataset", str(dataset), "--seed", "5", "--time-limit", "3"],
        env=environment(DOMAIN), capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + logs(dataset)
    (report,) = report_of(dataset)["episodes"]
    assert report["outcome"] == "failure" and report["duration_s"] < 8.0
    episode = open_episode(Path(report["path"]))
    # Not the phase: on a busy machine the policy may be late, which is a hold.
    assert State.PAUSED not in set(np.unique(episode["control/state"]).tolist())
    assert b"alarm" in {row.tobytes().rstrip(b"\0") for row in np.asarray(episode["events/kind"])}
    # The calibration lay in the dataset: nobody named it.
    assert episode.attributes["config_hashes"]["failure"] == file_hash(calibration)


def test_a_calibration_of_another_policy_starts_no_session(tmp_path: Path) -> None:
    calibration = quick_alarm(tmp_path / "some.json", "overtime", 1.0, "0123456789abcdef")
    command = ["collect", "--sim", "--headless", "--dataset", str(tmp_path / "data")]
    done = subprocess.run(
        [ROVE, *command, "--failure-calibration", str(calibration)],
        env=environment(DOMAIN), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    (sentence,) = done.stderr.strip().splitlines()
    assert "some.json" in sentence and "calibrate again" in sentence
