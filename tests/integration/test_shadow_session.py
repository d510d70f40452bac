"""A session with a second policy beside the one that drives: recorded, compared, and harmless when it ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from rove_teleop.episodes.read import open_episode
from rove_teleop.robots.description import load_robot

from .test_policy_node import untrained
from .test_session import logs, report_of, rove

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

DOMAIN = 51


def test_a_shadow_is_recorded_and_compared_and_drives_nothing(tmp_path: Path) -> None:
    joints = tuple(name for name in load_robot("iron_r01").joint_names if name.startswith("right_shoulder"))
    stranger = untrained(tmp_path / "stranger.safetensors", joints)
    dataset = tmp_path / "data"
    session = ("--episodes", 1, "--headless", "--cameras", "", "--dataset", dataset, "--seed", 3)
    done = rove(DOMAIN, "demo", *session, "--shadow", stranger)
    assert done.returncode == 0, done.stderr + logs(dataset)
    report = report_of(dataset)
    assert report["ticks_lost"] == 0
    assert report["shadow"]["ticks"] > 0.5 * (report["shadow"]["ticks"] + report["shadow"]["uncovered"])
    assert set(report["shadow"]["rms_rad"]) == {"right_arm"}
    assert report["shadow"]["joints"] == len(joints)
    episode = open_episode(Path(report["episodes"][0]["path"]))
    drives, beside = episode["policy/valid"] == 1, episode["policy/valid"] == 2
    assert min(drives.sum(), beside.sum()) > 5
    assert set(episode["policy/joint_count"][beside]) == {3}
    assert set(episode["policy/joint_count"][drives]) == {7}
    moved = np.any(np.isfinite(episode["control/q_policy_rad"]), axis=0)
    assert moved.sum() == 7, "only the policy that drives is in the rows"
    told = rove(DOMAIN, "shadow", dataset, "--json")
    assert json.loads(told.stdout)["rms_rad"] == pytest.approx(report["shadow"]["rms_rad"])


def test_a_shadow_needs_a_policy_and_a_file(tmp_path: Path) -> None:
    session = ("--episodes", 1, "--headless", "--cameras", "", "--dataset", tmp_path / "data")
    alone = rove(DOMAIN, "demo", *session, "--policy", "none", "--shadow", "x.safetensors")
    assert alone.returncode == 2
    assert "--shadow needs a policy" in alone.stderr
    assert "Traceback" not in alone.stderr
