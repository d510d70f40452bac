"""kill -9 of a process that does nothing but record, seal and recover, at random instants."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rove_teleop.episodes.dataset import Dataset
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.recover import recover_dataset
from rove_teleop.episodes.verify import verify_dataset
from tests.episodes.kill_worker import acknowledged

pytestmark = pytest.mark.integration


@pytest.mark.timeout(90)
def test_killed_at_random_instants_no_acknowledged_row_is_lost(tmp_path: Path) -> None:
    root, oracle = tmp_path / "data", tmp_path / "oracle"
    rng = random.Random(7)
    for _ in range(20):
        worker = subprocess.Popen([sys.executable, "-m", "tests.episodes.kill_worker", str(root), str(oracle)])
        size = oracle.stat().st_size if oracle.exists() else 0
        deadline = time.monotonic() + 20.0
        while (oracle.stat().st_size if oracle.exists() else 0) == size and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(rng.uniform(0.0, 0.12))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    recover_dataset(root)
    dataset = Dataset.open(root)
    ticks = {
        path.name.removesuffix(".zarr"): open_episode(path)["control/tick"].tolist() for path in dataset.episodes()
    }
    wanted = acknowledged(oracle)
    assert sum(wanted.values()) > 100
    for episode, count in wanted.items():
        assert ticks[episode][:count] == list(range(count))
    report = verify_dataset(root)
    assert not any(episode.broken for episode in report.episodes)
    assert dataset.recordings() == []
