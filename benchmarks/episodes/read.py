"""Training windows per second: our flat cache beside LeRobot 0.4.4, diffusion_policy in RAM, zarr, tensorstore.

The same recording (50 joints, 250 Hz, read at 50 Hz), the same windows, the same process. Engines take turns, batch by
batch, with a pause before each; a figure is the median over batches, a ratio the median of the rounds' ratios, and CPU
is what all threads of the process used.

    joints: seven keys over 17 steps, as tensors
    chunk:  the measured joints at start and end, 16 targets with phase and authority
    images: three cameras 640x480 and 16 targets, uint8 and float32 in [0, 1]; ours once decoding JPEG on all cores,
            once with the images kept decoded beside the cache, which is what the gate asks of

diffusion_policy is its published sampling on numpy arrays in RAM: slices of one float32 array per key, collated by the
faster of numpy and PyTorch. All else is the real library; LeRobot's own writer makes its files, in its own codec. Only
windows without padding are drawn. `read.py joints` or `read.py images` runs one half. Run with .cache/peers-data.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import simplejpeg
import tensorstore
import torch
import zarr

from rove_teleop.episode_dataset import EpisodeDataset
from rove_teleop.episodes.dataset import Dataset
from rove_teleop.episodes.layout import control_dtype
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.recording import EpisodeRecording

# torchvision's wheel is built for CUDA; LeRobot needs none of its operators, but importing it registers two.
_LIBRARY = torch.library.Library("torchvision", "DEF")
_LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
_LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402

JOINTS, CONTROL_HZ, RATE_HZ, H = 50, 250, 50, 16
RATIO = CONTROL_HZ // RATE_HZ
JOINT_KEYS = ("q_measured_rad", "dq_measured_rad_s", "q_policy_rad", "q_target_rad", "q_sent_rad")
KEYS = (*JOINT_KEYS, "phase", "authority")
WORKLOADS = {
    "joints": {key: range(H + 1) for key in KEYS},
    "chunk": {"q_measured_rad": (0, H), **{key: range(H) for key in ("q_target_rad", "phase", "authority")}},
}
CAMERAS = ("ego", "left_wrist", "right_wrist")
ROUNDS, BATCHES, PAUSE_S = 5, 12, 0.003
GATES = {"LeRobot": 1000.0, "diffusion_policy, RAM": 1.3}
IMAGE_GATES = {"float32": 5.0, "uint8": 8.0}

Read = Callable[[np.ndarray], object]


def record(root: Path, episodes: int, seconds: float, cameras: tuple[str, ...] = ()) -> None:
    """Smooth random paths of all joints; images at 30 Hz."""
    rng = np.random.default_rng(0)
    still = scene(rng)
    names = [f"joint_{k}" for k in range(JOINTS)]
    ticks = int(seconds * CONTROL_HZ)
    for _ in range(episodes):
        rows = np.zeros(ticks, control_dtype(JOINTS, 1))
        rows["tick"], rows["stamp_s"] = np.arange(ticks), 100.0 + np.arange(ticks) / CONTROL_HZ
        for name in JOINT_KEYS:
            rows[name] = np.cumsum(rng.normal(0.0, 1e-3, (ticks, JOINTS)), axis=0)
        rows["authority"], rows["phase"] = 1, np.arange(ticks) > ticks // 2
        attributes = {
            "joint_names": names,
            "groups": {"all": names},
            "control_hz": CONTROL_HZ,
            "cameras": list(cameras),
        }
        recording = EpisodeRecording(root, attributes, min_free_bytes=0)
        for row in rows:
            recording.control_row(row.tobytes())
        for k in range(int(seconds * 30) if cameras else 0):
            for shift, camera in enumerate(cameras):
                recording.frame(camera, picture(still, rng, k + 40 * shift), k / 30.0, 99.99 + k / 30.0, k)
        recording.seal("success")


def scene(rng: np.random.Generator) -> np.ndarray:
    """A still picture whose detail falls off with fineness, as in photographs; larger than an image."""
    fineness = np.hypot(np.fft.fftfreq(600)[:, None], np.fft.fftfreq(1000)[None])
    strength = np.maximum(fineness, 1e-3) ** -1.5

    def texture() -> np.ndarray:
        waves = strength * np.exp(2j * np.pi * rng.random(strength.shape))
        field = np.fft.ifft2(waves).real
        return field / field.std()

    grey = texture()
    return np.stack([128.0 + 40.0 * grey + 12.0 * texture() for _ in range(3)], axis=-1)


def picture(still: np.ndarray, rng: np.random.Generator, k: int) -> bytes:
    """What a camera that pans over the still would send: a crop with a little noise, as JPEG."""
    crop = still[40 : 40 + 480, k % 300 : k % 300 + 640]
    noisy = np.clip(crop + rng.normal(0.0, 2.0, crop.shape), 0, 255).astype(np.uint8)
    return simplejpeg.encode_jpeg(noisy, quality=85)


def joints_of(root: Path) -> list[dict[str, np.ndarray]]:
    """Every episode's keys at the training rate, float32, in RAM."""
    return [
        {key: episode[f"control/{key}"][::RATIO].astype("f4" if key in JOINT_KEYS else "u1") for key in KEYS}
        for episode in map(open_episode, Dataset.open(root).episodes())
    ]


