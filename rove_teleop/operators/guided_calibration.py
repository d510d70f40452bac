"""One calibration: the process that guides and measures, the page beside it, and what they say, until it ends."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import clock
from ..errors import CalibrationFailed, UsageError
from ..sessions.processes import Process, Processes, prepare_environment
from .motion_source import open_motion
from .profile_store import config_folder
from .profiles import checked_name

LOOK_S = 0.05
READY_PATIENCE_S = 40.0
FAREWELL_S = 1.0
"""The pages ask for the newest state several times a second: the last word must reach them."""


@dataclass(frozen=True)
class CalibrationOptions:
    """``only`` is "hands", "arms" or empty for both; without a ``console_port`` there is no page."""

    name: str
    operator: str
    robot: str = "iron_r01"
    only: str = ""
    console_port: int | None = 8080
    headset_host: str = ""
    headset_port: int = 8443

    def __post_init__(self) -> None:
        checked_name(self.name)
        if self.operator in ("simulated", "none"):
            raise UsageError(f"--operator {self.operator} is nobody to calibrate: name a device, or replay:FILE")
        if self.operator == "webxr" and self.console_port is None:
            raise UsageError("--operator webxr: the console serves the headset's page, so leave --headless out")


class GuidedCalibration:
    """Use as a context manager: processes start on entry and stop on exit, whatever happens between."""

    _guide: Process

    def __init__(self, options: CalibrationOptions) -> None:
        self.options = options
        self.console_url = ""
        self.headset_url = ""
        self._leave = ExitStack()
        kind, _, path = options.operator.partition(":")
        if kind == "replay":
            open_motion(path)  # what is wrong with the file is said before anything starts
        self._processes = Processes(config_folder() / "logs" / "calibration")

    def __enter__(self) -> GuidedCalibration:
        try:
            self._start()
        except BaseException:
            self._leave.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._leave.close()

    def messages(self) -> Iterator[dict[str, Any]]:
        """What the operator is asked, as it comes; the last message holds the ``profile`` and its ``path``.

        Raises:
            CalibrationFailed: the operator was not measured; the message says why.
            StageLost: a process ended.
        """
        while True:
            alive = self._guide.alive
            for message in self._guide.messages():
                if message.get("ended"):
                    self._wait(FAREWELL_S if self.console_url else 0.0)
                if "failed" in message:
                    raise CalibrationFailed(str(message["failed"]))
                yield message
                if message.get("ended"):
                    return
            if not alive:
                raise self._guide.lost()
            self._wait(LOOK_S)

    def _start(self) -> None:
        o, start = self.options, self._processes.start
        prepare_environment()
        private = Path(self._leave.enter_context(tempfile.TemporaryDirectory(prefix="rove-")))
        self._leave.callback(self._processes.stop)
        headset_socket = private / "headset.sock"
        webxr = o.operator == "webxr"
        device = f"webxr:{headset_socket}" if webxr else o.operator
        if o.console_port is not None:
            serve = ["--port", str(o.console_port), "--cameras", ""]
            if webxr:
                serve += ["--headset-socket", str(headset_socket)]
                serve += ["--headset-host", o.headset_host, "--headset-port", str(o.headset_port)]
            ready = start("console", "console", *serve, talks=True).answer("ready", READY_PATIENCE_S)
            self.console_url, self.headset_url = str(ready.get("ready", "")), str(ready.get("headset", ""))
        # The guide last: who follows it on the page must not miss the first step.
        only = ("--only", o.only) if o.only else ()
        guide = ("--operator", device, "--device", o.operator, "--robot", o.robot, *only)
        self._guide = start("calibration", "calibration", o.name, *guide, talks=True)

    def _wait(self, duration_s: float) -> None:
        clock.sleep_until(clock.monotonic_s() + duration_s)
