"""OptiTrack NatNet 3.0 to 4.x: Motive's skeletons (or rigid bodies named like hands and head), little-endian.

Layout as in the depacketization sample of OptiTrack's SDK: every message is u16 id, u16 length; from 4.1 on each list
of a frame also says its length in bytes. Skeleton coordinates must be global. Bones lie along the room in the T-pose.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...types import SIDES, Array, OperatorFrame
from .body import INDEX, BodyView, empty_sample
from .natnet_names import Names, part_of_bone, part_of_rigid_body, read_names
from .natnet_packet import Packet, PacketDamaged
from .order import StreamOrder
from .quaternions import rotations

COMMAND_PORT, DATA_PORT, MULTICAST_GROUP = 1510, 1511, "239.255.42.99"
CONNECT, SERVER_INFO, REQUEST_NAMES, NAMES, FRAME, KEEP_ALIVE = 0, 1, 4, 5, 7, 10
OTHER_MESSAGES = frozenset((2, 3, 6, 8, 9, 100))
FARTHEST_FRAMES = 100_000
OLDEST_VERSION = (3, 0)
SIZED_LISTS = (4, 1)
BODY = np.dtype([("id", "<i4"), ("place", "<f4", 3), ("xyzw", "<f4", 4), ("error", "<f4"), ("params", "<u2")])
TRACKED = 1
Up = Literal["y", "z"]
ROOM_FROM_MOTIVE: Mapping[Up, Array] = {
    "y": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "z": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}
"""Motive's axes for each setting of its up axis, as seen by a person who calibrated facing +z of the y-up room."""


class NatNetDecoder:
    """Messages of one server to frames of one skeleton, or of rigid bodies when there is no skeleton.

    Args:
        actor: the skeleton's name in Motive; None takes the first.
        up: Motive's streaming setting "Up Axis".
    """

    def __init__(self, actor: str | None = None, up: Up = "y") -> None:
        self.counts: Counter[str] = Counter()
        self.version: tuple[int, int] | None = None
        self.names: Names | None = None
        self._view = BodyView(self.counts)
        self._order = StreamOrder(wrap=1 << 32, farthest=FARTHEST_FRAMES)
        self._actor, self._room = actor, ROOM_FROM_MOTIVE[up]
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        return self._problem or self._view.problem

    def feed(self, datagram: bytes, received_s: float) -> OperatorFrame | None:
        if len(datagram) < 4:
            self.counts["not_natnet"] += 1
            return None
        kind, _ = struct.unpack_from("<HH", datagram)
        try:
            if kind == SERVER_INFO:
                self._read_version(datagram)
            elif kind == NAMES and self.version is not None:
                self.names = read_names(Packet(datagram, 4), self.version)
            elif kind == FRAME and self.version is not None:
                return self._frame(Packet(datagram, 4), received_s)
            else:
                self.counts["other_message" if kind in OTHER_MESSAGES | {NAMES, FRAME} else "not_natnet"] += 1
        except PacketDamaged:
            self.counts["damaged"] += 1
        return None

    def _read_version(self, datagram: bytes) -> None:
        packet = Packet(datagram, 4)
        packet.skip(256 + 4)
        major, minor = packet.take("BB")
        if not OLDEST_VERSION <= (major, minor) < (5, 0):
            self.counts["other_version"] += 1
            self._problem = f"the server speaks NatNet {major}.{minor}; 3.0 to 4.x are understood"
            return
        if self.version != (major, minor):
            self.version, self.names, self._problem = (major, minor), None, None

    def _frame(self, packet: Packet, received_s: float) -> OperatorFrame | None:
        number, bodies, skeletons = _read_bodies(packet, self.version or OLDEST_VERSION)
        if self.names is None:
            self.counts["before_names"] += 1
            return None
        verdict = self._order.judge(number, received_s)
        if verdict in ("duplicate", "late"):
            self.counts[verdict] += 1
            return None
        if verdict == "restart":
            self._view.restart()
        self._order.accept(number, received_s)
        self._problem = None
        if self.names.skeletons:
            return self._skeleton_frame(self.names, skeletons, received_s)
        parts = {part: k for k, name in self.names.bodies.items() if (part := part_of_rigid_body(name)) is not None}
        return self._body_frame(parts, bodies, received_s, from_chest=False)

    def _skeleton_frame(
        self, names: Names, skeletons: dict[int, NDArray[np.void]], received_s: float
    ) -> OperatorFrame | None:
        chosen = next((s for s in names.skeletons.values() if self._actor in (None, s.name)), None)
        if chosen is None:
            known = ", ".join(s.name for s in names.skeletons.values())
            self._problem = f"Motive streams no skeleton {self._actor!r} (it has {known})"
        if chosen is None or chosen.number not in skeletons:
            self.counts["no_skeleton"] += 1
            return None
        bones = skeletons[chosen.number].copy()
        bones["id"] &= 0xFFFF  # the upper half repeats the skeleton's number
        parts = {part: k for k, name in chosen.bones.items() if (part := part_of_bone(name)) is not None}
        return self._body_frame(parts, bones, received_s, from_chest=True)

    def _body_frame(
        self, parts: dict[str, int], bodies: NDArray[np.void], received_s: float, from_chest: bool
    ) -> OperatorFrame | None:
        row_of = {int(number): row for row, number in enumerate(bodies["id"]) if bodies["params"][row] & TRACKED}
        found = {part: row_of[number] for part, number in parts.items() if number in row_of}
        if not parts:
            self._problem = "nothing that Motive streams is named like a hand"
            self.counts["no_hand"] += 1
            return None
        sample = empty_sample()
        index, rows = [INDEX[part] for part in found], list(found.values())
        with np.errstate(invalid="ignore"):  # a signalling NaN says so when it is widened, infinity when it is turned
            places, quats = bodies["place"][rows].astype(np.float64), bodies["xyzw"][rows].astype(np.float64)
            sample.place[index] = places @ self._room.T
        sample.turn[index] = self._room @ rotations(np.roll(quats, 1, axis=1)) @ self._room.T
        for side in SIDES:
            if all(f"{side}_{knuckle}" in found for knuckle in ("index_mcp", "middle_mcp", "little_mcp")):
                sample.turn[INDEX[f"{side}_hand"]] = np.nan  # knuckles tell it without believing how the bone lies
        return self._view.frame(sample, received_s, from_chest)


def _read_bodies(packet: Packet, version: tuple[int, int]) -> tuple[int, NDArray[np.void], dict[int, NDArray[np.void]]]:
    """Frame number, rigid bodies and the bones of each skeleton by its number."""
    sized = version >= SIZED_LISTS
    number = packet.take("I")[0]
    for read_one in (_skip_marker_set, lambda p: p.skip(12)):  # marker sets, then markers without a label
        count = packet.take("I")[0]
        if sized:
            packet.skip(packet.take("I")[0])
            continue
        for _ in range(count):
            read_one(packet)
    count = packet.take("II" if sized else "I")[0]
    bodies = packet.records(BODY, count)
    count = packet.take("II" if sized else "I")[0]
    skeletons: dict[int, NDArray[np.void]] = {}
    for _ in range(count):
        skeleton, bones = packet.take("II")
        skeletons[skeleton] = packet.records(BODY, bones)
    return number, bodies, skeletons


def _skip_marker_set(packet: Packet) -> None:
    packet.text()
    packet.skip(12 * packet.take("I")[0])
