"""The numbered examples run as a reader would run them (the third needs ROS and is an integration test)."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from rove_teleop.episodes.layout import control_dtype
from rove_teleop.episodes.record.recording import EpisodeRecording

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: object) -> str:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_reading_an_episode_needs_only_zarr(tmp_path):
    recording = EpisodeRecording(
        tmp_path / "data",
        {
            "task": "toaster", "operator": "a test", "joint_names": ["a", "b"], "groups": {"arm": ["a", "b"]},
            "control_hz": 250.0, "notes": "a robot of two joints",
        },
    )  # fmt: skip
    row = np.zeros(1, control_dtype(2, 1))
    for tick in range(250):
        driver = 4 if tick < 25 else 1 if tick < 125 else 2
        row["tick"], row["authority"], row["q_sent_rad"] = tick, driver, [0.0, 0.25]
        recording.control_row(row.tobytes())
    path = recording.seal("success", {})
    said = run("01_read_an_episode.py", path)
    assert "toaster by a test: success (complete); a robot of two joints" in said
    assert "rewind: 0.1 s" in said
    assert "policy: 0.4 s" in said
    assert "human: 0.5 s" in said
    assert "0.250 rad at b" in said


def test_the_filter_example_stays_inside_the_limits():
    shares = [float(line.split(": ")[1].split(" %")[0]) for line in run("02_filter_a_stream.py").splitlines()]
    assert len(shares) == 3
    assert 50 < max(shares) <= 100.0
