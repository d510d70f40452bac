"""Compiled code never outlives its sources, and is there before a session needs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "rove_teleop"
ASK = "from rove_teleop.compiled import CACHES; print(*CACHES.values())"


def caches(folder, home):
    environment = {**os.environ, "PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_a_changed_source_has_another_cache_and_only_that(tmp_path):
    """A function that another file calls is compiled into its caller: so the caller's cache must change with it."""
    shutil.copytree(PACKAGE, tmp_path / "rove_teleop", ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    before = caches(tmp_path, tmp_path)
    assert all(folder.startswith(str(tmp_path)) for folder in before)
    assert caches(tmp_path, tmp_path) == before
    kernel = tmp_path / "rove_teleop" / "handover" / "blend.py"
    kernel.write_text(kernel.read_text() + "\n# changed\n")
    after = caches(tmp_path, tmp_path)
    assert (after[0] == before[0]) and (after[1] != before[1])
    plain = tmp_path / "rove_teleop" / "clock.py"
    plain.write_text(plain.read_text() + "\n# changed\n")
    assert caches(tmp_path, tmp_path) == after
