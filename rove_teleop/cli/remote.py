"""Datasets in an object store or on a share: push, pull."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import counter

if TYPE_CHECKING:
    from ..remote.push import Transfer

_URL = "s3://bucket/prefix, or a folder: file:///mnt/nas/lab"


def add(subparsers: Any) -> None:
    """The commands of this file and their arguments."""
    command = subparsers.add_parser("push", help="sealed episodes and edits into an object store; safe to repeat")
    command.add_argument("dataset", type=Path)
    command.add_argument("url", help=_URL)
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=push)
    command = subparsers.add_parser("pull", help="episodes and edits that are not here out of an object store")
    command.add_argument("url", help=_URL)
    command.add_argument("dataset", type=Path)
    command.add_argument("--share", type=_share, default=(0, 1), metavar="K/N", help="only part K (from 0) of N")
    command.add_argument("--without-cameras", action="store_true", help="leave the images in the store")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=pull)


def push(options: argparse.Namespace) -> int:
    """Push what the store lacks."""
    from ..remote.push import push

    return _report(push(options.dataset, options.url, counter("episodes")), "pushed", options)


def pull(options: argparse.Namespace) -> int:
    """Pull what is missing here."""
    from ..remote.pull import pull

    cameras, progress = not options.without_cameras, counter("episodes")
    result = pull(options.url, options.dataset, cameras=cameras, share=options.share, progress=progress)
    return _report(result, "pulled", options)


def _share(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and int(part) < int(parts)):
        raise argparse.ArgumentTypeError(f"{text} is not a part such as 0/4")
    return int(part), int(parts)


def _report(result: Transfer, verb: str, options: argparse.Namespace) -> int:
    for sentence in result.problems:
        print(f"rove: {sentence}", file=sys.stderr)
    if options.json:
        print(json.dumps(asdict(result)))
        return result.exit_code
    episodes = (
        f"{len(result.moved)} episodes {verb} ({result.bytes / 1e6:.1f} MB), {len(result.already_there)} were there"
    )
    print(f"{episodes}; {result.revisions} edits {verb}")
    if result.merged:
        print(f"edits made here of {len(result.merged)} episodes now come after those that others made; push them")
    return result.exit_code
