"""The headset's page without a session: a console that serves nothing but the way for a headset's frames."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..sessions.processes import Processes, prepare_environment
from .profile_store import config_folder

READY_PATIENCE_S = 40.0


@contextmanager
def headset_page(host: str, port: int) -> Iterator[tuple[str, str]]:
    """Serve the page until the block ends: the device's specification for a tracker, and the address for the headset.

    Args:
        host: address that the headset reaches; empty takes the one on the local network.
        port: 0 takes a free one.

    Raises:
        StageLost: the page's process ended, for example because the port is taken.
    """
    prepare_environment()
    processes = Processes(config_folder() / "logs" / "headset")
    with tempfile.TemporaryDirectory(prefix="rove-") as private:
        socket = Path(private) / "headset.sock"
        headset = ("--headset-socket", str(socket), "--headset-host", host, "--headset-port", str(port))
        try:
            console = processes.start("console", "console", "--port", "0", "--cameras", "", *headset, talks=True)
            yield f"webxr:{socket}", str(console.answer("ready", READY_PATIENCE_S)["headset"])
        finally:
            processes.stop()
