"""The real recorder process, and a control process's rows: sent at 250 Hz, never waiting for anybody."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.episodes.recording_tools import control_row

from .environment import ENVIRONMENT as SHARED

DOMAIN_ID = "24"
ENVIRONMENT = {**SHARED, "ROS_DOMAIN_ID": DOMAIN_ID}


class RecorderProcess:
    """``python -m rove_teleop.nodes.recorder`` with its commands and answers."""

    def __init__(self, dataset: Path, rows: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "rove_teleop.nodes.recorder", "--dataset", str(dataset), "--socket", str(rows)]
        self.popen = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ENVIRONMENT},
        )
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self._answers.put(json.loads(line))

    def answer(self, patience_s: float = 20.0) -> dict[str, Any]:
        return self._answers.get(timeout=patience_s)

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps(command) + "\n")
        self.popen.stdin.flush()
        return self.answer()

    def end(self) -> int:
        """Close stdin and wait; the exit code."""
        if self.popen.stdin is not None and not self.popen.stdin.closed:
            self.popen.stdin.close()
        return self.wait()

    def kill(self) -> None:
        self.popen.kill()
        self.wait()
        assert self.popen.stdin is not None
        try:
            self.popen.stdin.close()
        except BrokenPipeError:
            pass

    def wait(self) -> int:
        code = self.popen.wait(timeout=20.0)
        self._reader.join()
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return code


class Rows(threading.Thread):
    """Sends a row every 4 ms; what the socket does not take is dropped and counted. ``worst_s`` is its slowest send."""

    def __init__(self, path: Path, episode: int = 1) -> None:
        super().__init__(daemon=True)
        self.path, self.episode = path, episode
        self.accepted: list[int] = []
        self.dropped = 0
        self.tick = 0
        self.worst_s = 0.0
        self._stop_requested = threading.Event()

    def run(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            deadline_s = time.monotonic()
            while not self._stop_requested.is_set():
                self._send(sender)
                self.tick += 1
                deadline_s += 0.004
                time.sleep(max(0.0, deadline_s - time.monotonic()))

    def _send(self, sender: socket.socket) -> None:
        row = b"R" + control_row(self.tick, self.episode)
        begin_s = time.thread_time()
        try:
            sender.sendto(row, str(self.path))
            self.accepted.append(self.tick)
        except OSError:
            self.dropped += 1
        self.worst_s = max(self.worst_s, time.thread_time() - begin_s)

    def stop(self) -> None:
        self._stop_requested.set()
        self.join()
