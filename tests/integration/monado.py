"""Monado, a real OpenXR runtime, as a process of its own, and the headset that its remote driver lets a test play.

``packaging/monado.sh`` unpacks it. The remote driver takes 376 bytes over TCP: the head, and for each hand its wrist,
the curl of five fingers and the buttons of a controller. Poses are OpenXR's: x right, y up, z backward; quaternions x,
y, z, w.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PREFIX = ROOT / ".cache" / "monado"
PYTHON = Path(sys.executable).parent / "xrpython"
"""This environment's Python with the C library that Monado's client library needs."""
LOADER = PREFIX / "usr" / "lib64" / "ld-linux-x86-64.so.2"
MAGIC, PACKET_BYTES, VIEWS_BYTES, VIEWS_VALID_BYTES, HAND_BYTES = b"mndrmt3\0", 376, 96, 4, 120
READY_S = 15.0
UPRIGHT = (0.0, 0.0, 0.0, 1.0)


def need_monado() -> None:
    """Skip with the reason where Monado is not unpacked; in CI that is a failure."""
    if (PREFIX / "complete").is_file() and PYTHON.is_file():
        return
    reason = "Monado is not unpacked: run `sh packaging/monado.sh` (or `make system-test`)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Hand:
    """One side of the operator: a bare hand (``tracked``), a controller (``held``), both or neither."""

    position_m: tuple[float, float, float]
    quat_xyzw: tuple[float, float, float, float] = UPRIGHT
    curl: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    tracked: bool = True
    held: bool = False
    trigger: float = 0.0
    squeeze: float = 0.0

    def pack(self) -> bytes:
        pose = struct.pack("<7f", *self.quat_xyzw, *self.position_m)
        still = struct.pack("<6f", *[0.0] * 6)
        fingers = struct.pack("<5f", *self.curl)
        buttons = struct.pack("<8f", self.trigger, self.squeeze, self.squeeze, 0.0, 0.0, 0.0, 0.0, 0.0)
        flags = bytes([self.tracked, self.held]) + bytes(11)
        return (pose + still + fingers + buttons + flags).ljust(HAND_BYTES, b"\0")


@dataclass
class Person:
    """What the headset sees of a person, in OpenXR's axes."""

    head_m: tuple[float, float, float] = (0.0, 1.6, 0.0)
    head_quat_xyzw: tuple[float, float, float, float] = UPRIGHT
    left: Hand = field(default_factory=lambda: Hand((-0.2, 1.2, -0.4)))
    right: Hand = field(default_factory=lambda: Hand((0.2, 1.2, -0.4)))

    def pack(self) -> bytes:
        head = struct.pack("<7f", *self.head_quat_xyzw, *self.head_m)
        return MAGIC + bytes(VIEWS_BYTES) + head + bytes(VIEWS_VALID_BYTES) + self.left.pack() + self.right.pack()


class Monado:
    """The service with its remote headset. ``start`` returns when both answer."""

    def __init__(self) -> None:
        # A Unix socket's path has 108 characters, which a test's own folder can exceed.
        self.folder = Path(tempfile.mkdtemp(prefix="monado-"))
        self.port = _free_port()
        self.log = self.folder / "service.log"
        self.client_socket = self.folder / "monado_comp_ipc"
        configuration = self.folder / "config" / "monado"
        configuration.mkdir(parents=True)
        remote = {"version": 0, "port": self.port, "view_count": 2}
        (configuration / "config_v0.json").write_text(json.dumps({"active": "remote", "remote": remote}))
        self.person = Person()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find this runtime."""
        return {
            "XDG_RUNTIME_DIR": str(self.folder),
            "XR_RUNTIME_JSON": str(PREFIX / "openxr.json"),
            "OXR_NO_PRINTING": "1",
        }

    def start(self) -> None:
        environment = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XRT_NO_STDIN": "1",
            "XRT_COMPOSITOR_NULL": "1",
            "P_OVERRIDE_ACTIVE_CONFIG": "remote",
            "VK_DRIVER_FILES": str(PREFIX / "lvp.json"),
            "LP_NUM_THREADS": "1",
        }
        # What a killed service leaves would look like readiness.
        self.client_socket.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_loader(), str(PREFIX / "usr" / "bin" / "monado-service")], stdout=log, stderr=log, env=environment
            )
        self._connect()
        self._wait_until("its clients' socket", self.client_socket.exists)
        self.send()

    def send(self) -> None:
        """Show ``person`` to the runtime."""
        assert self._socket is not None
        self._socket.sendall(self.person.pack())

    def control(self, *arguments: str) -> str:
        """Run Monado's own control program."""
        command = [*_loader(), str(PREFIX / "usr" / "bin" / "monado-ctl"), *arguments]
        result = subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=10
        )
        return result.stdout + result.stderr

    def freeze(self, frozen: bool) -> None:
        """Stop the service in the middle of what it does, or let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=10)
            self._process = None

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _connect(self) -> None:
        """Both packets it greets with are read before anything else: a peer that hangs up early kills the service."""
        self._wait_until("its remote port", self._answers)
        assert self._socket is not None
        for _ in range(2):
            self._receive()
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _answers(self) -> bool:
        try:
            self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=READY_S)
        except ConnectionRefusedError:
            return False
        return True

    def _wait_until(self, what: str, condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + READY_S
        while not condition():
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline_s, f"Monado does not open {what}:\n{self.log.read_text()}"
            time.sleep(0.01)

    def _receive(self) -> None:
        assert self._socket is not None
        left = PACKET_BYTES
        while left:
            part = self._socket.recv(left)
            assert part, f"Monado hung up:\n{self.log.read_text()}"
            left -= len(part)


def _loader() -> list[str]:
    return [str(LOADER), "--library-path", (PREFIX / "library_path").read_text()]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
