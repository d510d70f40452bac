"""kill -9 of a recorder at random instants, beside an oracle of what it had acknowledged.

    .venv/bin/python -m benchmarks.episodes.kill --kills 200 [--json]

The worker records, seals and recovers without a pause (short episodes, two cameras), so that many kills land inside
sealing and inside recovery. Exit code 1 if an acknowledged row or image is lost, or an episode cannot be read.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import track

from tests.episodes.kill_worker import check, run_and_kill


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    console, rng = Console(stderr=options.json), random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        root, oracle = Path(folder) / "data", Path(folder) / "oracle"
        kills = track(range(options.kills), "kills", console=console)
        during = Counter(run_and_kill(root, oracle, rng) for _ in kills)
        verdict = check(root, oracle)
    result = {"kills": options.kills, "during": dict(during), **asdict(verdict)}
    console.print_json(json.dumps(result)) if not options.json else sys.stdout.write(json.dumps(result) + "\n")
    return 1 if verdict.broken or verdict.lost else 0


if __name__ == "__main__":
    sys.exit(main())
