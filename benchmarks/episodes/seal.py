"""The end of an episode: 30 s at 250 Hz with 50 joints and three cameras (127 MB), from `end` to durable and committed.

    .venv/bin/python benchmarks/episodes/seal.py [--episodes 5] [--seconds 30] [--json]

The recording was synced while it ran, as in a session; the seal is timed with the disk, and once more without a camera.
Exit code 1 if the median with cameras is above 150 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console

from rove_teleop.episodes.check.verify import verify_dataset
from rove_teleop.episodes.layout import TRACKING_DTYPE, control_dtype
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.episodes.record.records import ChunkRecord

JOINTS, CAMERAS, CONTROL_HZ, CAMERA_HZ = 50, ("ego", "left", "right"), 250, 30
GATE_MS = 150.0


def record(root: Path, seconds: float, cameras: tuple[str, ...]) -> EpisodeRecording:
    """An episode with every stream, as fast as the disk takes it."""
    names = [f"joint_{k}" for k in range(JOINTS)]
    attributes = {"joint_names": names, "groups": {"all": names}, "control_hz": 250.0, "cameras": list(cameras)}
    recording, rng = EpisodeRecording(root, attributes), np.random.default_rng(0)
    images = [b"\xff\xd8" + rng.bytes(47_000) for _ in range(16)]
    rows = np.zeros(int(seconds * CONTROL_HZ), control_dtype(JOINTS, 1))
    rows["tick"], rows["stamp_s"] = np.arange(len(rows)), np.arange(len(rows)) / CONTROL_HZ
    for row in rows:
        recording.control_row(row.tobytes())
    for k in range(int(seconds * 72)):
        recording.tracking(bytes(TRACKING_DTYPE.itemsize), k / 72.0)
    for k in range(int(seconds * 4)):
        recording.chunk(ChunkRecord(k / 4, k / 4, np.arange(16.0), np.arange(JOINTS), np.zeros((16, JOINTS))))
    for k in range(int(seconds * CAMERA_HZ)):
        for camera in cameras:
            recording.frame(camera, images[k % 16], k / CAMERA_HZ, k / CAMERA_HZ, k)
    while recording.unsynced_bytes:
        time.sleep(0.02)
    return recording


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    took_ms: dict[str, list[float]] = {"three cameras": [], "no camera": []}
    cpu_ms: dict[str, list[float]] = {"three cameras": [], "no camera": []}
    with tempfile.TemporaryDirectory(dir=".") as folder:
        root = Path(folder) / "data"
        for _ in range(options.episodes):
            for name, cameras in (("three cameras", CAMERAS), ("no camera", ())):
                recording = record(root, options.seconds, cameras)
                begin_s, cpu_s = time.perf_counter(), time.process_time()
                recording.seal("success")
                took_ms[name].append(1e3 * (time.perf_counter() - begin_s))
                cpu_ms[name].append(1e3 * (time.process_time() - cpu_s))
        broken = [one.id for one in verify_dataset(root).episodes if one.broken]
    result = {
        "load": os.getloadavg()[0],
        "broken": broken,
        **{name: {"median_ms": round(median(took_ms[name]), 1), "worst_ms": round(max(took_ms[name]), 1),
                  "cpu_ms": round(median(cpu_ms[name]), 1)} for name in took_ms},
    }  # fmt: skip
    sys.stdout.write(json.dumps(result) + "\n") if options.json else Console().print_json(json.dumps(result))
    return int(bool(broken) or median(took_ms["three cameras"]) > GATE_MS)


if __name__ == "__main__":
    sys.exit(main())
