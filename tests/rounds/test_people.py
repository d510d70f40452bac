"""Simulated people are recorded as any person without a robot: they verify, alternate, and go on where they stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from rove_teleop.episodes.check.verify import verify_dataset
from rove_teleop.episodes.dataset import Dataset
from rove_teleop.episodes.read import open_episode
from rove_teleop.robots.description import load_robot
from rove_teleop.rounds.people import record_people

pytestmark = pytest.mark.integration


def test_half_of_them_fail_and_an_interrupted_call_goes_on(tmp_path: Path):
    robot = load_robot("iron_r01")
    assert record_people(tmp_path / "people", robot, "toaster", 2) == 2
    assert record_people(tmp_path / "people", robot, "toaster", 4) == 2
    assert record_people(tmp_path / "again", robot, "toaster", 4) == 4
    assert verify_dataset(tmp_path / "people").exit_code == 0
    listed = [[open_episode(path) for path in Dataset.open(tmp_path / name).episodes()] for name in ("people", "again")]
    assert [item.attributes["outcome"] for item in listed[0]] == ["success", "failure"] * 2
    assert {item.attributes["embodiment"] for item in listed[0]} == {"human"}
    for one, other in zip(*listed, strict=True):
        assert (one["task/features"] == other["task/features"]).all()
