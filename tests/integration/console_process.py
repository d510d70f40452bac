"""The console as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .environment import ENVIRONMENT


def start_console(domain: int, *arguments: str) -> subprocess.Popen[str]:
    """Started, and not waited for."""
    return subprocess.Popen(
        [sys.executable, "-m", "rove_teleop.nodes.console", *arguments],
        env={**os.environ, **ENVIRONMENT, "ROS_DOMAIN_ID": str(domain)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running_console(domain: int, *arguments: str) -> Iterator[str]:
    """The address of a running console, which has to end cleanly on SIGTERM."""
    process = start_console(domain, "--port", "0", *arguments)
    try:
        address = json.loads(process.stdout.readline())["ready"]
        assert address.startswith("http://127.0.0.1:")
        yield address
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, process.stderr.read()
    finally:
        process.kill()
        process.communicate()
