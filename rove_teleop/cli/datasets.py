"""What was recorded: verify, recover, episodes."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any


def add(subparsers: Any) -> None:
    """The commands of this file and their arguments."""
    for name, run, text in (
        ("verify", verify, "check every byte: exit 0 clean, 3 recovered or lossy, 1 broken"),
        ("recover", recover, "seal what a crash left"),
    ):
        command = subparsers.add_parser(name, help=text)
        command.add_argument("dataset", type=Path)
        command.add_argument("--json", action="store_true")
        command.set_defaults(run=run)
    episodes = subparsers.add_parser("episodes", help="what a dataset holds").add_subparsers(required=True)
    command = episodes.add_parser("list", help="one line per episode")
    command.add_argument("dataset", type=Path)
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=list_episodes)


def verify(options: argparse.Namespace) -> int:
    """Check every byte of a dataset."""
    from ..episodes.verify import verify_dataset

    report = verify_dataset(options.dataset)
    if options.json:
        print(json.dumps(asdict(report), indent=1, default=str))
    else:
        for episode in report.episodes:
            for problem in episode.broken:
                print(f"broken  {episode.id}: {problem}")
            for problem in episode.lossy:
                print(f"lossy   {episode.id}: {problem}")
        for name in report.orphans:
            print(f"waits for recovery: {name}")
        print(f"{len(report.episodes)} episodes, exit code {report.exit_code}")
    return int(report.exit_code)


def recover(options: argparse.Namespace) -> int:
    """Seal what a crash left."""
    from ..episodes.recover import recover_dataset

    recovered = recover_dataset(options.dataset)
    if options.json:
        print(json.dumps({"recovered": [item.to_json() for item in recovered]}))
        return 0
    for item in recovered:
        print(f"{item.id}: {item.rows} rows, {item.frames} frames" + (f"; {item.problem}" if item.problem else ""))
    print(f"{len(recovered)} recordings recovered")
    return 0


def list_episodes(options: argparse.Namespace) -> int:
    """One line per sealed episode, and the totals."""
    from ..episodes.dataset import Dataset
    from ..episodes.read import open_episode, statistics

    episodes = [open_episode(path) for path in Dataset.open(options.dataset).episodes()]
    totals = statistics(episodes)
    if options.json:
        rows = [{**episode.attributes, "path": str(episode.path)} for episode in episodes]
        print(json.dumps({"episodes": rows, "statistics": asdict(totals)}, default=str))
        return 0
    for episode in episodes:
        a = episode.attributes
        print(
            f"{episode.id}  {a['task']:<10} {a['outcome']:<9} {a['status']:<9} rows {a['rows']}  lost {a['ticks_lost']}"
        )
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in totals.phase_share.items())
    print(f"{totals.episodes} episodes: {totals.outcomes}; phases: {shares or 'none'}")
    return 0
