"""The code of docs/training_data.md and the example that trains, as a reader would run them."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rove_teleop.episodes.layout import control_dtype
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.types import Phase

HOME = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two joints that swing, corrected in the second half."""
    root = tmp_path_factory.mktemp("data") / "set"
    row = np.zeros((), control_dtype(2, 1))
    for _ in range(2):
        attributes = {"joint_names": ["a", "b"], "groups": {"arm": ["a", "b"]}, "control_hz": 250.0}
        recording = EpisodeRecording(root, attributes, min_free_bytes=0)
        for tick in range(1000):
            now_s = tick / 250.0
            row["tick"], row["stamp_s"], row["phase"] = tick, now_s, Phase.RECOVERY if tick >= 500 else 0
            row["q_measured_rad"] = [np.sin(now_s), np.cos(now_s)]
            row["q_sent_rad"] = [np.sin(now_s + 0.1), np.cos(now_s + 0.1)]
            recording.control_row(row.tobytes())
        recording.seal("success")
    return root


def test_the_documented_code_runs(root, capsys):
    code = re.search(r"```python\n(.*?)```", (HOME / "docs/training_data.md").read_text(), re.DOTALL).group(1)
    names = {"root": root}
    exec(code, names)
    assert capsys.readouterr().out == "{} {}\n"
    assert names["chunk"].shape[1:] == (16, 2)
    assert names["usable"].shape == names["chunk"].shape[:2]
    assert names["state"].shape == names["next_state"].shape
    assert len(names["dataset"]) == 400


@pytest.mark.integration
def test_the_example_learns(root):
    command = [sys.executable, HOME / "examples/04_train_on_windows.py", root]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    errors = [float(value) for value in re.findall(r"160 windows, mean squared error ([\d.]+)", done.stdout)]
    assert len(errors) == 3
    assert errors[-1] < 0.8 * errors[0]
    assert "skipped: nothing; steps left out: none" in done.stdout
