"""Forward kinematics of one row of BVH channel values, for streams: all rotations at once, then one walk down."""

from __future__ import annotations

import numpy as np

from ...types import SIDES, Array, Side
from ..readers.axes import wrist_rotation
from ..readers.bvh_hierarchy import Joint
from ..readers.bvh_skeleton import Skeleton
from .body import INDEX, T_POSE_WRIST, BodySample, empty_sample

_CROSS = np.zeros((4, 3, 3))
"""The matrix whose product is the cross product with x, y, z; the fourth turns nothing."""
for _axis in range(3):
    _CROSS[_axis, (_axis + 1) % 3, (_axis + 2) % 3], _CROSS[_axis, (_axis + 2) % 3, (_axis + 1) % 3] = -1.0, 1.0


class BvhChain:
    """The joints of a skeleton that an operator needs; ``sample`` places them by a row of channel values."""

    def __init__(self, joints: tuple[Joint, ...]) -> None:
        self.skeleton = Skeleton(joints)
        self.width = sum(len(joint.channels) for joint in joints)
        self._needed = self.skeleton.needed()
        row_of = {joint: row for row, joint in enumerate(self._needed)}
        self._parents = [row_of.get(joints[k].parent, -1) for k in self._needed]
        self._offset = np.array([joints[k].offset for k in self._needed])
        self._places = np.array([_columns(joints[k], "position", in_order=False) for k in self._needed])
        self._turns = np.array([_columns(joints[k], "rotation", in_order=True) for k in self._needed])
        self._axes = np.array([_rotation_axes(joints[k]) for k in self._needed])
        parts = self._part_rows(joints, row_of)
        self._part_index = [INDEX[part] for part in parts]
        self._part_rows_of = [row for row, _ in parts.values()]
        self._part_offset = np.array([offset for _, offset in parts.values()])
        self._head = None if self.skeleton.head is None else row_of[self.skeleton.head]
        self._hands = {
            INDEX[f"{side}_hand"]: (row_of[wrist], self._hand_turn(side))
            for side, wrist in self.skeleton.wrists.items()
        }

    def sample(self, values: Array) -> BodySample:
        """The body (in the skeleton's unit) for channel values (width,), rotations in degrees."""
        T = self._forward(np.append(values, 0.0))
        W = self.skeleton.world_from_rest
        result = empty_sample()
        own = T[self._part_rows_of]
        places = own[:, :3, 3] + np.einsum("nij,nj->ni", own[:, :3, :3], self._part_offset)
        result.place[self._part_index] = places @ W.T
        if self._head is not None:
            result.turn[0] = W @ T[self._head, :3, :3] @ W.T
        for index, (row, rest) in self._hands.items():
            result.turn[index] = W @ T[row, :3, :3] @ rest
        return result

    def _hand_turn(self, side: Side) -> Array:
        """From our T-pose to the hand's joint at rest, so that the turn of a hand gives its wrist frame."""
        along, thumb = self.skeleton.hand_axes(side)
        return wrist_rotation(along, thumb, side) @ T_POSE_WRIST[side].T

    def _forward(self, values: Array) -> Array:
        """T (n, 4, 4) of the needed joints in the skeleton's axes; the last value stands for a missing channel."""
        angles = np.deg2rad(values[self._turns])[..., None, None]
        cross = _CROSS[self._axes]
        steps = np.eye(3) + np.sin(angles) * cross + (1.0 - np.cos(angles)) * (cross @ cross)
        T = np.zeros((len(self._needed), 4, 4))
        T[:, :3, :3] = steps[:, 0] @ steps[:, 1] @ steps[:, 2]
        T[:, 3, 3] = 1.0
        moved = values[self._places]
        given = np.any(moved != 0.0, axis=1) | (np.array(self._parents) < 0)
        stated = self._places != len(values) - 1
        T[:, :3, 3] = np.where(given[:, None] & stated, moved, self._offset)
        for row, parent in enumerate(self._parents):
            if parent >= 0:
                T[row] = T[parent] @ T[row]
        return T

    def _part_rows(self, joints: tuple[Joint, ...], row_of: dict[int, int]) -> dict[str, tuple[int, Array]]:
        """For each part of the body its joint's row and an offset in that joint's frame."""
        here = np.zeros(3)
        skeleton = self.skeleton
        parts = {} if skeleton.head is None else {"head": (row_of[skeleton.head], here)}
        for side, wrist in skeleton.wrists.items():
            parts[f"{side}_hand"] = row_of[wrist], here
            shoulder = skeleton.shoulders.get(side)
            if shoulder is not None:
                parts[f"{side}_upper_arm"] = row_of[shoulder], here
                elbow = skeleton.elbow(side)
                if elbow is not None:
                    parts[f"{side}_forearm"] = row_of[elbow], here
            for name, (joint, offset) in zip(_POINTS[side], skeleton.fingers[side] or (), strict=False):
                parts[name] = row_of[joint], offset
        return parts


_POINTS = {side: [name for name in INDEX if name.startswith(side)][3:] for side in SIDES}


def _columns(joint: Joint, kind: str, in_order: bool) -> list[int]:
    """Three columns of the values: in the file's order, or x, y, z; -1 where the joint has no such channel."""
    columns = {name[0]: joint.first_channel + k for k, name in enumerate(joint.channels) if name.endswith(kind)}
    ordered = list(columns.values()) if in_order else [columns.get(axis, -1) for axis in "XYZ"]
    return [*ordered, -1, -1, -1][:3]


def _rotation_axes(joint: Joint) -> list[int]:
    axes = ["XYZ".index(name[0]) for name in joint.channels if name.endswith("rotation")]
    return [*axes, 3, 3, 3][:3]
