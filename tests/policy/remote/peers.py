"""The environments of other projects that these tests talk to, where somebody made them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T", bound=Callable[..., object])
ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
OPENPI_PYTHON = ROOT / ".cache/peers-policy/bin/python"
LEROBOT_PYTHON = ROOT / ".cache/peers-data/bin/python"

# `make test` makes both on CI: there their absence is a failure, not a skip.
_without_openpi = pytest.mark.skipif(
    not OPENPI_PYTHON.is_file() and "CI" not in os.environ,
    reason="no .cache/peers-policy with openpi-client (make .cache/peers-policy/.ready)",
)
needs_lerobot = pytest.mark.skipif(
    not LEROBOT_PYTHON.is_file() and "CI" not in os.environ,
    reason="no .cache/peers-data with LeRobot (make .cache/peers-data/.ready)",
)
LEROBOT_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE / "without_cuda"), "OMP_NUM_THREADS": "1"}


def needs_openpi(test: T) -> T:
    """Runs with the integration tests: what it needs is made with theirs."""
    return pytest.mark.integration(_without_openpi(test))


def run_openpi(script: str, *arguments: str, stdin: bytes = b"") -> bytes:
    """Standard output of a script in the environment of openpi's client."""
    command = [str(OPENPI_PYTHON), "-c", script, *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
