"""kill -9 of a process that does nothing but record, seal and recover, at random instants."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.episodes.kill_worker import check, run_and_kill

pytestmark = pytest.mark.integration


@pytest.mark.timeout(90)
def test_killed_at_random_instants_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    root, oracle, rng = tmp_path / "data", tmp_path / "oracle", random.Random(7)
    during = Counter(run_and_kill(root, oracle, rng) for _ in range(24))
    verdict = check(root, oracle)
    assert (verdict.broken, verdict.lost) == ([], [])
    assert verdict.acknowledged["row"] > 100 and verdict.acknowledged["frames"] > 50
    assert during["recovering"] > 0 and during["sealing"] > 0
