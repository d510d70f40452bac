"""A session whose policy is served by another process, which is killed in the middle of an episode and comes back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import String
from std_srvs.srv import Trigger

from rove_teleop.episodes.read import open_episode

from .environment import ENVIRONMENT
from .ros_watch import Watcher

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

ROVE = Path(sys.executable).parent / "rove"
DOMAIN = 52


@contextmanager
def served(port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`rove serve-policy` as a process, and its URL."""
    command = [ROVE, "serve-policy", "--port", str(port), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **ENVIRONMENT})
    try:
        yield process, json.loads(process.stdout.readline())["url"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def test_the_server_is_killed_the_robot_holds_a_person_takes_over_and_the_policy_comes_back(tmp_path):
    dataset = tmp_path / "data"
    watcher = Watcher(DOMAIN)
    told: dict[str, str] = {}
    with served() as (server, url):
        port = int(url.rpartition(":")[2])
        session = subprocess.Popen(
            [ROVE, "collect", "--sim", "--episodes", "1", "--headless", "--dataset", str(dataset), "--policy", url,
             "--supervisor", "console", "--protocol", "hand_back", "--cameras", "", "--seed", "3"],
            env={**os.environ, **ENVIRONMENT, "ROS_DOMAIN_ID": str(DOMAIN)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

        def status() -> dict:
            return json.loads(watcher.latest["rove/status"].data) if "rove/status" in watcher.latest else {}

        def hear(message: DiagnosticArray) -> None:
            for item in message.status:
                if item.name == "rove_policy":
                    told["says"] = item.message
                    told.update({pair.key: pair.value for pair in item.values})

        def ask(name: str) -> None:
            answer = watcher.call(Trigger, f"rove/{name}", Trigger.Request())
            assert answer.success, f"{name}: {answer.message}"

        def logs() -> str:
            return "\n".join(f"== {log.name}\n{log.read_text()[-1500:]}" for log in dataset.glob("logs/*/*.log"))

        try:
            watcher.listen(String, "rove/status", depth=1)
            watcher.listen(DiagnosticArray, "diagnostics", use=hear)
            assert watcher.spin_until(lambda: status().get("authority") == "policy", 90), logs()
            watcher.spin_for(0.7)
            server.kill()
            assert watcher.spin_until(lambda: status().get("state") == "hold", 10), status()
            assert "chunk" in status()["reason"]
            assert watcher.spin_until(lambda: url in told.get("says", ""), 5), told
            assert "connection" in told["refused"]
            ask("take_over")
            assert watcher.spin_until(lambda: status().get("authority") == "human", 10), status()
            with served(port):
                assert watcher.spin_until(lambda: (status().get("policy_age_s") or 9) < 0.3, 20), told
                ask("recovered")
                ask("give_back")
                assert watcher.spin_until(lambda: status().get("authority") == "policy", 10), status()
                before = int(told["planned"])
                assert watcher.spin_until(lambda: int(told["planned"]) >= before + 3, 20), told
                ask("discard")
                _, errors = session.communicate(timeout=60)
        finally:
            watcher.close()
            session.kill()
            session.communicate()
    assert session.returncode == 0, errors + logs()
    (path,) = dataset.glob("episodes/*.zarr")
    episode = open_episode(path)
    assert episode.attributes["policy_id"] == url
    assert re.fullmatch("toaster:[0-9a-f]{12}", episode.attributes["served_policy_id"])
    received_s = np.asarray(episode["policy/receive_s"])
    silence_s = np.diff(received_s)
    assert silence_s.max() > 1.0, "nothing was planned while nobody served"
    after = int(np.argmax(silence_s)) + 1
    joints = np.asarray(episode["policy/joint_index"])[after]
    measured = np.asarray(episode["control/q_measured_rad"])
    tick = min(int(np.searchsorted(episode["control/stamp_s"], received_s[after])), len(measured) - 1)
    first_rad = np.asarray(episode["policy/q_rad"])[after, 0]
    away_rad = np.abs(first_rad - measured[tick][joints])[joints >= 0].max()
    assert away_rad < 0.3, f"the first plan after the silence begins {away_rad:.2f} rad from the robot: an old one?"


def test_a_session_without_its_server_ends_with_one_sentence(tmp_path):
    done = subprocess.run(
        [ROVE, "collect", "--sim", "--episodes", "1", "--headless", "--dataset", tmp_path / "data",
         "--policy", "ws://127.0.0.1:9", "--cameras", ""],
        env={**os.environ, **ENVIRONMENT, "ROS_DOMAIN_ID": str(DOMAIN)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "ws://127.0.0.1:9 cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