def diffusion_policy(episodes: list[dict[str, np.ndarray]], offsets: Mapping[str, object], collate: Callable) -> Read:
    """Its ReplayBuffer and SequenceSampler: one array per key, a slice per key and window, items collated."""
    arrays = {key: np.concatenate([episode[key] for episode in episodes]) for key in offsets}
    length = len(next(iter(offsets.values()))) if len(set(map(len, offsets.values()))) == 1 else H + 1

    def read(start: np.ndarray) -> object:
        items = [
            {key: torch.from_numpy(array[at : at + length]) for key, array in arrays.items()} for at in start.tolist()
        ]
        return collate(items)

    return read


def numpy_collate(items: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(np.stack([item[key].numpy() for item in items])) for key in items[0]}


def zarr_python(root: Path, offsets: Mapping[str, object], steps: int) -> Read:
    groups = [zarr.open_group(path, mode="r") for path in Dataset.open(root).episodes()]
    arrays = [{key: group[f"control/{key}"] for key in offsets} for group in groups]

    def read(start: np.ndarray) -> object:
        windows = []
        for episode, at in zip(*np.divmod(start, steps), strict=True):
            row = int(at) * RATIO
            windows.append({key: array[row : row + (H + 1) * RATIO : RATIO] for key, array in arrays[episode].items()})
        return windows

    return read


def tensorstores(root: Path, offsets: Mapping[str, object], steps: int) -> Read:
    """The sealed files, all kept in tensorstore's cache; a batch is asked for at once."""
    context = tensorstore.Context({"cache_pool": {"total_bytes_limit": 4 << 30}})
    arrays = [
        {key: tensorstore.open(_spec(path / "control" / key), context=context, open=True).result() for key in offsets}
        for path in Dataset.open(root).episodes()
    ]

    def read(start: np.ndarray) -> object:
        waiting = []
        for episode, at in zip(*np.divmod(start, steps), strict=True):
            row = int(at) * RATIO
            rows = slice(row, row + (H + 1) * RATIO, RATIO)
            waiting.append({key: array[rows].read() for key, array in arrays[episode].items()})
        return [{key: item.result() for key, item in window.items()} for window in waiting]

    return read


def _spec(path: Path) -> dict:
    return {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path}/"}}


def lerobot(root: Path, folder: Path, episodes: int, offsets: Mapping[str, object], cameras: tuple[str, ...]) -> Read:
    """A LeRobotDataset of the first episodes made by its own writer (videos in its own codec); windows by ``ds[i]``."""
    fps = 30 if cameras else RATE_HZ
    features = {
        key: {"dtype": "float32", "shape": (JOINTS if key in JOINT_KEYS else 1,), "names": None} for key in offsets
    }
    images = {f"observation.images.{name}": name for name in cameras}
    features |= {key: {"dtype": "video", "shape": (480, 640, 3), "names": ["h", "w", "c"]} for key in images}
    writer = LeRobotDataset.create("bench/read", fps, features, root=folder, streaming_encoding=bool(cameras))
    for episode in map(open_episode, Dataset.open(root).episodes()[:episodes]):
        count = len(episode["cameras/ego/offset"]) if cameras else len(episode["control/tick"]) // RATIO
        row = (np.arange(count) * CONTROL_HZ) // fps
        columns = {key: np.atleast_2d(episode[f"control/{key}"][row].T).T.astype("f4") for key in offsets}
        for k in range(count):
            frame = {key: column[k] for key, column in columns.items()}
            frame |= {key: simplejpeg.decode_jpeg(episode.jpeg(name, k)) for key, name in images.items()}
            writer.add_frame(frame | {"task": "bench"})
        writer.save_episode()
    writer.finalize()
    stamps = {key: [step / fps for step in steps] for key, steps in offsets.items()}
    dataset = LeRobotDataset("bench/read", root=folder, delta_timestamps=stamps)
    return lambda start: [dataset[int(at) % len(dataset)] for at in start]


