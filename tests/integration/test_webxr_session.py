"""A session driven from the headset's browser: `rove collect`, real Chromium, emulated headset."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from sensor_msgs.msg import JointState

from rove_teleop.robots.description import load_robot
from rove_teleop.robots.kinematics import Kinematics

from .environment import ENVIRONMENT
from .headset_browser import NEEDS_BROWSER, HeadsetPage, headset_browser, open_hand
from .ros_watch import Watcher

pytestmark = [pytest.mark.integration, pytest.mark.browser, pytest.mark.timeout(300), NEEDS_BROWSER]

ROVE = Path(sys.executable).parent / "rove"
DOMAIN = 35
PATIENCE_S = 15.0
COLD_START_S = 150.0
"""The first session on a machine compiles the operator's kernels."""
ATTEMPTS = 6
LEFT_M, RIGHT_M = (-0.2, 1.1, -0.4), (0.2, 1.1, -0.4)


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A session with a headset and without a policy; the addresses of its console and of its headset's page."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    command = [
        ROVE, "collect", "--sim", "--policy", "none", "--operator", "webxr", "--headset-host", "127.0.0.1",
        "--headset-port", "0", "--console-port", "0", "--episodes", "1", "--seed", "1", "--cameras", "",
        "--dataset", tmp_path / "data",
    ]  # fmt: skip
    process = subprocess.Popen(
        list(map(str, command)),
        env={**os.environ, **ENVIRONMENT, "ROS_DOMAIN_ID": str(DOMAIN), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        console = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        page = re.search(r"https://127\.0\.0\.1:\d+/#[a-z0-9-]+", process.stdout.readline())
        assert console and page, process.stderr.read()
        yield process, console[0], page[0]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


class Session:
    """The session as the person at the console sees it, and where the robot's right wrist is."""

    def __init__(self, console: str, watcher: Watcher) -> None:
        self.console, self.watcher = console, watcher
        self.answer = ""
        self._robot = load_robot("iron_r01")
        self._kinematics = Kinematics(self._robot)
        watcher.listen(JointState, "joint_states", 1)

    def press(self, name: str) -> bool:
        headers = {"Origin": self.console, "X-Rove": "1"}
        answer = httpx.post(f"{self.console}/api/command/{name}", headers=headers, timeout=5)
        self.answer = answer.text
        return answer.status_code == 200

    def state(self) -> str:
        return str(httpx.get(f"{self.console}/api/status", timeout=5).json()["status"].get("state"))

    def wait_for(self, state: str) -> None:
        assert self.watcher.spin_until(lambda: self.state() == state, PATIENCE_S), f"{self.state()}, not {state}"

    def take_over(self) -> None:
        def taken() -> bool:
            if self.state() == "fault":
                self.press("acknowledge")
            return self.press("take_over")

        assert self.watcher.spin_until(taken, COLD_START_S), f"no takeover: {self.answer}"
        self.wait_for("adaptation")

    def wrist_m(self) -> np.ndarray:
        state = self.watcher.latest["joint_states"]
        angles = dict(zip(state.name, state.position, strict=True))
        self._kinematics.update(np.array([angles[name] for name in self._robot.joint_names]))
        return self._kinematics.frame("right_wrist")[:3, 3].copy()


def move_wrist(page: HeadsetPage, session: Session, by_m: tuple[float, float, float]) -> np.ndarray | None:
    """Move the emulated right hand in the headset's axes in about two seconds; how far the robot's wrist went.

    None where control let go on the way: its right on a machine with too little processor for Chromium and a robot.
    """
    page.place_hand("right", open_hand("right", RIGHT_M))
    session.watcher.spin_for(0.3)
    session.take_over()
    session.watcher.spin_for(0.5)
    start_m = session.wrist_m()
    for k in range(1, 41):
        at_m = np.add(RIGHT_M, (k / 40.0) * np.array(by_m))
        page.place_hand("right", open_hand("right", tuple(at_m)))
        session.watcher.spin_for(0.05)
    session.watcher.spin_for(1.0)
    return session.wrist_m() - start_m if session.state() == "adaptation" else None


def test_a_moved_wrist_moves_the_robots_wrist_and_a_hidden_page_holds_it(
    running: tuple[subprocess.Popen[str], str, str], tmp_path: Path
) -> None:
    process, console, url = running
    watcher = Watcher(DOMAIN)
    try:
        with headset_browser(tmp_path / "config" / "rove_teleop" / "headset.pem") as browser:
            session, page = Session(console, watcher), HeadsetPage(browser, url)
            page.place_hand("left", open_hand("left", LEFT_M))
            page.place_hand("right", open_hand("right", RIGHT_M))
            page.enter()
            assert watcher.spin_until(lambda: "joint_states" in watcher.latest, PATIENCE_S)
            moves = (move_wrist(page, session, (-0.04, 0.08, 0.0)) for _ in range(ATTEMPTS))
            moved_m = next((move for move in moves if move is not None), None)
            assert moved_m is not None, "control let go each time"
            np.testing.assert_allclose(moved_m, (0.0, 0.04, 0.08), atol=0.012)
            page.shows("title", "YOU DRIVE")

            page.emulate("device.updateVisibilityState('hidden')")
            session.wait_for("hold")
            page.shows("title", "HOLD")
            watcher.spin_for(0.5)
            held_m = session.wrist_m()
            page.emulate("device.updateVisibilityState('visible')")
            page.place_hand("right", open_hand("right", RIGHT_M))
            watcher.spin_for(1.0)
            assert session.state() == "hold"
            assert np.linalg.norm(session.wrist_m() - held_m) < 0.002
            assert session.press("discard")
            assert process.wait(20) == 0
    finally:
        watcher.close()
