"""What was recorded: verify, recover, episodes."""

from __future__ import annotations

import argparse
import datetime
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .arguments import counter

if TYPE_CHECKING:
    from ..episodes.catalog.catalog_row import CatalogRow
    from ..episodes.read import DatasetStatistics


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
    add_episodes(subparsers.add_parser("episodes", help="what a dataset holds").add_subparsers(required=True))


def add_episodes(subparsers: Any) -> None:
    """``rove episodes list``, ``show`` and ``stats``."""
    command = subparsers.add_parser("list", help="one line per episode, all or those that are searched for")
    command.add_argument("dataset", type=Path)
    command.add_argument("--task", help="exactly this task")
    command.add_argument("--outcome", help="success, failure, discarded or unknown (as labelled last)")
    command.add_argument("--operator", help="exactly this operator")
    command.add_argument("--policy", help="exactly this policy id")
    command.add_argument("--flag", action="append", default=[], help="recovered, lossy, excluded or broken; repeatable")
    command.add_argument("--min-share", type=share, metavar="PHASE=SHARE", help="recovery=0.2; also human=0.2")
    command.add_argument("--text", default="", help="somewhere in id, task, instruction, operator, policy, notes")
    command.add_argument(
        "--since", type=since, metavar="DATE", help="begun at or after 2026-11-23 or 2026-11-23T10:00 (UTC)"
    )
    command.add_argument("--limit", type=limit, help="the newest so many")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=list_episodes)
    command = subparsers.add_parser("show", help="one episode: attributes, phases, interventions, events")
    command.add_argument("dataset", type=Path)
    command.add_argument("episode", metavar="ID")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=show)
    command = subparsers.add_parser("stats", help="counts and shares over all episodes")
    command.add_argument("dataset", type=Path)
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=stats)


def share(text: str) -> tuple[str, float]:
    """A phase and the least share of it."""
    phase, _, number = text.partition("=")
    try:
        least = float(number)
    except ValueError:
        least = -1.0
    if not (phase and 0.0 <= least <= 1.0):
        raise argparse.ArgumentTypeError(f"{text} is not a phase and a share from 0 to 1, such as recovery=0.2")
    return phase, least


def since(text: str) -> float:
    """A date, or a date and a time, as seconds since the epoch; UTC unless it says otherwise, as ids are."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not a date such as 2026-11-23 or 2026-11-23T10:00") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


def limit(text: str) -> int:
    """How many episodes."""
    if not (text.isdecimal() and 1 <= int(text) <= 10_000_000):
        raise argparse.ArgumentTypeError(f"{text} is not a number of episodes")
    return int(text)


def verify(options: argparse.Namespace) -> int:
    """Check every byte of a dataset."""
    from ..episodes.check.verify import verify_dataset

    report = verify_dataset(options.dataset, counter("verified"))
    if options.json:
        print(json.dumps({**asdict(report), "exit_code": report.exit_code}, indent=1, default=str))
        return int(report.exit_code)
    for episode in report.episodes:
        for problem in episode.broken:
            print(f"broken  {episode.id}: {problem}")
        for problem in episode.lossy:
            print(f"lossy   {episode.id}: {problem}")
    for problem in report.problems:
        print(f"broken  {problem}")
    for name in report.orphans:
        print(f"waits for recovery: {name}")
    print(f"{len(report.episodes)} episodes, exit code {report.exit_code}")
    return int(report.exit_code)


def recover(options: argparse.Namespace) -> int:
    """Seal what a crash left; 1 where something could not be sealed and was kept."""
    from ..episodes.record.recover import recover_dataset

    recovered = recover_dataset(options.dataset)
    failed = sum(item.problem is not None for item in recovered)
    if options.json:
        print(json.dumps({"recovered": [item.to_json() for item in recovered]}))
        return int(failed > 0)
    for item in recovered:
        print(f"{item.id}: {item.problem or f'{item.rows} rows, {item.frames} frames'}")
    print(f"{len(recovered) - failed} recordings recovered" + (f", {failed} kept as they are" if failed else ""))
    return int(failed > 0)


def list_episodes(options: argparse.Namespace) -> int:
    """One line per sealed episode, and the totals; 1 where an episode cannot be read."""
    from ..episodes.catalog.catalog import search
    from ..episodes.catalog.catalog_totals import totals

    rows = search(
        options.dataset,
        task=options.task,
        outcome=_outcome(options.outcome),
        operator=options.operator,
        policy=options.policy,
        min_share=options.min_share,
        flags=options.flag,
        text=options.text,
        since_s=options.since,
        limit=options.limit,
        progress=counter("catalogued"),
    )
    if options.json:
        listed = [_listed(options.dataset, row) for row in rows]
        print(json.dumps({"episodes": listed, "statistics": asdict(totals(rows))}, default=str))
    else:
        for row in rows:
            print(_line(row))
        _print_totals(totals(rows))
    return _exit_code(rows)


def show(options: argparse.Namespace) -> int:
    """One episode in words."""
    from .show import show_episode

    return show_episode(options.dataset, options.episode, options.json)


def stats(options: argparse.Namespace) -> int:
    """Counts and shares over all episodes; 1 where an episode cannot be read."""
    from ..episodes.catalog.catalog import search
    from ..episodes.catalog.catalog_totals import breakdown, totals

    rows = search(options.dataset, progress=counter("catalogued"))
    if options.json:
        print(json.dumps({"statistics": asdict(totals(rows)), **breakdown(rows)}))
    else:
        _print_totals(totals(rows))
        for name, value in breakdown(rows).items():
            counts = value.items() if isinstance(value, dict) else ()
            words = ", ".join(f"{key or 'not named'} {_figure(count)}" for key, count in counts) or "none"
            print(f"{name}: {words if isinstance(value, dict) else _figure(value)}")
    return _exit_code(rows)


def _listed(root: Path, row: CatalogRow) -> dict[str, Any]:
    """What an episode says of itself, its outcome as labelled last, and beside it its row of the catalog."""
    from ..episodes.read import open_episode

    path = root / "episodes" / f"{row.id}.zarr"
    attributes = {"id": row.id} if row.broken else open_episode(path).attributes
    said = {"outcome": row.outcome, "recorded_outcome": row.recorded_outcome}
    return {**attributes, **said, "path": str(path), "catalog": {**asdict(row), "flags": row.flags}}


def _line(row: CatalogRow) -> str:
    if row.broken:
        return f"{row.id}  broken: {row.problem}"
    phases = "  ".join(f"{name} {seconds:.1f} s" for name, seconds in row.phase_s.items())
    flags = f"  [{', '.join(row.flags)}]" if row.flags else ""
    return (
        f"{row.id}  {row.task:<10} {row.outcome:<9} {row.status:<9} rows {row.rows}  lost {row.ticks_lost}  "
        f"takeovers {row.takeovers}  {phases}{flags}"
    )


def _print_totals(totals: DatasetStatistics) -> None:
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in totals.phase_share.items())
    print(f"{totals.episodes} episodes: {totals.outcomes}; phases: {shares or 'none'}")


def _figure(value: float) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _exit_code(rows: list[CatalogRow]) -> int:
    return int(any(row.broken for row in rows))


def _outcome(text: str | None) -> str | None:
    from ..episodes.attributes import OUTCOMES

    if text is not None and text not in OUTCOMES:
        raise UsageError(f"outcome must be one of {', '.join(OUTCOMES)}, got '{text}'")
    return text
