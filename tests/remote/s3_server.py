"""A real S3 server (moto) in a process of its own, on a socket of this machine."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER = Path(".cache/peers-exchange/bin/moto_server").absolute()
needs_server = pytest.mark.skipif(
    not SERVER.exists() and "CI" not in os.environ, reason="moto is not installed (make system-test)"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def s3_server(bucket: str) -> Iterator[str]:
    """A server with one bucket; its address."""
    url = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [SERVER, "-H", "127.0.0.1", "-p", url.rpartition(":")[2]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            with contextlib.suppress(urllib.error.URLError):
                request = urllib.request.Request(f"{url}/{bucket}", method="PUT")
                with urllib.request.urlopen(request, timeout=5):
                    break
            time.sleep(0.1)
        else:
            raise RuntimeError("the S3 server did not start")
        yield url
    finally:
        process.terminate()
        process.wait(10)
