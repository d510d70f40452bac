"""Kinds of arguments that several commands share, and their line of progress."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable


def seconds(text: str) -> float:
    """A time, above 0 and up to a day."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not (0.0 < seconds <= 86_400.0):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds up to a day")
    return seconds


def scale(text: str) -> float:
    """A scale of motion, 0.1 to 3."""
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not (0.1 <= scale <= 3.0):
        raise argparse.ArgumentTypeError(f"{text} is not a scale from 0.1 to 3")
    return scale


def port(text: str) -> int:
    """A TCP port; 0 takes a free one."""
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not (0 <= port <= 65535):
        raise argparse.ArgumentTypeError(f"{text} is not a port")
    return port


def counter(what: str) -> Callable[..., None]:
    """A progress callback that rewrites one line on stderr, where stderr is a terminal."""

    def show(done: int, total: int, *more: object) -> None:
        if sys.stderr.isatty():
            extra = "  ".join(str(value) for value in more)
            print(f"\r{what} {done}/{total}  {extra}   ", end="" if done < total else "\n", file=sys.stderr, flush=True)

    return show


def whole(low: int, high: int) -> Callable[[str], int]:
    """A kind of argument: a whole number from ``low`` to ``high``."""

    def whole(text: str) -> int:
        if not (text.isdecimal() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text} is not a whole number from {low} to {high}")
        return int(text)

    return whole


seed = whole(0, 2**31 - 1)
trials = whole(1, 100_000)
"""How many settings a search tries, how many episodes are made."""
workers = whole(1, 1024)
