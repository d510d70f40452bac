"""Three cameras of 640 x 480 at 30 Hz into the recorder node over ROS 2, rows at 250 Hz beside them, a busy machine.

    .venv/bin/python -m benchmarks.episodes.cameras [--seconds 15] [--busy 5] [--scene pan] [--json]

JPEG arrives as CompressedImage and is stored as it is, or raw images arrive and are encoded once; both also as H.264.
Images are noisy and move as a whole (``--scene still``: only the noise moves), JPEGs are 4:2:0 of quality 85. Reported
per case: CPU time of the whole recorder process as a share of one core, rows lost, and images that were sent and are
not in the sealed episode: ``refused_or_lost`` those that the recorder counted, ``never_came`` the others. ``runnable``
is how many threads of the machine wanted to run at once. Exit code 1 above 15 % (JPEG as it is) or 30 % (H.264) of a
core, or if anything is missing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from rich.console import Console

from rove_teleop.episodes.check.verify import verify_episode
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.row_sender import RowSender
from tests.episodes.recording_tools import ATTRIBUTES, control_row
from tests.integration.recorder_process import ENVIRONMENT, RecorderProcess

from .recorder import cpu_s

CAMERAS = ("ego", "left", "right")
RATE_HZ = 30.0
CASES = {
    "jpeg": ("jpeg", "jpeg", 15.0),
    "raw to jpeg": ("raw", "jpeg", None),
    "jpeg to h264": ("jpeg", "h264", 30.0),
    "raw to h264": ("raw", "h264", 30.0),
}
"""What is published, how it is stored, and the gate in per cent of a core."""


def pictures(pan: int = 5) -> list[NDArray[np.uint8]]:
    """A second of a scene with sensor noise that moves ``pan`` pixels per image, (480, 640, 3) each."""
    y, x = np.mgrid[0:480, 0:640]
    scene = np.stack([(x + 2 * y) // 4 % 256, (x // 40 + y // 40) % 2 * 120 + 60, 255 - y // 2], 2)
    noise = np.random.default_rng(0)
    moved = (np.roll(scene, pan * k, 1) + noise.normal(0.0, 4.0, scene.shape) for k in range(30))
    return [np.clip(image, 0, 255).astype(np.uint8) for image in moved]


def publish(kind: str, seconds: float, scene: str) -> None:
    """Publish every camera at 30 Hz as ``kind`` (jpeg or raw); print how many of each were sent, and how late."""
    import rclpy
    from builtin_interfaces.msg import Time
    from rclpy.node import Node
    from sensor_msgs.msg import CompressedImage, Image
    from std_msgs.msg import Header

    from rove_teleop.robot_io import topics

    images = pictures(5 if scene == "pan" else 0)
    if kind == "jpeg":
        jpegs = [simplejpeg.encode_jpeg(image, 85, colorsubsampling="420") for image in images]
        messages = [CompressedImage(format="jpeg", data=np.frombuffer(jpeg, np.uint8)) for jpeg in jpegs]
    else:
        form = {"height": 480, "width": 640, "encoding": "rgb8", "step": 1920}
        messages = [Image(data=image.reshape(-1), **form) for image in images]
    rclpy.init()
    node = Node("cameras")
    topic = topics.camera_topic if kind == "jpeg" else topics.raw_camera_topic
    publishers = [node.create_publisher(type(messages[0]), topic(name), topics.IMAGES) for name in CAMERAS]
    while min(publisher.get_subscription_count() for publisher in publishers) == 0:
        time.sleep(0.05)
    begin_s, late_s = time.monotonic(), 0.0
    count = int(RATE_HZ * seconds)
    for k in range(count):
        late_s = max(late_s, time.monotonic() - begin_s - k / RATE_HZ)
        message = messages[k % len(messages)]
        message.header = Header(stamp=Time(sec=1000 + k // 30, nanosec=k % 30 * 33_333_333))
        for publisher in publishers:
            publisher.publish(message)
        time.sleep(max(0.0, begin_s + (k + 1) / RATE_HZ - time.monotonic()))
    time.sleep(1.0)
    sys.stdout.write(json.dumps({"sent": count, "latest_ms": round(1e3 * late_s, 1)}))
    node.destroy_node()
    rclpy.shutdown()


def burn() -> None:
    """Keep a core busy until killed."""
    while True:
        np.sqrt(np.arange(1000.0))


class Control(threading.Thread):
    """Rows at 250 Hz the way control sends them: through its queue, which outlasts a recorder that is late."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._sender = RowSender(path)
        self._ended = threading.Event()
        self.tick = 0

    def run(self) -> None:
        deadline_s = time.monotonic()
        while not self._ended.is_set() or self._sender.waiting:
            if not self._ended.is_set():
                self._sender.row(control_row(self.tick, 1))
                self.tick += 1
            self._sender.flush()
            deadline_s += 0.004
            time.sleep(max(0.0, deadline_s - time.monotonic()))

    def stop(self) -> None:
        self._ended.set()
        self.join()
        self._sender.close()


