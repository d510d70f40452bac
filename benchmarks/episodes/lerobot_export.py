"""Frames per second of our LeRobot export and of LeRobot 0.4.4's own writer, same data, same run.

Ours is timed from the sealed episodes on (reading, checksums, statistics, sync); LeRobot's writer gets the finished
columns for free and is timed from ``add_frame`` to ``finalize``. Run with .cache/peers-data (make bench-episodes).
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import simplejpeg
import torch

from rove_teleop.episodes.layout import control_dtype
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.exchange.frames import Choice, chosen_frames
from rove_teleop.exchange.images import Images
from rove_teleop.exchange.lerobot_columns import columns_of, features_of, task_of
from rove_teleop.exchange.lerobot_export import export_dataset
from rove_teleop.exchange.lerobot_images import decoded
from rove_teleop.exchange.lerobot_layout import BOOKKEEPING, video_feature

# torchvision's wheel is built for CUDA; LeRobot needs none of its operators, but importing it registers two.
_LIBRARY = torch.library.Library("torchvision", "DEF")
_LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
_LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402

FPS, CONTROL_HZ, JOINTS, ROUNDS, GATE = 50, 250, 50, 3, 20.0
HEIGHT, WIDTH = 480, 640


def record(root: Path, episodes: int, seconds: float, camera: bool) -> None:
    """Episodes of 50 joints on smooth random paths, at the control rate; one camera at 30 Hz."""
    rng = np.random.default_rng(0)
    names = [f"joint_{k}" for k in range(JOINTS)]
    ticks = int(seconds * CONTROL_HZ)
    for number in range(episodes):
        rows = np.zeros(ticks, control_dtype(JOINTS, 1))
        rows["tick"], rows["stamp_s"] = np.arange(ticks), 100.0 + np.arange(ticks) / CONTROL_HZ
        for name in ("q_measured_rad", "q_policy_rad", "q_target_rad", "q_sent_rad"):
            rows[name] = np.cumsum(rng.normal(0.0, 1e-3, (ticks, JOINTS)), axis=0)
        rows["authority"] = 1
        attributes = {"joint_names": names, "groups": {"all": names}, "control_hz": CONTROL_HZ, "task": "bench"}
        recording = EpisodeRecording(root, attributes | {"cameras": ["ego"] if camera else []}, min_free_bytes=0)
        for row in rows:
            recording.control_row(row)
        for k in range(int(seconds * 30) if camera else 0):
            recording.frame("ego", picture(rng, k), k / 30.0, 99.99 + k / 30.0, k)
        recording.seal("success" if number % 2 else "failure")


def picture(rng: np.random.Generator, k: int) -> bytes:
    """A moving gradient with a little noise, as a camera's JPEG."""
    ramp = (np.add.outer(np.arange(HEIGHT), 2 * np.arange(WIDTH)) // 4 + k) % 256
    noisy = np.clip(ramp[..., None] + rng.normal(0.0, 2.0, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)
    return simplejpeg.encode_jpeg(noisy, quality=85)


def ours(root: Path, out: Path) -> tuple[int, float, float]:
    """Frames, wall seconds and CPU seconds of our export."""
    began, cpu = time.perf_counter(), time.process_time()
    report = export_dataset(root, out, Choice(fps=FPS))
    return report.frames, time.perf_counter() - began, time.process_time() - cpu


def theirs(root: Path, out: Path, **how: object) -> tuple[int, float, float]:
    """The same of LeRobot's writer; ``how`` it makes videos goes to ``LeRobotDataset.create``."""
    chosen = list(chosen_frames(root, Choice(fps=FPS)))
    features = {name: item for name, item in features_of(chosen[0].episode).items() if name not in BOOKKEEPING}
    cameras = list(chosen[0].image)
    features |= {f"observation.images.{name}": video_feature(HEIGHT, WIDTH, FPS) for name in cameras}
    features = {name: {**item, "shape": tuple(item["shape"])} for name, item in features.items()}
    wall = cpu = 0.0
    frames = 0
    began, began_cpu = time.perf_counter(), time.process_time()
    dataset = LeRobotDataset.create("bench/theirs", FPS, features, root=out, use_videos=True, **how)
    wall, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    for item in chosen:
        listed = lerobot_frames(item)
        began, began_cpu = time.perf_counter(), time.process_time()
        for frame in listed:
            dataset.add_frame(frame)
        dataset.save_episode()
        wall, cpu = wall + time.perf_counter() - began, cpu + time.process_time() - began_cpu
        frames += len(listed)
    began, began_cpu = time.perf_counter(), time.process_time()
    dataset.finalize()
    return frames, wall + time.perf_counter() - began, cpu + time.process_time() - began_cpu


def lerobot_frames(frames) -> list[dict]:
    """An episode as the dictionaries that ``add_frame`` takes."""
    count = len(frames.row)
    columns = {k: [v] * count if isinstance(v, str) else v for k, v in columns_of(frames).items()}
    for name in frames.image:
        images = decoded(Images(frames.episode, name), frames.image[name], (HEIGHT, WIDTH))
        columns[f"observation.images.{name}"] = list(images)
    scalar = {name for name, item in features_of(frames.episode).items() if item["shape"] == [1]} - set(BOOKKEEPING)
    task = task_of(frames.episode)
    listed = []
    for i in range(count):
        values = {name: column[i] for name, column in columns.items()}
        values |= {name: np.atleast_1d(values[name]) for name in scalar if not isinstance(values[name], str)}
        listed.append(values | {"task": task})
    return listed


def compare(name: str, episodes: int, seconds: float, camera: bool, rounds: int, **how: object) -> float:
    """Print medians of both and return how many times more frames per second ours writes."""
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder, "dataset"), Path(folder, "out")
        record(root, episodes, seconds, camera)
        rates: dict[str, list[tuple[float, float]]] = {"ours": [], "LeRobot": []}
        for _ in range(rounds):
            for who in rates:
                frames, wall, cpu = ours(root, out) if who == "ours" else theirs(root, out, **how)
                rates[who].append((frames / wall, frames / cpu))
                shutil.rmtree(out)
        middle = {
            who: [statistics.median(column) for column in zip(*values, strict=True)] for who, values in rates.items()
        }
    wall, cpu = (a / b for a, b in zip(middle["ours"], middle["LeRobot"], strict=True))
    print(f"{name}, {frames} frames, medians of {rounds} rounds")
    for who, (per_wall, per_cpu) in middle.items():
        print(f"  {who:8} {per_wall:10.0f} frames/s   {per_cpu:10.0f} frames per CPU second")
    print(f"  ratio    {wall:10.1f} wall         {cpu:10.1f} CPU")
    return wall


def main() -> None:
    ratio = compare("joints only", 4, 30.0, False, ROUNDS)
    fastest = {"vcodec": "h264", "streaming_encoding": True}
    compare("one camera, LeRobot at its fastest (H.264 while adding)", 2, 3.0, True, ROUNDS, **fastest)
    compare("one camera, LeRobot as it comes (PNG files, then AV1)", 1, 2.0, True, 1)
    print(f"gate: {ratio:.1f} >= {GATE:.0f}: {'kept' if ratio >= GATE else 'MISSED'}")
    raise SystemExit(ratio < GATE)


if __name__ == "__main__":
    main()
