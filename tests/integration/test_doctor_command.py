"""`rove doctor` on this machine: real middleware, real pixels, a real OpenXR runtime."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .monado import PYTHON, Monado, need_monado

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

ENVIRONMENT = {"ROS_DOMAIN_ID": "33", "OMP_NUM_THREADS": "1", "LP_NUM_THREADS": "1"}


def doctor(python: Path | str, tmp_path: Path, **extra: str) -> tuple[int, dict[str, dict]]:
    environment = {**os.environ, **ENVIRONMENT, "XDG_CONFIG_HOME": str(tmp_path), **extra}
    command = [str(python), "-m", "rove_teleop.cli", "doctor", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=110)
    assert result.stdout, result.stderr
    report = json.loads(result.stdout)
    assert report["ok"] is (result.returncode == 0)
    return result.returncode, {check["name"]: check for check in report["checks"]}


def test_a_machine_that_can_run_a_session(tmp_path: Path) -> None:
    pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")
    code, checks = doctor(sys.executable, tmp_path, XR_RUNTIME_JSON=str(tmp_path / "none.json"))
    assert code == 0, checks
    assert "domain 33" in checks["ROS 2"]["text"]
    assert checks["rendering"]["ok"]
    assert not checks["OpenXR"]["ok"]
    assert "no OpenXR runtime is set up" in checks["OpenXR"]["text"]


def test_without_ros_it_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "rclpy.py").write_text("raise ImportError('rclpy is not here')\n")
    code, checks = doctor(sys.executable, tmp_path, PYTHONPATH=str(tmp_path))
    assert code == 4
    assert not checks["ROS 2"]["ok"]
    assert "rove_teleop[ros]" in checks["ROS 2"]["text"]
    assert checks["rendering"]["ok"]


def test_a_runtime_with_hands_is_named(tmp_path: Path) -> None:
    need_monado()
    service = Monado()
    try:
        service.start()
        _, checks = doctor(PYTHON, tmp_path, **service.environment)
        assert checks["OpenXR"]["ok"], checks["OpenXR"]
        assert "Monado" in checks["OpenXR"]["text"]
        assert "hand tracking" in checks["OpenXR"]["text"]
        service.kill()
        _, checks = doctor(PYTHON, tmp_path, **service.environment)
        assert "start its service" in checks["OpenXR"]["text"]
    finally:
        service.close()