def runnable() -> int:
    """Threads of the machine that want to run now."""
    return int(Path("/proc/loadavg").read_text().split()[3].split("/")[0])


def measure(folder: Path, case: str, seconds: float, scene: str) -> dict[str, object]:
    """One episode of ``seconds``."""
    kind, codec, gate_percent = CASES[case]
    recorder = RecorderProcess(
        folder / "data", folder / "rows", "--cameras", ",".join(CAMERAS), "--camera-codec", codec
    )
    recorder.answer()
    recorder.ask({"begin": {**ATTRIBUTES, "cameras": list(CAMERAS), "first_tick": 0}})
    rows = Control(folder / "rows")
    publisher = [sys.executable, "-m", "benchmarks.episodes.cameras", "--publish", kind, "--scene", scene]
    cameras = subprocess.Popen(
        [*publisher, "--seconds", str(seconds)],
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE,
        text=True,
    )
    rows.start()
    # Images begin when both sides found each other; the share counts from then on.
    while not recorder.ask({"status": {}})["status"]["frames"]:
        time.sleep(0.1)
    begin_s, begin_cpu_s, wanted = time.monotonic(), cpu_s(recorder.popen.pid), []
    while time.monotonic() < begin_s + seconds - 1.0:
        time.sleep(0.5)
        wanted.append(runnable())
    percent = 100.0 * (cpu_s(recorder.popen.pid) - begin_cpu_s) / (time.monotonic() - begin_s)
    published = json.loads(cameras.communicate(timeout=seconds + 60.0)[0])
    rows.stop()
    counts = recorder.ask({"status": {}})["status"]["counts"]
    answer = recorder.ask({"end": {"outcome": "success", "last_tick": rows.tick - 1}})
    recorder.end()
    episode = open_episode(Path(answer["sealed"]))
    stored_bytes = sum(int(episode[f"cameras/{name}/length"].sum()) for name in CAMERAS)
    counted = counts.get("frames_refused", 0) + counts.get("frames_lost", 0)
    sent = len(CAMERAS) * published["sent"]
    missing = sent - answer["frames"]
    return {
        "case": case,
        "scene": scene,
        "cpu_percent_of_a_core": round(percent, 1),
        "gate_percent": gate_percent,
        "images_sent": sent,
        "images_missing": missing,
        "refused_or_lost": counted,
        "never_came": missing - counted,
        "rows": answer["rows"],
        "rows_lost": answer["lost"],
        "publisher_at_most_late_ms": published["latest_ms"],
        "kilobytes_per_image": round(stored_bytes / max(1, answer["frames"]) / 1e3, 1),
        "seal_ms": answer["seal_ms"],
        "broken": list(verify_episode(episode.path).broken),
        "runnable": round(statistics.fmean(wanted), 1),
        "load_1_min": os.getloadavg()[0],
    }


def kept(result: dict[str, object]) -> bool:
    """Whether nothing is missing and the gate, if there is one, holds."""
    gate, percent = result["gate_percent"], float(str(result["cpu_percent_of_a_core"]))
    lost = result["images_missing"] or result["rows_lost"] or result["broken"]
    return not lost and (gate is None or percent < float(str(gate)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--busy", type=int, default=5, help="processes that only burn (default %(default)s)")
    parser.add_argument("--scene", choices=("pan", "still"), default="pan", help="(default: %(default)s)")
    parser.add_argument("--cases", default=",".join(CASES), help="with commas between (default: all)")
    parser.add_argument("--publish", choices=("jpeg", "raw"), help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.publish is not None:
        publish(options.publish, options.seconds, options.scene)
        return 0
    # Tests have their own domain: another program's images would be counted here.
    ENVIRONMENT["ROS_DOMAIN_ID"] = os.environ.get("ROS_DOMAIN_ID", "49")
    burners = [multiprocessing.Process(target=burn, daemon=True) for _ in range(options.busy)]
    for burner in burners:
        burner.start()
    results = []
    try:
        for case in options.cases.split(","):
            with tempfile.TemporaryDirectory() as folder:
                results.append(measure(Path(folder), case, options.seconds, options.scene))
            if not options.json:
                Console().print_json(json.dumps(results[-1]))
    finally:
        for burner in burners:
            burner.kill()
            burner.join()
    if options.json:
        sys.stdout.write(json.dumps(results) + "\n")
    return 0 if all(kept(result) for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
