"""How long it takes to ask a catalog of 100,000 episodes, and to keep it up to date.

    .venv/bin/python -m benchmarks.episodes.catalog [--rows 100000] [--sealed 300] [--json]

The rows are invented; their episodes are empty folders, which is all that a refresh looks at when nothing changed.
Milliseconds are CPU time, for that is the same on a busy machine; the files are in the page cache.
``sealed`` real small episodes say what one new episode costs, beside reading all of them without a catalog.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

from rich.console import Console

from rove_teleop.episodes.catalog.catalog import refresh, search
from rove_teleop.episodes.catalog.catalog_file import COLUMNS, FILE_NAME
from rove_teleop.episodes.catalog.catalog_row import CatalogRow
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.read import statistics as read_statistics
from tests.episodes.recording_tools import record

QUESTIONS: dict[str, dict[str, Any]] = {
    "nothing, all rows": {},
    "task and outcome": {"task": "toaster", "outcome": "failure", "limit": 100},
    "one operator, recovery above 30 %": {"operator": "operator 7", "min_share": ("recovery", 0.3)},
    "flag lossy": {"flags": ["lossy"]},
    "text in notes": {"text": "lamp 42 "},
    "since, newest 50": {"since_s": 1.7e9 + 40 * 90_000, "limit": 50},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--sealed", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = {**_large(Path(folder) / "large", options.rows), **_real(Path(folder) / "real", options.sealed)}
    if options.json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        Console().print_json(json.dumps(result))
    return 0


def _large(root: Path, count: int) -> dict[str, Any]:
    record(root)
    refresh(root)
    _invent(root, count)
    time.sleep(2.5)  # what changed just now is looked at again
    refresh(root)
    asked = {
        name: _median_ms(lambda question=question: search(root, **question)) for name, question in QUESTIONS.items()
    }
    still = _median_ms(lambda: refresh(root))
    begun = time.process_time()
    record(root)
    refresh(root)
    return {
        "rows": count,
        "search_ms": asked,
        "refresh_nothing_new_ms": still,
        "record_and_refresh_one_new_ms": _ms(begun),
        "file_mb": round((root / FILE_NAME).stat().st_size / 1e6, 1),
    }


def _invent(root: Path, count: int) -> None:
    """Rows that look like a lab's, and an empty folder for each."""
    rng, rows = random.Random(1), []
    for k in range(count):
        name = f"20250101-000000-{k + 10:06d}"
        path = root / "episodes" / f"{name}.zarr"
        path.mkdir()
        info = path.stat()
        recovery_s = rng.uniform(0.0, 15.0)
        row = CatalogRow(
            id=name,
            task=rng.choice(["toaster", "whiteboard", "drawer", "cup"]),
            instruction="put the bread into the toaster",
            outcome=rng.choice(["success"] * 7 + ["failure", "discarded"]),
            operator=f"operator {rng.randrange(20)}",
            policy_id=f"policy {rng.randrange(50)}",
            notes=f"lamp {rng.randrange(5000)} on",
            begun_s=1.7e9 + 40.0 * k,
            duration_s=30.0,
            rows=7500,
            autonomous_s=30.0 - recovery_s,
            recovery_s=recovery_s,
            human_share=recovery_s / 30.0,
            lossy=int(rng.random() < 0.01),
            mark=f"{info.st_ino}-{info.st_mtime_ns}",
        )
        rows.append(astuple(row))
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as connection, connection:
        connection.executemany(f"INSERT INTO episode VALUES ({', '.join('?' * len(COLUMNS))})", rows)


def _real(root: Path, count: int) -> dict[str, Any]:
    first = record(root, count=1500)
    for k in range(1, count):
        shutil.copytree(first, first.with_name(f"{first.stem[:-6]}{k + 1:06d}.zarr"))
    begun = time.process_time()
    refresh(root)
    built = _ms(begun) / count
    paths = sorted((root / "episodes").iterdir())
    without = _median_ms(lambda: read_statistics(open_episode(path) for path in paths))
    with_it = _median_ms(lambda: search(root))
    return {
        "sealed": count,
        "build_ms_per_episode": round(built, 3),
        "read_all_without_catalog_ms": without,
        "search_all_ms": with_it,
        "ratio": round(without / with_it, 1),
    }


def _median_ms(call: Callable[[], object], times: int = 7) -> float:
    taken = []
    for _ in range(times):
        begun = time.process_time()
        call()
        taken.append(_ms(begun))
    return round(statistics.median(taken), 2)


def _ms(begun: float) -> float:
    return round(1e3 * (time.process_time() - begun), 2)


if __name__ == "__main__":
    sys.exit(main())
