"""The processes of a session: started, watched and stopped by one parent; each writes a log of its own."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from .. import clock
from ..errors import MissingDependency, StageLost, UsageError
from .ros_environment import prepare_ros

STOP_PATIENCE_S = 3.0
EXIT_PATIENCE_S = 1.0


class Process:
    """One child ``python -m rove_teleop.nodes.<module>``; its stderr goes to a log, its stdout says JSON lines."""

    def __init__(self, name: str, module: str, arguments: Sequence[str], log: Path, talks: bool = False) -> None:
        self.name, self.log = name, log
        self.command = (module, arguments, talks)
        self._log_file: IO[bytes] = log.open("ab")
        self.popen = subprocess.Popen(
            [sys.executable, "-m", f"rove_teleop.nodes.{module}", *arguments],
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
            stdout=subprocess.PIPE if talks else self._log_file,
            stderr=self._log_file,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "ROVE_SESSION_PID": str(os.getpid())},
            # Ctrl-C is for the parent, which then stops its children in order.
            start_new_session=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        if talks:
            threading.Thread(target=self._read, name=f"{name} stdout", daemon=True).start()

    def say(self, message: dict[str, object]) -> None:
        """Write one JSON line to the child.

        Raises:
            StageLost: the child is gone.
        """
        try:
            stdin = self.popen.stdin
            if stdin is None:
                raise ValueError(f"{self.name} was not started to talk")
            stdin.write(json.dumps(message).encode() + b"\n")
            stdin.flush()
        except OSError as error:
            raise self.lost() from error

    def answer(self, key: str, patience_s: float) -> dict[str, object]:
        """The next JSON line of the child that holds ``key`` (or ``error`` or ``failed``).

        Raises:
            StageLost: the child is gone, or silent for ``patience_s``.
        """
        deadline_s = clock.monotonic_s() + patience_s
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, deadline_s - clock.monotonic_s()))
            except queue.Empty as error:
                raise StageLost(f"{self.name} did not answer within {patience_s:g} s (log: {self.log})") from error
            if line is None:
                raise self.lost()
            message = _object(line)
            if {key, "error", "failed"} & message.keys():
                return message

    def messages(self) -> list[dict[str, object]]:
        """Everything the child has said that nobody asked for yet."""
        found = []
        while not self._lines.empty():
            line = self._lines.get_nowait()
            if line is not None:
                found.append(_object(line))
        return found

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def lost(self) -> StageLost:
        """The error that says that this process ended."""
        code = self._exit_code()
        ending = f"ended with exit code {code}" if code is not None else "closed its connection"
        error = StageLost(f"{self.name} {ending}; its last words: {self.last_words()} (log: {self.log})")
        if code is not None and self.refused:
            # So does the session.
            error.exit_code = code
        return error

    def _exit_code(self) -> int | None:
        """A child that ends closes its streams first: who heard that waits a moment for the code."""
        try:
            return self.popen.wait(timeout=EXIT_PATIENCE_S)
        except subprocess.TimeoutExpired:
            return None

    @property
    def refused(self) -> bool:
        """Whether it ended because of what the user gave or lacks: another start would end the same way."""
        return self.popen.poll() in (UsageError.exit_code, MissingDependency.exit_code)

    def last_words(self) -> str:
        """The last line of the log."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][-300:] if lines else "none"

    def stop(self) -> None:
        """Ask it to end."""
        if self.alive:
            self.popen.send_signal(signal.SIGTERM)
        if self.popen.stdin is not None:
            try:
                self.popen.stdin.close()
            except OSError:
                # It was already gone, and so was what it had not read.
                return

    def join(self, patience_s: float) -> None:
        """Wait for the end; kill after ``patience_s``."""
        try:
            self.popen.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self._log_file.close()

    def _read(self) -> None:
        stdout = self.popen.stdout
        if stdout is None:
            return
        with stdout:
            for line in stdout:
                self._lines.put(line.decode(errors="replace"))
        self._lines.put(None)


class Processes:
    """The children of one session, stopped in the reverse order of their start.

    Raises:
        UsageError: the folder of their logs cannot be made.
    """

    def __init__(self, log_folder: Path) -> None:
        self.log_folder = log_folder
        try:
            log_folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{log_folder}: cannot be made, for the logs ({error.strerror or error})") from error
        self.all: list[Process] = []

    def start(self, name: str, module: str, *arguments: str, talks: bool = False) -> Process:
        process = Process(name, module, arguments, self.log_folder / f"{name}.log", talks)
        self.all.append(process)
        return process

    def ended(self) -> list[Process]:
        """The children that are not running any more."""
        return [process for process in self.all if not process.alive]

    def restart(self, process: Process) -> Process:
        """Start an ended child again with the same command line; its log goes on."""
        process.join(STOP_PATIENCE_S)
        module, arguments, talks = process.command
        again = Process(process.name, module, arguments, process.log, talks)
        self.all[self.all.index(process)] = again
        return again

    def check(self) -> None:
        """Raise StageLost for the first child that ended."""
        for process in self.ended():
            raise process.lost()

    def stop(self) -> None:
        for process in reversed(self.all):
            process.stop()
        deadline_s = clock.monotonic_s() + STOP_PATIENCE_S
        for process in self.all:
            process.join(max(0.1, deadline_s - clock.monotonic_s()))


def prepare_environment() -> None:
    """Set what the processes of a session need where the user has not chosen otherwise."""
    prepare_ros()
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


_DEFAULTS = {
    # Several math threads per process would only fight for the cores.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def _object(line: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except ValueError:
        return {"text": line.rstrip()}
    return value if isinstance(value, dict) else {"text": line.rstrip()}
