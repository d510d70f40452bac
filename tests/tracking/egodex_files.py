"""EgoDex files with known motion, written with the real h5py: joints in a y-up world, a camera that looks along +z."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.tracking.readers.axes import WORLD_FROM_Y_UP
from rove_teleop.tracking.readers.egodex import POINTS
from rove_teleop.types import SIDES, Array, Side

Y_UP_FROM_WORLD = WORLD_FROM_Y_UP.T
R_HEAD_CAMERA = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def wrist_path(side: Side, frames: int) -> Array:
    """T_world_wrist (frames, 4, 4): forward of the person, on their side, moving forward by 1 mm per frame."""
    T_world_wrist = np.tile(np.eye(4), (frames, 1, 1))
    T_world_wrist[:, :3, 3] = [0.35, 0.2 if side == "left" else -0.2, 1.0]
    T_world_wrist[:, 0, 3] += 1e-3 * np.arange(frames)
    return T_world_wrist


def joints(frames: int = 40, curl: float = 0.3) -> dict[str, Array]:
    """Transforms (frames, 4, 4) by name, as the file has them."""
    found = {"camera": np.tile(np.eye(4), (frames, 1, 1))}
    found["camera"][:, :3, :3] = Y_UP_FROM_WORLD @ R_HEAD_CAMERA
    found["camera"][:, :3, 3] = Y_UP_FROM_WORLD @ [0.0, 0.0, 1.5]
    for side in SIDES:
        path, points_m = wrist_path(side, frames), hand_points(side, curl)
        for name, point in zip(POINTS, points_m, strict=True):
            found[f"{side}{name}"] = _placed(path[:, :3, 3] + point)
        shoulder_m = np.array([0.0, path[0, 1, 3], 1.3])
        found[f"{side}Arm"] = _placed(np.tile(shoulder_m, (frames, 1)))
        found[f"{side}Forearm"] = _placed((shoulder_m + path[:, :3, 3]) / 2)
    return found


def write(path: Path, transforms: dict[str, Array], confidence: dict[str, Array] | None = None, **said: str) -> Path:
    """An EgoDex file at ``path``."""
    import h5py

    with h5py.File(path, "w") as file:
        for name, poses in transforms.items():
            file[f"transforms/{name}"] = poses.astype(np.float32)
        for name, values in (confidence or {}).items():
            file[f"confidences/{name}"] = values.astype(np.float32)
        file["camera/intrinsic"] = np.eye(3, dtype=np.float32)
        file.attrs.update(said)
    return path


def _placed(world_m: Array) -> Array:
    poses = np.tile(np.eye(4), (len(world_m), 1, 1))
    poses[:, :3, 3] = world_m @ WORLD_FROM_Y_UP
    return poses
