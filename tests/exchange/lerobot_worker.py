"""Runs inside LeRobot's environment (.cache/peers-data): what the real library makes of a dataset, as an .npz file."""

import sys

import numpy as np
import torch

# torchvision's wheel is built for CUDA; LeRobot needs none of its operators, but importing it registers two.
LIBRARY = torch.library.Library("torchvision", "DEF")
LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402

STEPS = 4
STATE = {"dtype": "float32", "shape": (3,), "names": ["waist", "left", "right"]}
KEPT = {"timestamp", "frame_index", "episode_index", "index", "task_index"}


def pixels(image):
    return (image.numpy() * 255.0).round().astype(np.uint8).transpose(1, 2, 0)


def read(root, out):
    """Every item, with ``STEPS`` actions and the image before it."""
    plain = LeRobotDataset("test/ours", root=root)
    fps, cameras = plain.fps, plain.meta.camera_keys
    ahead = {"action": [k / fps for k in range(STEPS)], cameras[0]: [-1.0 / fps, 0.0]}
    dataset = LeRobotDataset("test/ours", root=root, delta_timestamps=ahead)
    items = [dataset[k] for k in range(len(dataset))]
    arrays = {key: np.stack([np.asarray(item[key]) for item in items]) for key in items[0] if key not in cameras}
    arrays[cameras[0]] = np.stack([np.stack([pixels(image) for image in item[cameras[0]]]) for item in items])
    for key in cameras[1:]:
        arrays[key] = np.stack([pixels(item[key]) for item in items])
    arrays["mean"], arrays["episodes"] = dataset.meta.stats["action"]["mean"], np.array(dataset.num_episodes)
    np.savez(out, **arrays)


def resume(root, out):
    """Record one more episode into the dataset, then read all of it."""
    dataset = LeRobotDataset("test/ours", root=root, vcodec="h264")
    first = dataset[0]
    for k in range(12):
        frame = {"task": "something new"}
        for key, item in dataset.features.items():
            if key in KEPT:
                continue
            elif key in dataset.meta.camera_keys:
                frame[key] = pixels(first[key])
            elif item["dtype"] == "string":
                frame[key] = "success"
            elif item["shape"] == (1,):
                frame[key] = np.array([k % 2], item["dtype"])
            else:
                frame[key] = np.full(item["shape"], 0.01 * k, item["dtype"])
        dataset.add_frame(frame)
    dataset.save_episode()
    dataset.finalize()
    read(root, out)


def create(root, out):
    """A dataset that LeRobot itself records: AV1 video and PNG images, its default ways."""
    shape = {"shape": (48, 64, 3), "names": ["height", "width", "channels"]}
    features = {
        "observation.state": STATE,
        "action": STATE,
        "next.success": {"dtype": "bool", "shape": (1,), "names": None},
    }
    features |= {f"observation.images.{kind}": {"dtype": kind, **shape} for kind in ("video", "image")}
    dataset = LeRobotDataset.create("test/theirs", 30, features, root=root, use_videos=True)
    pictures = np.load(out)["pictures"]
    for episode in range(2):
        for k in range(10 + episode):
            joints = np.array([0.1 * episode, 0.01 * k, -0.5], np.float32)
            picture = pictures[10 * episode + k]
            frame = {"observation.state": joints, "action": joints + np.float32(0.1), "task": f"task {episode}"}
            frame |= {"observation.images.video": picture, "observation.images.image": picture}
            dataset.add_frame(frame | {"next.success": np.array([episode == 1 and k == 10])})
        dataset.save_episode()
    dataset.finalize()


if __name__ == "__main__":
    {"read": read, "resume": resume, "create": create}[sys.argv[1]](sys.argv[2], sys.argv[3])
