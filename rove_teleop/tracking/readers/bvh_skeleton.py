"""A BVH skeleton in its rest pose (all rotations zero): where its hands, head and fingers are and how they point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ...types import HAND_POINTS, SIDES, Array, Side
from .axes import unit
from .bvh_hierarchy import Joint
from .joint_names import LATERAL_PARTS, UPPER_ARM_PARTS, WRIST_PARTS, part_of, phalanx_of, without_rig

FINGER_NAMES = ("thumb", "index", "middle", "ring", "little")
FingerPoint = tuple[int, Array]
"""A joint and an offset (3,) in its frame."""


class Skeleton:
    """Joints found by name; positions and directions of the rest pose are in the file's axes and unit."""

    def __init__(self, joints: tuple[Joint, ...]) -> None:
        self._joints = joints
        self._parts = [part_of(name) for name in without_rig([joint.name for joint in joints])]
        self.rest = np.zeros((len(joints), 3))
        for k, joint in enumerate(joints):
            self.rest[k] = joint.offset + (self.rest[joint.parent] if joint.parent >= 0 else 0.0)
        self.head = self._find(None, ("head", "neck1", "neck"))
        wrists = {side: self._find(side, WRIST_PARTS) for side in SIDES}
        self.wrists: dict[Side, int] = {side: k for side, k in wrists.items() if k is not None}
        self.fingers = {side: self._finger_points(side) for side in SIDES}
        shoulders = {side: self._shoulder(k) for side, k in self.wrists.items()}
        self.shoulders: dict[Side, int] = {side: k for side, k in shoulders.items() if k is not None}
        self.pair = self._lateral_pair()
        self.up = self._up()
        self.world_from_rest = self._world_from_rest()

    def needed(self) -> list[int]:
        """Joints whose motion is wanted, with all above them, parents first."""
        wanted: set[int] = set()
        points = [joint for points in self.fingers.values() for joint, _ in points or ()]
        head = () if self.head is None else (self.head,)
        for start in (*self.wrists.values(), *points, *head, *(self.pair or ())):
            k = start
            while k >= 0 and k not in wanted:
                wanted.add(k)
                k = self._joints[k].parent
        return sorted(wanted)

    def arm_length(self, side: Side) -> float:
        """Upper arm plus forearm in the file's unit; 0 when there is no arm."""
        k, top = self.wrists.get(side, -1), self.shoulders.get(side, -1)
        length = 0.0
        while top >= 0 and k != top:
            length += float(np.linalg.norm(self._joints[k].offset))
            k = self._joints[k].parent
        return length

    def elbow(self, side: Side) -> int | None:
        """The joint below the shoulder on the way to the wrist; None without an arm of two bones."""
        wrist, top = self.wrists.get(side, -1), self.shoulders.get(side)
        if top is None:
            return None
        k = wrist
        while self._joints[k].parent != top:
            k = self._joints[k].parent
        return None if k == wrist else k

    def forward(self, position: Mapping[int, Array]) -> Array:
        """Where the chest faces (3,) with joints at ``position``; zero when nothing tells."""
        if self.pair is None:
            return np.zeros(3)
        left, right = self.pair
        result: Array = np.cross(position[left] - position[right], self.up)
        return result

    def hand_axes(self, side: Side) -> tuple[Array, Array]:
        """Directions (3,) along the fingers and across the palm to the thumb, in the rest pose."""
        along = self._along(side)
        points = self.fingers[side]
        if points is not None:
            index, little = (self._place(points[HAND_POINTS.index(f"{name}_mcp") - 1]) for name in ("index", "little"))
            return along, index - little
        thumb = self._thumb(side)
        if float(np.linalg.norm(thumb - (thumb @ along) * along)) > 0.2 * float(np.linalg.norm(thumb)):
            return along, thumb
        forward, left, _ = self.world_from_rest  # a hand without a thumb: palm down when raised, inwards when hanging
        if abs(float(along @ forward)) < 0.7:
            return along, forward
        return along, left if side == "right" else -left

    def _find(self, side: Side | None, names: Iterable[str]) -> int | None:
        for name in names:
            for k, part in enumerate(self._parts):
                if part.side == side and part.part == name:
                    return k
        return None

    def _shoulder(self, wrist: int) -> int | None:
        """The joint at the top of the upper arm: the nearest one above the forearm that is named like it."""
        k = self._joints[wrist].parent
        while k >= 0:
            if self._parts[k].part in UPPER_ARM_PARTS:
                return k
            k = self._joints[k].parent
        return None

    def _lateral_pair(self) -> tuple[int, int] | None:
        for name in (*LATERAL_PARTS, *WRIST_PARTS):
            left, right = self._find("left", (name,)), self._find("right", (name,))
            if left is not None and right is not None and np.linalg.norm(self.rest[left] - self.rest[right]) > 1e-9:
                return left, right
        return None

    def _up(self) -> Array:
        """Unit axis of the file along which the head is above the root; y when the skeleton does not tell."""
        rise = (self.rest.mean(axis=0) if self.head is None else self.rest[self.head]) - self.rest[0]
        k = int(np.argmax(np.abs(rise))) if np.any(rise != 0.0) else 1
        axis = np.zeros(3)
        axis[k] = -1.0 if rise[k] < 0.0 else 1.0
        return axis

    def _world_from_rest(self) -> Array:
        """Rotation (3, 3) from the file's axes to x forward, y left, z up of the rest pose."""
        forward = self.forward(dict(enumerate(self.rest)))
        if not float(np.linalg.norm(forward)) > 1e-9:
            forward = np.roll(self.up, 1)
        forward = unit(forward)
        return np.stack([forward, np.cross(self.up, forward), self.up])

    def _along(self, side: Side) -> Array:
        wrist, points = self.wrists[side], self.fingers[side]
        if points is not None:
            return unit(self._place(points[HAND_POINTS.index("middle_mcp") - 1]) - self.rest[wrist])
        for k, joint in enumerate(self._joints):
            if k == wrist or (self._is_below(k, wrist) and "thumb" not in self._parts[k].part):
                end = np.zeros(3) if joint.end_offset is None else joint.end_offset
                for reach in (self.rest[k] - self.rest[wrist], self.rest[k] + end - self.rest[wrist]):
                    if float(np.linalg.norm(reach)) > 1e-9:
                        return unit(reach)
        return unit(self._joints[wrist].offset)

    def _thumb(self, side: Side) -> Array:
        wrist = self.wrists[side]
        for k in reversed(range(len(self._joints))):
            if self._is_below(k, wrist) and "thumb" in self._parts[k].part:
                end = self._joints[k].end_offset
                reach: Array = self.rest[k] - self.rest[wrist] + (0.0 if end is None else end)
                return reach
        return np.zeros(3)

    def _is_below(self, k: int, ancestor: int) -> bool:
        while k > ancestor:
            k = self._joints[k].parent
            if k == ancestor:
                return True
        return False

    def _place(self, point: FingerPoint) -> Array:
        joint, offset = point
        result: Array = self.rest[joint] + offset
        return result

    def _finger_points(self, side: Side) -> list[FingerPoint] | None:
        """Where ``HAND_POINTS[1:]`` are, or None when any of the 20 is missing."""
        found: dict[tuple[str, int], FingerPoint] = {}
        for k, part in enumerate(self._parts):
            phalanx = phalanx_of(part.part) if part.side == side else None
            if phalanx is not None:
                found.setdefault((phalanx.finger, phalanx.place), (k, np.zeros(3)))
        for (finger, place), (k, _) in list(found.items()):
            end = self._joints[k].end_offset
            if place == 3 and end is not None:
                found.setdefault((finger, 4), (k, end))
        wanted = [(finger, place) for finger in FINGER_NAMES for place in (1, 2, 3, 4)]
        return [found[key] for key in wanted] if all(key in found for key in wanted) else None
