"""What a control row costs: control's end of the socket, and the recorder's write to its log, beside three cameras.

    .venv/bin/python benchmarks/episodes/journal.py [--seconds 10] [--json]

50 joints, three cameras of 47 kB images at 30 Hz on another thread, syncs as in a session. ``back to back`` is the cost
of the call itself, ``at 250 Hz`` with what a processor forgets while it sleeps. ``wall`` is what a clock says, on a
busy machine mostly other programs; ``cpu`` is the thread's own time, which the gates are for: 0.1 ms for the p99 of a
row in the log, 0.02 ms for the median of control's side, back to back. Exit code 1 above one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from rove_teleop.episodes.layout import control_dtype
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.episodes.record.row_sender import RowSender
from rove_teleop.episodes.record.row_socket import RowSocket

JOINTS, CAMERAS = 50, ("ego", "left", "right")
GATES_MS = {"row in the log": ("cpu_p99_ms", 0.1), "control's side": ("cpu_p50_ms", 0.02)}
PACES = {"back to back": 0.0, "at 250 Hz": 0.004}


def paced(seconds: float, period_s: float, work: Callable[[bytes], object]) -> dict[str, float]:
    """Call ``work`` with as many new rows as ``seconds`` have at 250 Hz, one per period; percentiles in ms."""
    row = np.zeros(1, control_dtype(JOINTS, 1))
    wall, cpu, begin_s = [], [], time.monotonic()
    for tick in range(int(250 * seconds)):
        row["tick"] = tick
        data = row.tobytes()
        wall_s, cpu_s = time.perf_counter(), time.thread_time()
        work(data)
        cpu.append(time.thread_time() - cpu_s)
        wall.append(time.perf_counter() - wall_s)
        time.sleep(max(0.0, begin_s + (tick + 1) * period_s - time.monotonic()))
    sides = {"wall": wall, "cpu": cpu}
    return {
        f"{side}_{name}_ms": round(1e3 * float(np.percentile(values, percent)), 4)
        for side, values in sides.items()
        for name, percent in (("p50", 50), ("p99", 99), ("max", 100))
    }


def log_rows(folder: Path, seconds: float, period_s: float) -> dict[str, float]:
    """Rows into a recording, while another thread writes images."""
    names = [f"joint_{k}" for k in range(JOINTS)]
    attributes = {"joint_names": names, "groups": {"all": names}, "control_hz": 250.0, "cameras": list(CAMERAS)}
    recording, stop = EpisodeRecording(folder, attributes, min_free_bytes=0), threading.Event()
    jpeg = b"\xff\xd8" + os.urandom(47_000)

    def shoot() -> None:
        count = 0
        while not stop.wait(1.0 / 30.0):
            for camera in CAMERAS:
                recording.frame(camera, jpeg, count / 30.0, count / 30.0, count)
            count += 1

    images = threading.Thread(target=shoot)
    images.start()
    result = paced(seconds, period_s, recording.control_row)
    stop.set()
    images.join()
    recording.close()
    return result


def send_rows(folder: Path, seconds: float, period_s: float) -> dict[str, float]:
    """Rows into the socket, and another process that takes them out."""
    path = folder / "rows"
    socket = RowSocket(path)
    reader = os.fork()
    if reader == 0:
        while True:
            socket.receive()
    sender = RowSender(path)

    def send(row: bytes) -> None:
        sender.row(row)
        sender.flush()

    result = paced(seconds, period_s, send)
    os.kill(reader, 9)
    os.waitpid(reader, 0)
    sender.close()
    socket.close()
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {}
    for pace, period_s in PACES.items():
        with tempfile.TemporaryDirectory(dir=".") as folder:
            results[f"row in the log, {pace}"] = log_rows(Path(folder) / "data", options.seconds, period_s)
            results[f"control's side, {pace}"] = send_rows(Path(folder), options.seconds, period_s)
    if options.json:
        sys.stdout.write(json.dumps({"load": os.getloadavg()[0], **results}) + "\n")
    else:
        table = Table("", *results)
        for name in next(iter(results.values())):
            table.add_row(name, *(str(values[name]) for values in results.values()))
        Console().print(table)
    return int(any(results[f"{name}, back to back"][key] > gate for name, (key, gate) in GATES_MS.items()))


if __name__ == "__main__":
    sys.exit(main())
