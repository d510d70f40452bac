"""The command line: arguments in, an exit code out. One file per family of commands; heavy imports wait for a call."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from .. import __version__
from ..errors import MissingDependency, RoveError
from . import (
    datasets,
    edit,
    exchange,
    failure,
    lab,
    label,
    loop,
    machine,
    operators,
    policies,
    remote,
    serve,
    sessions,
    show,
    streams,
    train,
)

INTERRUPTED = 130
EXIT_CODES = (
    "exit codes: 0 done, 1 failed or broken, 2 bad usage or input, 3 recovered or lossy, 4 missing dependency, "
    "130 stopped by the user"
)
Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; every error on purpose is one sentence on stderr and its exit code."""
    options = parser().parse_args(arguments)
    command: Command = options.run
    try:
        return command(options)
    except RoveError as error:
        print(f"rove: {error}", file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        # Only what is not ours: a robot PC may lack an extra, a bug of ours must not look like one.
        if (error.name or "").startswith("rove_teleop"):
            raise
        hint = "pip install 'rove_teleop[ros]', or source your ROS 2" if error.name == "rclpy" else "pip install it"
        print(f"rove: the package '{error.name}' is missing ({hint})", file=sys.stderr)
        return MissingDependency.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has seen enough; Python must not complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    """Every command with its arguments."""
    result = argparse.ArgumentParser(
        prog="rove", description="Human-in-the-loop correction of a humanoid's policy.", epilog=EXIT_CODES
    )
    result.add_argument("--version", action="version", version=f"rove_teleop {__version__}")
    subparsers = result.add_subparsers(title="commands", required=True, metavar="COMMAND")
    sessions_first = (sessions, operators, streams, datasets, show, exchange, remote, edit, label, failure)
    for family in (*sessions_first, loop, train, lab, policies, serve, machine):
        family.add(subparsers)
    return result
