"""What a NatNet server calls its skeletons, bones and rigid bodies, and which part of a person each of them is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ...types import HAND_POINTS, Side
from ..readers.joint_names import WRIST_PARTS, part_of, phalanx_of, without_rig
from .natnet_packet import Packet

MARKER_SET, RIGID_BODY, SKELETON = 0, 1, 2
MOST_ENTRIES = 10_000
"""More than any server describes: a damaged count must not keep the loop."""
_ARMS = {"uarm": "upper_arm", "arm": "upper_arm", "upperarm": "upper_arm", "hand": "hand", "wrist": "hand"}
_ARMS |= {"farm": "forearm", "forearm": "forearm", "lowerarm": "forearm"}
_HEADS = ("head", "hmd", "headset")


@dataclass(frozen=True, slots=True)
class SkeletonNames:
    """A skeleton and its bones' names by number, without what they all begin with."""

    name: str
    number: int
    bones: dict[int, str]


@dataclass(frozen=True, slots=True)
class Names:
    """Everything the server described, by number."""

    bodies: dict[int, str] = field(default_factory=dict)
    skeletons: dict[int, SkeletonNames] = field(default_factory=dict)


def read_names(packet: Packet, version: tuple[int, int]) -> Names:
    """The description message; what comes after the skeletons (plates, cameras) is not needed.

    Raises:
        PacketDamaged: it is shorter than it says.
    """
    names = Names()
    for _ in range(min(packet.take("I")[0], MOST_ENTRIES)):
        kind = packet.take("I")[0]
        size = packet.take("I")[0] if version >= (4, 1) else None
        if kind == RIGID_BODY:
            number, name = _rigid_body(packet, version)
            names.bodies[number] = name
        elif kind == SKELETON:
            skeleton = _skeleton(packet, version)
            names.skeletons[skeleton.number] = skeleton
        elif size is not None:
            packet.skip(size)
        elif kind == MARKER_SET:
            packet.text()
            for _ in range(min(packet.take("I")[0], MOST_ENTRIES)):
                packet.text()
        else:
            break
    return names


def _rigid_body(packet: Packet, version: tuple[int, int]) -> tuple[int, str]:
    name = packet.text()
    number, _parent = packet.take("ii")
    packet.skip(28 if version >= (4, 2) else 12)  # offset from the parent, since 4.2 with an orientation
    markers = packet.take("I")[0]
    packet.skip(16 * markers)
    if version >= (4, 0):
        for _ in range(min(markers, MOST_ENTRIES)):
            packet.text()
    return number, name


def _skeleton(packet: Packet, version: tuple[int, int]) -> SkeletonNames:
    name = packet.text()
    number, count = packet.take("iI")
    bones = dict(_rigid_body(packet, version) for _ in range(min(count, MOST_ENTRIES)))
    plain = without_rig(list(bones.values())) if bones else []
    return SkeletonNames(name, number, dict(zip(bones, plain, strict=True)))


def part_of_bone(name: str) -> str | None:
    """``LFArm``, ``LeftForeArm``, ``RThumb1`` → the part of ``PARTS`` that begins at this bone, or None."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    if plain in _HEADS:
        return "head"
    match = re.match(r"^(left|right|l|r)(.+)$", plain)
    if match is None:
        return None
    side: Side = "left" if match.group(1)[0] == "l" else "right"
    part = _ARMS.get(match.group(2))
    if part is not None:
        return f"{side}_{part}"
    phalanx = phalanx_of(match.group(2))
    if phalanx is None or not phalanx.place:
        return None
    points = [point for point in HAND_POINTS if point.startswith(phalanx.finger)]
    return f"{side}_{points[phalanx.place - 1]}"


def part_of_rigid_body(name: str) -> str | None:
    """``Left Hand``, ``wrist_R``, ``HMD`` → a part of ``PARTS``, or None for all that is no hand and no head."""
    known = part_of(name)
    if known.side is None:
        return "head" if known.part in _HEADS else None
    return f"{known.side}_hand" if known.part in WRIST_PARTS else None
