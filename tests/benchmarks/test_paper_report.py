"""The tables are written from whatever is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TABLES = Path(__file__).parents[2] / "benchmarks/paper/tables.py"


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_what_is_there_is_reported_and_how_much_is_missing(tmp_path: Path):
    # The second seed begins too well, the third has not been through all rounds.
    for seed, number, successes in ((0, 0, 4), (0, 1, 9), (1, 0, 10), (1, 1, 10), (2, 0, 6)):
        folder = tmp_path / f"runs/toaster-{seed}/main/rove"
        results = [{"outcome": "success" if k < successes else "failure"} for k in range(10)]
        (folder / f"round-{number}").mkdir(parents=True)
        told = json.dumps({"inputs": {}, "result": {"results": results}})
        (folder / f"round-{number}/evaluation.json").write_text(told)
    command = [sys.executable, TABLES, "--report", "--runs", tmp_path / "runs", "--out", tmp_path / "out"]
    command += ["--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    main = (tmp_path / "out/main.md").read_text()
    assert "| rove | 40.0 [17, 69] | 90.0 [60, 98] |" in main
    assert "So these seeds are left out: toaster 1 (100 %)." in main
    assert "(toaster: 1, whiteboard: 0 of 5)" in main and "'average' unless said otherwise" in main
