"""Two processes under torchrun train one actor: the same on both, and what one process would have made."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rove_teleop.models.checkpoint import load_checkpoint

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]


def train(folder: Path, *launcher: str) -> None:
    folder.mkdir()
    command = [sys.executable, *launcher, "-m", "tests.training.torchrun_worker", str(folder)]
    environment = {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]


def test_two_processes_end_alike_and_as_one_would(tmp_path):
    alone, together = tmp_path / "alone", tmp_path / "together"
    train(alone)
    train(together, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    for name in ("first", "second"):
        both = [(together / f"{name}-{rank}.safetensors").read_bytes() for rank in (0, 1)]
        assert both[0] == both[1]
    losses, found = (json.loads((folder / "losses-0.json").read_text()) for folder in (alone, together))
    assert json.loads((together / "losses-1.json").read_text()) == [], "only the first process reports"
    np.testing.assert_allclose(found, losses, rtol=1e-4)
    one, two = (load_checkpoint(folder / "first-0.safetensors") for folder in (alone, together))
    for key, value in one.weights.items():
        np.testing.assert_allclose(two.weights[key], value, atol=1e-4)
