"""Where optimism matters: OVE, Monte-Carlo and IQL in mazes of which no episode goes all the way, as a table.

    .venv/bin/python benchmarks/maze/maze.py [--seeds 0 1 2 3 4] [--cache .cache/maze] [--out docs/results]

Every maze, variant and seed is one file in the cache; what is there is not computed again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mazes import EPISODES, LAYOUTS, LENGTH, dataset, maze
from methods import MAIN, SWEEP, limit, nearer, run_seed

VARIANTS = ("play", "diverse")
SWEPT = ("large", "diverse")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--cache", type=Path, default=Path(".cache/maze"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.cache.mkdir(parents=True, exist_ok=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    wanted = [(name, variant, seed) for seed in arguments.seeds for name in LAYOUTS for variant in VARIANTS]
    found = [_done(arguments.cache, *where, cells) for where in wanted for cells in MAIN]
    found += [_done(arguments.cache, *SWEPT, seed, cells) for seed in arguments.seeds for cells in SWEEP]
    from figures import draw
    from report import write_report

    picture = arguments.out / "maze.png"
    agreement = draw(picture, *SWEPT, seed=arguments.seeds[0])
    write_report(arguments.out / "maze.md", found, agreement, _about())
    print(arguments.out / "maze.md", file=sys.stderr)


def _done(cache: Path, name: str, variant: str, seed: int, cells: tuple[str, ...]) -> dict[str, Any]:
    """From the cache, or computed and written there by rename."""
    path = cache / f"{name}-{variant}-{seed}-{cells[0].replace(' ', '')}.json"
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        return kept
    started = time.process_time()
    result = {
        "maze": name,
        "variant": variant,
        "seed": seed,
        "cells": run_seed(name, variant, seed, cells),
        "cpu_s": round(time.process_time() - started, 1),
    }
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(result))
    partial.rename(path)
    print(f"{path}: {result['cpu_s']:.0f} s", file=sys.stderr, flush=True)
    return result


def _about() -> dict[str, dict[str, Any]]:
    """What a reader must know of each data set: counts of seed 0."""
    found = {}
    for name in LAYOUTS:
        for variant in VARIANTS:
            episodes = dataset(name, variant, 0)
            found[f"{name}-{variant}"] = {
                "episodes": EPISODES[name],
                "steps": sum(map(len, episodes)),
                "success": float(np.mean([episode.success for episode in episodes])),
                "length": LENGTH[name],
                "limit": limit(maze(name)),
                "nearer": float(nearer(maze(name), episodes).mean()),
            }
    return found


if __name__ == "__main__":
    main()
