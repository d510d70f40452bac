"""Power cuts: the image of a loop device is copied under a stopped recorder, mounted and recovered (needs root).

    .venv/bin/python -m benchmarks.episodes.power_cut --cuts 20 [--json]

The recorder writes rows at 250 Hz and two cameras, in episodes of 0.6 s, to an ext4 file system of its own. ``tail`` is
how long before the cut the oldest acknowledged row or image lies that is gone. Exit code 1 if a sealed episode is lost,
one cannot be read, or the tail is longer than 100 ms.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import track

from tests.episodes.power_cut import cut_power, missing

MOST_TAIL_S = 0.1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    console, rng = Console(stderr=options.json), random.Random(options.seed)
    reason = missing()
    if reason is not None:
        console.print(reason)
        return 4
    cuts = []
    for _ in track(range(options.cuts), "cuts", console=console):
        with tempfile.TemporaryDirectory() as folder:
            cuts.append(cut_power(Path(folder), rng.uniform(0.3, 2.0)))
    tails = sorted(round(1e3 * cut.tail_s, 1) for cut in cuts)
    result = {
        "cuts": len(cuts),
        "rows": sum(cut.rows for cut in cuts),
        "sealed": sum(cut.sealed for cut in cuts),
        "sealed_lost": sum(cut.sealed_lost for cut in cuts),
        "tail_ms": {"median": tails[len(tails) // 2], "worst": tails[-1]},
        "broken": [sentence for cut in cuts for sentence in cut.broken],
    }
    console.print_json(json.dumps(result)) if not options.json else sys.stdout.write(json.dumps(result) + "\n")
    return 1 if result["sealed_lost"] or result["broken"] or max(cut.tail_s for cut in cuts) > MOST_TAIL_S else 0


if __name__ == "__main__":
    sys.exit(main())
