"""The recorder process at full load: three cameras of 640 x 480 at 30 Hz as JPEG over ROS 2, rows at 250 Hz.

    .venv/bin/python -m benchmarks.episodes.recorder [--seconds 15] [--json]

Another process publishes. Reported are the recorder's CPU time as a share of one core, and how much of what was sent is
not in the sealed episode. Exit code 1 above 15 % of a core or if anything is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import simplejpeg
from rich.console import Console

from tests.episodes.recording_tools import ATTRIBUTES
from tests.integration.recorder_process import ENVIRONMENT, RecorderProcess, Rows

CAMERAS = ("ego", "left", "right")
GATE_PERCENT = 15.0


def publish(seconds: float) -> None:
    """Publish every camera at 30 Hz; print how many images of each were sent."""
    import rclpy
    from builtin_interfaces.msg import Time
    from rclpy.node import Node
    from sensor_msgs.msg import CompressedImage
    from std_msgs.msg import Header

    from rove_teleop.robot_io import topics

    rclpy.init()
    node = Node("cameras")
    publishers = [node.create_publisher(CompressedImage, topics.camera_topic(name), topics.IMAGES) for name in CAMERAS]
    picture = np.add.outer(np.arange(480), np.arange(640))[..., None] // 5 % 256 * np.ones(3)
    noise = np.random.default_rng(0).normal(0, 6, picture.shape)
    jpeg = simplejpeg.encode_jpeg(np.clip(picture + noise, 0, 255).astype(np.uint8), 85)
    while min(publisher.get_subscription_count() for publisher in publishers) == 0:
        time.sleep(0.05)
    begin_s, count = time.monotonic(), int(30 * seconds)
    for k in range(count):
        stamp = Time(sec=1000 + k // 30, nanosec=k % 30 * 33_333_333)
        for publisher in publishers:
            publisher.publish(CompressedImage(header=Header(stamp=stamp), format="jpeg", data=jpeg))
        time.sleep(max(0.0, begin_s + (k + 1) / 30.0 - time.monotonic()))
    time.sleep(0.5)
    sys.stdout.write(f"{count} {len(jpeg)}")
    node.destroy_node()
    rclpy.shutdown()


def cpu_s(process_id: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, seconds: float) -> dict[str, object]:
    """One episode of ``seconds``."""
    recorder = RecorderProcess(folder / "data", folder / "rows", "--cameras", ",".join(CAMERAS))
    recorder.answer()
    recorder.ask({"begin": {**ATTRIBUTES, "cameras": list(CAMERAS), "first_tick": 0}})
    rows = Rows(folder / "rows")
    cameras = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.episodes.recorder", "--publish", str(seconds)],
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE,
        text=True,
    )
    rows.start()
    begin_s, begin_cpu_s = time.monotonic(), cpu_s(recorder.popen.pid)
    sent, size = map(int, cameras.communicate(timeout=seconds + 60.0)[0].split())
    percent = 100.0 * (cpu_s(recorder.popen.pid) - begin_cpu_s) / (time.monotonic() - begin_s)
    rows.stop()
    answer = recorder.ask({"end": {"outcome": "success", "last_tick": rows.tick - 1}})
    recorder.end()
    return {
        "load": os.getloadavg()[0],
        "cpu_percent_of_a_core": round(percent, 1),
        "image_bytes": size,
        "images_missing": len(CAMERAS) * sent - answer["frames"],
        "images": answer["frames"],
        "rows_lost": answer["lost"],
        "rows": answer["rows"],
        "seal_ms": answer["seal_ms"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--publish", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.publish is not None:
        publish(options.publish)
        return 0
    # Tests have their own domain: another program's images would be counted here.
    ENVIRONMENT["ROS_DOMAIN_ID"] = os.environ.get("ROS_DOMAIN_ID", "44")
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), options.seconds)
    sys.stdout.write(json.dumps(result) + "\n") if options.json else Console().print_json(json.dumps(result))
    missing = bool(result["images_missing"] or result["rows_lost"])
    return int(missing or float(str(result["cpu_percent_of_a_core"])) > GATE_PERCENT)


if __name__ == "__main__":
    sys.exit(main())
