"""The example that watches from outside knows nothing of the package, and hears a running robot."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from .environment import ENVIRONMENT
from .ros_watch import node_process

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

DOMAIN = 30
EXAMPLE = Path(__file__).parents[2] / "examples" / "03_watch_session.py"


def test_it_imports_nothing_of_ours() -> None:
    tree = ast.parse(EXAMPLE.read_text())
    imported = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)} | {
        alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names
    }
    assert not any(name.startswith("rove") for name in imported)


def test_it_hears_the_robot_and_control(tmp_path: Path) -> None:
    with (
        node_process("sim_robot", "--autostart", domain=DOMAIN, log=tmp_path / "robot.log"),
        node_process("control", domain=DOMAIN, log=tmp_path / "control.log"),
    ):
        watch = subprocess.run(
            [sys.executable, str(EXAMPLE), "--seconds", "8"],
            env={**os.environ, **ENVIRONMENT, "ROS_DOMAIN_ID": str(DOMAIN)},
            capture_output=True,
            text=True,
            timeout=40,
        )
    assert watch.returncode == 0, watch.stderr
    rates = [int(rate) for rate in re.findall(r"joint_states (\d+)/s", watch.stdout)]
    assert rates
    assert max(rates) > 125
    assert "rove/state: idle" in watch.stdout
    assert "rove/authority: " in watch.stdout
