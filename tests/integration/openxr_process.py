"""What a test sees of ``openxr_worker``: frames as they come, commands to the layer below the device."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .monado import PYTHON, ROOT

PATIENCE_S = 10.0


class Headset:
    """The product's device in its own process."""

    def __init__(self, environment: dict[str, str], log: Path, layer: str = "") -> None:
        self._log = log
        command = [str(PYTHON), "-m", "tests.integration.openxr_worker", *([layer] if layer else [])]
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command, env={**os.environ, **environment}, cwd=ROOT, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file,
            )  # fmt: skip
        self.rows: list[dict[str, Any]] = []
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def say(self, **command: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def until(self, condition: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        """The first row from now on that meets the condition."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            assert self.process.poll() is None, self._log.read_text()
            try:
                self.rows.append(json.loads(self._lines.get(timeout=0.1)))
            except queue.Empty:
                continue
            if condition(self.rows[-1]):
                return self.rows[-1]
        raise AssertionError(f"no {what} within {PATIENCE_S:g} s; last: {self.rows[-1:]}\n{self._log.read_text()}")

    def frame(self, condition: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        """The first frame from now on that meets the condition."""
        row = self.until(lambda row: row["frame"] is not None and condition(row["frame"]), what)
        found: dict[str, Any] = row["frame"]
        return found

    def skip(self) -> None:
        """Forget what is on its way: what comes next was seen after this call."""
        after_s = time.monotonic()
        self.frame(lambda frame: frame["stamp_s"] > after_s, "frame")

    def quiet_for(self, duration_s: float) -> bool:
        """Whether no frame comes for this long."""
        deadline_s = time.monotonic() + duration_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                self.rows.append(json.loads(self._lines.get(timeout=left_s)))
            except queue.Empty:
                return True
            if self.rows[-1]["frame"] is not None:
                return False
        return True

    def close(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def wrist(frame: dict[str, Any], side: str) -> np.ndarray:
    return np.array(frame[side]["wrist"])


def tracked(side: str) -> Callable[[dict[str, Any]], bool]:
    return lambda frame: frame[side]["wrist"] is not None
