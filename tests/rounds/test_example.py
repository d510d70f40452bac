"""The example of a method of one's own trains a policy that loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rove_teleop.models.checkpoint import load_checkpoint

from .recorded import JOINTS

EXAMPLE = Path(__file__).parents[2] / "examples/06_a_method_of_your_own.py"


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_a_method_of_ones_own_trains_a_policy(reach: Path, tmp_path: Path):
    out = tmp_path / "policy.safetensors"
    done = subprocess.run(
        [sys.executable, EXAMPLE, reach, out, "20"], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "left out: nothing" in done.stdout
    header = load_checkpoint(out).header
    assert header.joint_names == JOINTS and header.condition_classes == 2
