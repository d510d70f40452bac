"""A recorded fault on real Fast DDS: the deadman goes down and stays down, and the page says why."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")
pytest.importorskip("playwright", reason="needs playwright, from the dev extra")

from playwright import sync_api as playwright
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Bool, String

from rove_teleop.operators.motion_recording import save_recording
from rove_teleop.types import HandFrame

from ..tracking.operator_frames import frame, hand
from .console_process import running_console
from .ros_watch import Watcher, node_process
from .test_console_browser import CHROMIUM, FLAGS

pytestmark = [
    pytest.mark.integration,
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="needs Chromium (apt install chromium)"),
]
DOMAIN = 36
SENTENCE = "the right hand jumped: let go and take over again"


def recording(path: Path) -> Path:
    """Eight seconds of a person who grips all the time; after two, their right hand is 73 cm elsewhere."""
    frames = []
    for k in range(8 * 72):
        hands = {side: hand(0.1 * np.sin(0.02 * k), side, noise=2 * k + (side == "left")) for side in ("left", "right")}
        if k > 2 * 72:
            T_world_wrist = hands["right"].T_world_wrist.copy()
            T_world_wrist[2, 3] += 0.73
            hands["right"] = HandFrame(T_world_wrist, hands["right"].points_m)
        frames.append(replace(frame(k, **hands), stamp_s=k / 72.0))
    save_recording(path, frames)
    return path


def test_a_jump_disengages_for_good_and_the_page_says_so(tmp_path: Path) -> None:
    watcher, engaged = Watcher(DOMAIN), []
    log = tmp_path / "operator.log"
    try:
        watcher.listen(Bool, "operator/engaged", 50, lambda message: engaged.append(message.data))
        watcher.listen(String, "operator/status", 50)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        state = watcher.node.create_publisher(String, "rove/state", latched)
        with (
            running_console(DOMAIN) as address,
            node_process("sim_robot", "--autostart", domain=DOMAIN, log=tmp_path / "robot.log"),
            node_process("operator", "--operator", f"replay:{recording(tmp_path / 'p.npz')}", domain=DOMAIN, log=log),
            playwright.sync_playwright() as chromium,
        ):
            page = chromium.chromium.launch(executable_path=CHROMIUM or shutil.which("chromium"), args=FLAGS).new_page()
            page.goto(address)
            assert watcher.spin_until(lambda: any(engaged), 40.0), log.read_text()
            playwright.expect(page.get_by_test_id("operator")).to_be_hidden()
            state.publish(String(data="adaptation"))
            engaged.clear()
            assert watcher.spin_until(lambda: False in engaged, 20.0)
            after = len(engaged)
            watcher.spin_for(2.0)
            assert len(engaged) - after > 30 and not any(engaged[engaged.index(False) :])
            status = json.loads(watcher.latest["operator/status"].data)
            assert status["trouble"] == SENTENCE and status["refused"] == {"right_wrist_jump": 1}
            playwright.expect(page.get_by_test_id("operator")).to_have_text(SENTENCE)
            playwright.expect(page.get_by_test_id("health")).to_have_attribute("title", "right wrist jump: 1")
            state.publish(String(data="hold"))
            assert watcher.spin_until(lambda: engaged[-1], 10.0), "in HOLD the gate asks for nothing more"
    finally:
        watcher.close()