def measure(engines: Mapping[str, tuple[Read, int]], starts: Callable[[int], np.ndarray]) -> dict[str, np.ndarray]:
    """Seconds per window of each engine, (rounds, 2): wall and CPU, the median over a round's batches."""
    seconds: dict[str, list[np.ndarray]] = {name: [] for name in engines}
    for read, size in engines.values():
        read(starts(size))
    for _ in range(ROUNDS):
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
        for _ in range(BATCHES):
            for name, (read, size) in engines.items():
                wanted = starts(size)
                time.sleep(PAUSE_S)
                began = time.perf_counter(), time.process_time()
                read(wanted)
                taken[name].append(((time.perf_counter() - began[0]) / size, (time.process_time() - began[1]) / size))
        for name, listed in taken.items():
            seconds[name].append(np.median(listed, axis=0))
    return {name: np.array(listed) for name, listed in seconds.items()}


def table(title: str, seconds: Mapping[str, np.ndarray], reference: str) -> dict[str, float]:
    """Print windows per second and CPU per window; return how many times faster the reference is, by the wall clock."""
    print(title)
    ratios = {}
    for name, listed in seconds.items():
        wall, cpu = np.median(listed, axis=0)
        ratio, of_cpu = np.median(listed / seconds[reference], axis=0)
        ratios[name] = float(ratio)
        figures = f"{1 / wall:10.0f} windows/s {1e6 * cpu:10.1f} us CPU"
        print(f"  {name:22}{figures}; of ours: {ratio:8.2f} wall {of_cpu:8.2f} CPU")
    return ratios


def joints(folder: Path, episodes: int, length_s: float) -> list[tuple[str, float, float]]:
    """Both workloads without images; gates as (what, ratio, least)."""
    root, steps = folder / "joints", int(length_s * RATE_HZ)
    record(root, episodes, length_s)
    loaded = joints_of(root)
    rng = np.random.default_rng(1)

    def starts(count: int) -> np.ndarray:
        return rng.integers(episodes, size=count) * steps + rng.integers(steps - H, size=count)

    kept = []
    for workload, offsets in WORKLOADS.items():
        dataset = EpisodeDataset(root, {f"control/{key}": list(at) for key, at in offsets.items()}, H, RATE_HZ)
        assert len(dataset) == episodes * steps
        engines: dict[str, tuple[Read, int]] = {
            "ours": (dataset.__getitems__, 256),
            "diffusion_policy (numpy)": (diffusion_policy(loaded, offsets, numpy_collate), 256),
            "diffusion_policy (torch)": (diffusion_policy(loaded, offsets, torch.utils.data.default_collate), 256),
            "tensorstore": (tensorstores(root, offsets, steps), 64),
            "zarr-python": (zarr_python(root, offsets, steps), 2),
            "LeRobot": (lerobot(root, folder / f"lerobot-{workload}", 3, offsets, ()), 4),
        }
        seconds = measure(engines, starts)
        two = seconds.pop("diffusion_policy (numpy)"), seconds.pop("diffusion_policy (torch)")
        seconds["diffusion_policy, RAM"] = np.minimum(*two)
        ratios = table(f"{workload}: {len(offsets)} keys, {episodes * steps} steps", seconds, "ours")
        kept += [(f"{workload} {peer}", ratios[peer], least) for peer, least in GATES.items()]
    return kept


def images(folder: Path) -> list[tuple[str, float, float]]:
    """Three cameras and a chunk of targets; gates as (what, ratio, least)."""
    root = folder / "images"
    record(root, 1, 8.0, CAMERAS)
    offsets = {"q_target_rad": range(H)}
    keys = {f"control/{key}": list(at) for key, at in offsets.items()}
    rng = np.random.default_rng(2)
    peer = lerobot(root, folder / "lerobot-images", 1, offsets, CAMERAS)
    kept = []
    for kind, least in IMAGE_GATES.items():
        engines: dict[str, tuple[Read, int]] = {"LeRobot": (peer, 4)}
        for name, keep_decoded in (("ours", False), ("ours, kept decoded", True)):
            dataset = EpisodeDataset(
                root, keys, H, RATE_HZ, cameras=CAMERAS, image_float=kind == "float32", keep_decoded=keep_decoded
            )
            engines[name] = (dataset.__getitems__, 8)
        seconds = measure(engines, lambda count: rng.integers(220, size=count))
        for name in ("ours", "ours, kept decoded"):
            ratios = table(f"three cameras, {kind}", {key: seconds[key] for key in (name, "LeRobot")}, name)
        kept.append((f"images {kind}, kept decoded", ratios["LeRobot"], least))
    return kept


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        wanted = sys.argv[1:] or ["joints", "images"]
        kept = joints(Path(folder), episodes=60, length_s=20.0) if "joints" in wanted else []
        kept += images(Path(folder)) if "images" in wanted else []
    for what, ratio, least in kept:
        print(f"gate {what:32} {ratio:9.2f} >= {least:g}: {'kept' if ratio >= least else 'MISSED'}")
    raise SystemExit(any(ratio < least for _, ratio, least in kept))


if __name__ == "__main__":
    main()
