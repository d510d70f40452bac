"""VMC protocol (OSC): the bones of a Unity humanoid, each relative to its parent, in Unity's left-handed axes.

The protocol numbers nothing. A frame is therefore told by its set of bones, by the bone that begins it, by the sender's
time (/VMC/Ext/T) and by arriving together: bones farther apart than ``TOGETHER_S`` are never put into one frame.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from ...types import HAND_POINTS, SIDES, Array, OperatorFrame
from .body import INDEX, BodySample, BodyView, empty_sample
from .order import SILENT_S
from .osc import OscDamaged, OscValue, messages
from .quaternions import ROOM_FROM_UNITY, rotations

PORT = 39539
TOGETHER_S = 0.008
"""Half of a frame at 60 Hz: what comes later belongs to the next one."""
FORGET_FIRST = 3
"""After so many frames in a row that were not whole, the bone that begins a frame is learned anew."""
_SPINE = ("Hips", "Spine", "Chest", "UpperChest", "Neck", "Head")
_PHALANGES = ("Proximal", "Intermediate", "Distal")
_POINT_OF = {
    f"{finger.capitalize()}{bone}": point
    for finger in ("thumb", "index", "middle", "ring", "little")
    for bone, point in zip(_PHALANGES, [p for p in HAND_POINTS if p.startswith(finger)], strict=False)
}


def _bones() -> tuple[dict[str, str | None], dict[str, str]]:
    """Parent of each bone, in an order in which parents come first; and the body part that begins at a bone."""
    parents: dict[str, str | None] = {"Hips": None}
    parents |= dict(zip(_SPINE[1:], _SPINE, strict=False))
    parts = {"Head": "head"}
    for side in SIDES:
        word = side.capitalize()
        arm = [f"{word}{bone}" for bone in ("Shoulder", "UpperArm", "LowerArm", "Hand")]
        parents |= dict(zip(arm, ("UpperChest", *arm), strict=False))
        parts |= dict(zip(arm[1:], (f"{side}_{part}" for part in ("upper_arm", "forearm", "hand")), strict=True))
        for bone, point in _POINT_OF.items():
            at = next(k for k, phalanx in enumerate(_PHALANGES) if bone.endswith(phalanx))
            above = f"{word}{bone.removesuffix(_PHALANGES[at])}{_PHALANGES[at - 1]}" if at else arm[-1]
            parents[f"{word}{bone}"] = above
            parts[f"{word}{bone}"] = f"{side}_{point}"
    return parents, parts


PARENTS, PARTS_OF = _bones()
NEEDED = frozenset(f"{side.capitalize()}{bone}" for side in SIDES for bone in ("UpperArm", "LowerArm", "Hand"))


class VmcDecoder:
    """Datagrams to frames of the avatar that the sender shows; sizes are the avatar's, not the person's."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._view = BodyView(self.counts)
        self._bones: dict[str, list[float]] = {}
        self._expected: frozenset[str] = frozenset()
        self._missed: frozenset[str] = frozenset()
        self._first: str | None = None
        self._misses = 0
        self._began_s = self._framed_s = -math.inf
        self._time: OscValue = None

    @property
    def problem(self) -> str | None:
        if not self.counts["frames"] and self.counts["incomplete"] > 10 and not self._expected >= NEEDED:
            return "the sender's bones are without upper arms, lower arms and hands"
        return self._view.problem

    def feed(self, datagram: bytes, received_s: float) -> OperatorFrame | None:
        newest, empty = None, True
        try:
            for address, values in messages(datagram):
                frame, empty = self._take(address, values, received_s), False
                newest = frame if frame is not None else newest
        except OscDamaged:
            self.counts["damaged"] += 1
        else:
            if empty:
                self.counts["empty"] += 1
        return newest

    def _take(self, address: str, values: tuple[OscValue, ...], received_s: float) -> OperatorFrame | None:
        if address == "/VMC/Ext/T" and values and values[0] != self._time:
            self._time = values[0]
            self._next()
        if address != "/VMC/Ext/Bone/Pos":
            return None
        name, numbers = values[0] if values else None, [v for v in values[1:8] if isinstance(v, float)]
        if name not in PARENTS or not isinstance(name, str):
            self.counts["other_bone"] += 1
            return None
        if len(numbers) != 7 or not all(map(math.isfinite, numbers)):
            self.counts["not_finite"] += 1
            return None
        if (
            not self._bones
            and self._expected
            and name not in self._expected
            and received_s - self._began_s <= TOGETHER_S
        ):
            self._expected |= {name}  # it followed a frame that looked complete: the set was learned from a lossy one
            return None
        late = not received_s - self._began_s <= TOGETHER_S
        if self._bones and (late or name in self._bones or name == self._first):
            self._next()
        if not self._bones:
            self._began_s = received_s
        self._bones[name] = numbers
        return self._complete(received_s) if self._bones.keys() == self._expected else None

    def _next(self) -> None:
        """The bones so far were not all of a frame: drop them. A set that comes twice in a row is what is sent now."""
        if not self._bones:
            return
        self.counts["incomplete"] += 1
        self._misses += 1
        if self._misses >= FORGET_FIRST:
            self._first = None
        came, self._bones = frozenset(self._bones), {}
        if came >= NEEDED and (came > self._expected or came == self._missed):
            self._expected = came
        self._missed = came

    def _complete(self, received_s: float) -> OperatorFrame | None:
        bones, self._bones = self._bones, {}
        self._missed, self._misses = frozenset(), 0
        self._first = self._first or next(iter(bones))
        if received_s - self._framed_s > SILENT_S and self.counts["frames"]:
            self._view.restart()
        self._framed_s = received_s
        return self._view.frame(_sample(bones), received_s)


def _sample(bones: dict[str, list[float]]) -> BodySample:
    """Places by going down from the hips; a hand with fingers gets its orientation from them, whatever its axes."""
    names = [name for name in PARENTS if name in bones]
    values = np.array([bones[name] for name in names])
    local = np.zeros((len(names), 4, 4))
    local[:, :3, :3] = rotations(np.roll(values[:, 3:], 1, axis=1))
    local[:, :3, 3], local[:, 3, 3] = values[:, :3], 1.0
    world: dict[str, Array] = {}
    for k, name in enumerate(names):
        above = PARENTS[name]
        while above is not None and above not in world:  # spine bones are optional
            above = PARENTS[above]
        world[name] = local[k] if above is None else world[above] @ local[k]
    sample = empty_sample()
    found = [name for name in names if name in PARTS_OF]
    T = np.array([world[name] for name in found])
    rows = [INDEX[PARTS_OF[name]] for name in found]
    sample.place[rows] = T[:, :3, 3] @ ROOM_FROM_UNITY.T
    sample.turn[rows] = ROOM_FROM_UNITY @ T[:, :3, :3] @ ROOM_FROM_UNITY.T
    for side in SIDES:
        if all(f"{side.capitalize()}{bone}" in bones for bone in _POINT_OF):
            sample.turn[INDEX[f"{side}_hand"]] = np.nan
    return sample
