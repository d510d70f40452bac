"""What an episode's end costs: ours sealed and synced, beside LeRobot 0.4.4 and diffusion_policy's buffer on disk.

    OMP_NUM_THREADS=1 .cache/peers-data/bin/python benchmarks/episodes/save.py       (make bench-episodes)

1500 ticks of 50 joints, eleven arrays each, no camera. Timed is what happens once the last tick is there: our ``seal``
(checksums, sync, rename), LeRobot's ``save_episode``, and what ``ReplayBuffer.add_episode`` does: resize every array,
write its end, append to ``episode_ends``. Ours is on the disk afterwards, theirs are in the page cache.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import torch
import zarr

from rove_teleop.episodes.layout import control_dtype
from rove_teleop.episodes.record.recording import EpisodeRecording

# torchvision's wheel is built for CUDA; LeRobot needs none of its operators, but importing it registers two.
_LIBRARY = torch.library.Library("torchvision", "DEF")
_LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
_LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402

TICKS, JOINTS, ROUNDS = 1500, 50, 7
GATES = {"LeRobot": 100.0, "diffusion_policy": 3.0}
KEYS = tuple(f"key_{k}" for k in range(11))
# diffusion_policy aims at 2 MB per chunk, along time.
CHUNK = 2_000_000 // (JOINTS * 8)


def values() -> dict[str, np.ndarray]:
    """Eleven arrays (ticks, joints) of smooth random paths."""
    rng = np.random.default_rng(0)
    return {key: np.cumsum(rng.normal(0.0, 1e-3, (TICKS, JOINTS)), axis=0) for key in KEYS}


def ours(root: Path) -> Callable[[], Callable[[], object]]:
    """Records an episode; the call that comes back seals it."""
    names = [f"joint_{k}" for k in range(JOINTS)]
    attributes = {"joint_names": names, "groups": {"all": names}, "control_hz": 50.0}
    rows = np.zeros(TICKS, control_dtype(JOINTS, 1))
    rows["tick"], rows["stamp_s"] = np.arange(TICKS), np.arange(TICKS) / 50.0
    for name, array in zip(
        ("q_measured_rad", "q_policy_rad", "q_target_rad", "q_sent_rad"), values().values(), strict=False
    ):
        rows[name] = array

    def record() -> Callable[[], object]:
        recording = EpisodeRecording(root, attributes)
        for row in rows:
            recording.control_row(row)
        while recording.unsynced_bytes:
            time.sleep(0.02)
        return lambda: recording.seal("success")

    return record


def lerobot(root: Path) -> Callable[[], Callable[[], object]]:
    """The same for LeRobot."""
    features = {key: {"dtype": "float32", "shape": (JOINTS,), "names": None} for key in KEYS}
    dataset = LeRobotDataset.create("bench/save", 50, features, root=root, use_videos=False)
    arrays = {key: array.astype(np.float32) for key, array in values().items()}

    def record() -> Callable[[], object]:
        for k in range(TICKS):
            dataset.add_frame({key: array[k] for key, array in arrays.items()} | {"task": "bench"})
        return dataset.save_episode

    return record


def diffusion_policy(root: Path) -> Callable[[], Callable[[], object]]:
    """The same for a replay buffer on disk."""
    group = zarr.open_group(root, mode="w", zarr_format=2)
    kept = {
        key: group.create_array(f"data/{key}", shape=(0, JOINTS), chunks=(CHUNK, JOINTS), dtype="f8") for key in KEYS
    }
    ends = group.create_array("meta/episode_ends", shape=(0,), chunks=(1024,), dtype="i8")
    arrays = values()

    def save() -> None:
        before = kept[KEYS[0]].shape[0]
        for key, array in kept.items():
            array.resize((before + TICKS, JOINTS))
            array[before:] = arrays[key]
        ends.resize((ends.shape[0] + 1,))
        ends[-1] = before + TICKS

    return lambda: save


def main() -> int:
    took_ms: dict[str, list[float]] = {"ours": [], "LeRobot": [], "diffusion_policy": []}
    with tempfile.TemporaryDirectory(dir=".") as folder:
        makers = {"ours": ours, "LeRobot": lerobot, "diffusion_policy": diffusion_policy}
        recorders = {name: make(Path(folder) / name) for name, make in makers.items()}
        for _ in range(ROUNDS):
            for name, record in recorders.items():
                save = record()
                begin_s = time.perf_counter()
                save()
                took_ms[name].append(1e3 * (time.perf_counter() - begin_s))
    middle = {name: statistics.median(taken) for name, taken in took_ms.items()}
    print(f"end of an episode of {TICKS} ticks, medians of {ROUNDS} rounds; load {os.getloadavg()[0]:.1f}")
    for name, median_ms in middle.items():
        print(
            f"  {name:18}{median_ms:9.1f} ms   worst {max(took_ms[name]):9.1f} ms   {median_ms / middle['ours']:8.1f}x"
        )
    missed = [name for name, gate in GATES.items() if not middle[name] / middle["ours"] >= gate]
    print(f"gates {GATES}: {'missed by ' + ', '.join(missed) if missed else 'kept'}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
