"""`rove record-motion --operator webxr`: a headset's browser into a file, without a session."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from rove_teleop.operators.motion_source import open_motion

from .environment import ENVIRONMENT
from .headset_browser import NEEDS_BROWSER, HeadsetPage, headset_browser, open_hand

pytestmark = [pytest.mark.integration, pytest.mark.browser, pytest.mark.timeout(120), NEEDS_BROWSER]
DOMAIN = 36


def test_what_the_headset_saw_is_in_the_file(tmp_path: Path) -> None:
    out = tmp_path / "person.npz"
    environment = {**os.environ, **ENVIRONMENT, "ROS_DOMAIN_ID": str(DOMAIN), "XDG_CONFIG_HOME": str(tmp_path)}
    command = ["record-motion", "--operator", "webxr", "--headset-host", "127.0.0.1", "--headset-port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "rove_teleop.cli", *command, "--seconds", "3", "--out", str(out)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        url = re.search(r"https://127\.0\.0\.1:\d+/#[a-z0-9-]+", process.stdout.readline())
        assert url, process.stderr.read()
        with headset_browser(tmp_path / "rove_teleop" / "headset.pem") as browser:
            page = HeadsetPage(browser, url[0])
            page.place_hand("left", open_hand("left", (-0.2, 1.1, -0.4)))
            page.place_hand("right", open_hand("right", (0.2, 1.1, -0.4)))
            page.page.get_by_role("button", name="Enter VR").click()
            said, complaint = process.communicate(timeout=60)
        assert process.returncode == 0, complaint
        assert "frames in" in said
        motion = open_motion(out)
        wrists = [f.right.T_world_wrist for f in motion.frames if f.right.T_world_wrist is not None]
        assert len(wrists) > 5 and motion.duration_s > 1.0
        np.testing.assert_allclose(wrists[-1][:3, 3], (0.4, -0.2, 1.1), atol=0.02)
    finally:
        process.kill()
        process.communicate()
