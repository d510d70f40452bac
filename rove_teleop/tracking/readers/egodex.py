"""EgoDex HDF5: both hands, the arms and the head of a person with a headset, 30 times a second.

Layout (arXiv 2505.11709): ``transforms/<joint>`` (n, 4, 4) in a y-up world at rest, ``confidences/<joint>`` (n,) where
there are any; the joints have ARKit's names, ``camera`` looks along +z with +y down. Only positions are read of hands:
our wrist frame is built from them, so that nothing depends on how a device turns its joints.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import MissingDependency, MotionFileInvalid
from ...types import SIDES, Array, Side
from ..motion import HandTrack, Recording
from .axes import WORLD_FROM_Y_UP, facing, in_wrist_frame, transforms, wrist_from_points

MAGIC = b"\x89HDF\r\n\x1a\n"
RATE_HZ = 30.0
MINIMUM_CONFIDENCE = 0.2
"""Below this the headset is guessing; such a hand counts as lost."""
THUMB = ("ThumbKnuckle", "ThumbIntermediateBase", "ThumbIntermediateTip", "ThumbTip")
FINGER = ("Knuckle", "IntermediateBase", "IntermediateTip", "Tip")
POINTS = ("Hand", *THUMB, *(f"{name}Finger{part}" for name in ("Index", "Middle", "Ring", "Little") for part in FINGER))
"""What follows ``left`` or ``right`` in the name of a joint, in the order of ``HAND_POINTS``."""
R_CAMERA_HEAD: Array = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""Columns are our head's axes (forward, left, up) in a camera that looks along +z with +y down."""


def read(path: Path, content: bytes) -> Recording:
    """Wrists, finger points, elbows and head, turned so that where the head first looks is forward.

    Raises:
        MotionFileInvalid: damaged, or without the joints of either hand.
        MissingDependency: h5py is not installed.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise MissingDependency("EgoDex files need h5py: pip install 'rove_teleop[egodex]'") from error
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            joints = {name: _poses(path, file, name) for name in file["transforms"]}
            certain = {
                name: np.asarray(file[f"confidences/{name}"], np.float64) for name in file.get("confidences", ())
            }
    except (OSError, RuntimeError, KeyError) as error:
        raise MotionFileInvalid(f"{path}: is not an EgoDex recording ({error})") from error
    counts = {len(poses) for poses in joints.values()} | {len(values) for values in certain.values()}
    if len(counts) != 1:
        raise MotionFileInvalid(f"{path}: its joints have different numbers of frames ({sorted(counts)})")
    return _recording(joints, certain, counts.pop())


def words(content: bytes) -> dict[str, str]:
    """What the file says of its task: ``task`` and ``description``, empty where it says nothing.

    Raises:
        MissingDependency: h5py is not installed.
    """
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        said = {name: _text(file.attrs.get(name, "")) for name in ("task", "llm_description", "llm_description2")}
        second = _text(file.attrs.get("which_llm_description", "1")) == "2" and said["llm_description2"]
    return {"task": said["task"], "description": said["llm_description2"] if second else said["llm_description"]}


def _poses(path: Path, file: Any, name: str) -> Array:
    poses = np.asarray(file[f"transforms/{name}"], np.float64)
    if poses.ndim != 3 or poses.shape[1:] != (4, 4):
        raise MotionFileInvalid(f"{path}: transforms/{name} has shape {poses.shape}, not (frames, 4, 4)")
    return poses


def _recording(joints: Mapping[str, Array], certain: Mapping[str, Array], frames: int) -> Recording:
    head = joints.get("camera")
    turn = WORLD_FROM_Y_UP if head is None else facing(WORLD_FROM_Y_UP @ head[0, :3, 2]) @ WORLD_FROM_Y_UP
    hands = {side: _hand(side, joints, certain, turn) for side in SIDES}
    shoulders = {side: place for side in SIDES if (place := _middle(joints, f"{side}Arm", turn)) is not None}
    return Recording(
        np.arange(frames) / RATE_HZ,
        {side: hand for side, hand in hands.items() if hand is not None},
        None if head is None else transforms(turn @ head[:, :3, :3] @ R_CAMERA_HEAD, head[:, :3, 3] @ turn.T),
        arm_length_m=_arm_length_m(joints),
        shoulder_m=shoulders,
        notes=(f"hands with a confidence below {MINIMUM_CONFIDENCE:g} count as lost",) if certain else (),
    )


def _hand(side: Side, joints: Mapping[str, Array], certain: Mapping[str, Array], turn: Array) -> HandTrack | None:
    names = [f"{side}{part}" for part in POINTS]
    if any(name not in joints for name in names):
        return None
    points_m = np.stack([joints[name][:, :3, 3] for name in names], axis=1) @ turn.T
    if names[0] in certain:
        points_m[~(certain[names[0]] >= MINIMUM_CONFIDENCE)] = np.nan
    rotation = wrist_from_points(points_m, side)
    elbow = joints.get(f"{side}Forearm")
    return HandTrack(
        transforms(rotation, points_m[:, 0]),
        in_wrist_frame(points_m, rotation, points_m[:, 0]),
        None if elbow is None else elbow[:, :3, 3] @ turn.T,
    )


def _middle(joints: Mapping[str, Array], name: str, turn: Array) -> Array | None:
    if name not in joints:
        return None
    place: Array = turn @ np.median(joints[name][:, :3, 3], axis=0)
    return place


def _arm_length_m(joints: Mapping[str, Array]) -> float | None:
    """Shoulder to elbow to wrist, the longer arm; None where the file has no arms."""
    found = []
    for side in SIDES:
        chain = [joints.get(f"{side}{part}") for part in ("Arm", "Forearm", "Hand")]
        places = [poses[:, :3, 3] for poses in chain if poses is not None]
        if len(places) == len(chain):
            bones = [np.median(np.linalg.norm(b - a, axis=1)) for a, b in pairwise(places)]
            found.append(float(sum(bones)))
    return max(found, default=None) if all(np.isfinite(found)) else None


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
