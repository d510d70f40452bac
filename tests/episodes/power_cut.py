"""A power cut without pulling a plug: a file system in a file, copied under a writer that is stopped (needs root)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .kill_worker import check, work

IMAGE_MB = 96
TICKS, PERIOD_S = 150, 0.004


@dataclass(frozen=True)
class Cut:
    """What one cut took: seconds before it of the first row or image that is gone, and counts."""

    tail_s: float
    sealed_lost: int
    sealed: int
    rows: int
    broken: tuple[str, ...]


def missing() -> str | None:
    """Why it cannot be done here, or None."""
    if os.geteuid() != 0:
        return "mounting a loop device needs root"
    if shutil.which("mkfs.ext4") is None or not Path("/dev/loop-control").exists():
        return "needs mkfs.ext4 and loop devices"
    return None


def cut_power(folder: Path, run_s: float) -> Cut:
    """Record on a file system of its own for ``run_s`` after the first row, cut, and see what a restart finds."""
    image, copy, oracle = folder / "disk.img", folder / "copy.img", folder / "oracle"
    oracle.write_bytes(b"")
    with image.open("wb") as file:
        file.truncate(IMAGE_MB << 20)
    _run("mkfs.ext4", "-q", "-F", str(image))
    with _mounted(image, folder / "disk") as disk:
        writer = _start(disk / "data", oracle)
        try:
            while b"row" not in oracle.read_bytes():
                time.sleep(0.01)
            time.sleep(run_s)
            os.kill(writer, signal.SIGSTOP)
            cut_s = time.monotonic()
            shutil.copyfile(image, copy)
        finally:
            os.kill(writer, signal.SIGKILL)
            os.waitpid(writer, 0)
    with _mounted(copy, folder / "copy") as disk:
        verdict = check(disk / "data", oracle)
        acknowledged = verdict.acknowledged
    lost = [line.split() for line in verdict.lost]
    return Cut(
        tail_s=max((cut_s - float(words[-1]) for words in lost if words[0] != "sealed"), default=0.0),
        sealed_lost=sum(words[0] == "sealed" for words in lost),
        sealed=acknowledged["sealed"],
        rows=acknowledged["row"],
        broken=tuple(verdict.broken),
    )


def _start(root: Path, oracle: Path) -> int:
    child = os.fork()
    if child == 0:
        try:
            work(root, os.open(oracle, os.O_WRONLY | os.O_APPEND), TICKS, PERIOD_S)
        finally:
            os._exit(1)
    return child


@contextmanager
def _mounted(image: Path, folder: Path) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    _run("mount", "-o", "loop", str(image), str(folder))
    try:
        yield folder
    finally:
        # Nothing of a mounted copy is needed any more, and memory maps of it may be open.
        _run("umount", "-l", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
