"""BVH motion of a whole body: any skeleton whose hands are named in a common way, its unit judged by its arms.

Scale, axes and wrist frames are read off the rest pose: the file format states none of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import MotionFileInvalid
from ...types import HAND_POINTS, SIDES, Array, Side
from ..motion import HandTrack, Recording
from .axes import in_wrist_frame, transforms, turned, wrist_rotation
from .body import chest_from_world
from .bvh_parser import Clip, parse
from .bvh_skeleton import Skeleton
from .joint_names import WRIST_PARTS

PLAUSIBLE_ARM_M = (0.38, 0.75)
TYPICAL_ARM_M = 0.53
UNITS_M = {"metres": 1.0, "centimetres": 0.01, "CMU units": 0.056444, "inches": 0.0254, "millimetres": 0.001}
REFERENCE_POSE_SPEED_M_S = 15.0
"""A wrist that leaves frame 0 faster than this did not move there: frame 0 is the skeleton's reference pose."""


def read(path: Path, text: str, scale_m: float | None = None) -> Recording:
    """Wrists, head and (where the skeleton has them) finger points.

    Raises:
        MotionFileInvalid: malformed, or no joint is named like a hand.
    """
    clip = parse(path, text)
    skeleton = Skeleton(clip.joints)
    if not skeleton.wrists:
        names = ", ".join(joint.name for joint in clip.joints[:40])
        raise MotionFileInvalid(
            f"{path}: no joint is named like a left or right hand or wrist (looked for a side with "
            f"{', '.join(WRIST_PARTS)}; joints: {names})"
        )
    notes = list(clip.notes)
    scale_m = _scale(skeleton, scale_m, notes)
    clip = _without_reference_pose(clip, skeleton, scale_m, notes)
    T_file = _forward(clip, skeleton.needed(), scale_m)
    T_world = {k: turned(skeleton.world_from_rest, T) for k, T in T_file.items()}
    if skeleton.pair is not None:
        left, right = (T_world[k][:, :3, 3] for k in skeleton.pair)
        T_chest_world = chest_from_world(left, right)
        T_world = {k: T_chest_world @ T for k, T in T_world.items()}
        notes.append("seen from the chest, so that walking and turning around do not move the hands")
    hands = {side: _hand(skeleton, side, T_world, scale_m, notes) for side in skeleton.wrists}
    head = None if skeleton.head is None else T_world[skeleton.head].copy()
    if head is not None:
        head[:, :3, :3] = head[:, :3, :3] @ skeleton.world_from_rest.T  # in the rest pose the head looks along x
    arm_m = scale_m * float(np.mean([skeleton.arm_length(side) for side in skeleton.wrists]))
    stamp_s = np.arange(len(clip.values), dtype=np.float64) * clip.frame_time_s
    shoulder_m = {side: T_world[k][:, :3, 3].mean(axis=0) for side, k in skeleton.shoulders.items()}
    return Recording(stamp_s, hands, head, None, arm_m or None, shoulder_m, tuple(notes))


def _scale(skeleton: Skeleton, scale_m: float | None, notes: list[str]) -> float:
    arm = max(skeleton.arm_length(side) for side in SIDES)
    if scale_m is not None or not arm > 0.0:
        return 1.0 if scale_m is None else scale_m
    low, high = PLAUSIBLE_ARM_M
    for name, unit_m in UNITS_M.items():
        if low <= arm * unit_m <= high:
            notes.append(f"lengths taken as {name}: that makes the arm {arm * unit_m:.2f} m (the file does not say)")
            return unit_m
    notes.append(f"no usual unit makes the arm plausible: scaled to an arm of {TYPICAL_ARM_M} m")
    return TYPICAL_ARM_M / arm


def _without_reference_pose(clip: Clip, skeleton: Skeleton, scale_m: float, notes: list[str]) -> Clip:
    if len(clip.values) < 3:
        return clip
    first = Clip(clip.joints, clip.frame_time_s, clip.values[:3])
    T = _forward(first, skeleton.needed(), scale_m)
    wrists = np.array([T[k][:, :3, 3] for k in skeleton.wrists.values()])
    steps = np.linalg.norm(np.diff(wrists, axis=1), axis=2) / clip.frame_time_s
    left_it, went_on = steps.max(axis=0)
    if not (left_it > REFERENCE_POSE_SPEED_M_S and went_on < REFERENCE_POSE_SPEED_M_S):
        return clip
    notes.append("frame 0 is the skeleton's reference pose, not motion, and was dropped")
    return Clip(clip.joints, clip.frame_time_s, clip.values[1:])


def _forward(clip: Clip, wanted: list[int], scale_m: float) -> dict[int, Array]:
    """Transforms (n, 4, 4) of the wanted joints (parents first) in the file's axes, in metres."""
    T_file: dict[int, Array] = {}
    for k in wanted:
        joint = clip.joints[k]
        columns = clip.values[:, joint.first_channel : joint.first_channel + len(joint.channels)]
        rotation = np.tile(np.eye(3), (len(columns), 1, 1))
        position = np.tile(joint.offset, (len(columns), 1))
        moved = [i for i, name in enumerate(joint.channels) if name.endswith("position")]
        if moved and (joint.parent < 0 or np.any(columns[:, moved] != 0.0)):
            for i in moved:  # position channels stand in place of the offset
                position[:, "XYZ".index(joint.channels[i][0])] = columns[:, i]
        for i, name in enumerate(joint.channels):
            if name.endswith("rotation"):
                rotation = rotation @ _turn("XYZ".index(name[0]), np.deg2rad(columns[:, i]))
        local = transforms(rotation, position * scale_m)
        T_file[k] = local if joint.parent < 0 else T_file[joint.parent] @ local
    return T_file


def _turn(axis: int, angle_rad: Array) -> Array:
    """Rotations (n, 3, 3) about one axis."""
    j, k = (axis + 1) % 3, (axis + 2) % 3
    result = np.zeros((len(angle_rad), 3, 3))
    result[:, axis, axis] = 1.0
    result[:, j, j] = result[:, k, k] = np.cos(angle_rad)
    result[:, k, j] = np.sin(angle_rad)
    result[:, j, k] = -result[:, k, j]
    return result


def _hand(skeleton: Skeleton, side: Side, T_world: dict[int, Array], scale_m: float, notes: list[str]) -> HandTrack:
    T_wrist = T_world[skeleton.wrists[side]].copy()
    along, thumb = skeleton.hand_axes(side)
    T_wrist[:, :3, :3] = T_wrist[:, :3, :3] @ wrist_rotation(along, thumb, side)
    elbow = skeleton.elbow(side)
    elbow_m = None if elbow is None else T_world[elbow][:, :3, 3]
    chain = skeleton.fingers[side]
    if chain is None:
        notes.append(f"the {side} hand has no complete fingers; only its wrist is used")
        return HandTrack(T_wrist, elbow_m=elbow_m)
    points = np.zeros((len(T_wrist), len(HAND_POINTS), 3))
    points[:, 0] = T_wrist[:, :3, 3]
    for k, (joint, offset) in enumerate(chain, start=1):
        T = T_world[joint]
        points[:, k] = T[:, :3, 3] + T[:, :3, :3] @ (offset * scale_m)
    return HandTrack(T_wrist, in_wrist_frame(points, T_wrist[:, :3, :3], T_wrist[:, :3, 3]), elbow_m)
