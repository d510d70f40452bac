"""Rokoko Studio's custom streaming, JSON version 3: named bones of each actor in Unity's axes, in metres.

The layout is that of Rokoko's own published plugins; Studio may compress the text as an LZ4 frame.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from types import ModuleType

import numpy as np

from ...types import HAND_POINTS, SIDES, OperatorFrame
from .body import ARM_PARTS, INDEX, BodySample, BodyView, empty_sample
from .order import StreamOrder
from .quaternions import ROOM_FROM_UNITY, rotations

try:
    from lz4 import frame as _lz4
except ModuleNotFoundError:  # an extra: only Studio's compressed streams need it
    _lz4 = None

PORT = 14043
LZ4_MAGIC = b"\x04\x22\x4d\x18"
MOST_TEXT_BYTES = 1 << 20
FARTHEST_S = 600.0
_ARM_BONES = {"upper_arm": "UpperArm", "forearm": "LowerArm", "hand": "Hand"}
_FINGER_BONES = dict(
    zip(
        HAND_POINTS[1:],
        (
            f"{f}{p}"
            for f in ("Thumb", "Index", "Middle", "Ring", "Little")
            for p in ("Proximal", "Medial", "Distal", "Tip")
        ),
        strict=True,
    )
)
_ARMS = {f"{side}_{part}": f"{side}{_ARM_BONES[part]}" for side in SIDES for part in ARM_PARTS}
_FINGERS = {side: {f"{side}_{point}": f"{side}{bone}" for point, bone in _FINGER_BONES.items()} for side in SIDES}
_T_POSE_WXYZ = {
    "head": (0.0, 0.0, 0.0, 1.0),
    "left_hand": (0.5, 0.5, 0.5, -0.5),
    "right_hand": (0.5, 0.5, -0.5, 0.5),
}
"""How Studio's bones lie in its T-pose (facing z, in Unity's axes)."""
_TURNED = tuple(_T_POSE_WXYZ)
_TO_T_POSE = np.swapaxes(rotations(np.array([_T_POSE_WXYZ[name] for name in _TURNED])), 1, 2)


class RokokoDecoder:
    """Datagrams to frames of one actor: each holds a whole scene, so only order and damage need care.

    Args:
        actor: the actor's name in Studio; None takes the first that is heard.
    """

    def __init__(self, actor: str | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._view = BodyView(self.counts)
        self._order = StreamOrder(wrap=None, farthest=FARTHEST_S)
        self._actor = actor
        self._unpack: ModuleType | None = _lz4

    @property
    def problem(self) -> str | None:
        if self._unpack is None and self.counts["lz4_missing"]:
            return "Studio sends compressed frames: pip install 'rove_teleop[mocap]', or switch compression off there"
        if not self.counts["frames"] and self.counts["other_actor"]:
            return f"Studio sends other actors, but not {self._actor!r}"
        return self._view.problem

    def feed(self, datagram: bytes, received_s: float) -> OperatorFrame | None:
        scene = self._scene(datagram)
        if scene is None:
            return None
        actor = self._choose(scene.get("actors"))
        if actor is None:
            return None
        stamp = scene.get("timestamp")
        if isinstance(stamp, int | float) and abs(stamp) < 1e15:
            verdict = self._order.judge(float(stamp), received_s)
            if verdict in ("duplicate", "late"):
                self.counts[verdict] += 1
                return None
            if verdict == "restart":
                self._view.restart()
            self._order.accept(float(stamp), received_s)
        sample = _sample(actor)
        if sample is None:
            self.counts["no_body"] += 1
            return None
        frame = self._view.frame(sample, received_s)
        if frame is not None:
            self._actor = str(actor["name"])
        return frame

    def _scene(self, datagram: bytes) -> Mapping[str, object] | None:
        if datagram.startswith(LZ4_MAGIC):
            if self._unpack is None:
                self.counts["lz4_missing"] += 1
                return None
            try:
                datagram = self._unpack.LZ4FrameDecompressor().decompress(datagram, max_length=MOST_TEXT_BYTES)
            except (RuntimeError, EOFError):
                self.counts["damaged"] += 1
                return None
        try:
            value = json.loads(datagram)
        except (ValueError, RecursionError):
            self.counts["damaged"] += 1
            return None
        scene = value.get("scene") if isinstance(value, dict) else None
        if not isinstance(scene, dict):
            self.counts["not_version_3"] += 1
            return None
        return scene

    def _choose(self, actors: object) -> Mapping[str, object] | None:
        known = [a for a in actors if isinstance(a, dict) and "name" in a] if isinstance(actors, list) else []
        if not known:
            self.counts["no_actor"] += 1
            return None
        chosen = next((a for a in known if self._actor in (None, str(a["name"]))), None)
        others = len(known) - (chosen is not None)
        if others:
            self.counts["other_actor"] += others
        return chosen


def _sample(actor: Mapping[str, object]) -> BodySample | None:
    body, meta = actor.get("body"), actor.get("meta")
    if not isinstance(body, dict):
        return None
    wanted = {"head": "head", **_ARMS}
    for side in SIDES:
        # Without a glove Studio streams a hand at rest: that is nobody's fingers.
        if isinstance(meta, dict) and meta.get(f"has{side.capitalize()}Glove", meta.get("hasGloves")):
            wanted |= _FINGERS[side]
    sample = empty_sample()
    places = np.array([_numbers(body, bone, "position", "xyz") for bone in wanted.values()])
    sample.place[[INDEX[name] for name in wanted]] = places @ ROOM_FROM_UNITY.T
    quats = np.array([_numbers(body, wanted[name], "rotation", "wxyz") for name in _TURNED])
    turns = rotations(quats) @ _TO_T_POSE
    sample.turn[[INDEX[name] for name in _TURNED]] = ROOM_FROM_UNITY @ turns @ ROOM_FROM_UNITY.T
    return sample


def _numbers(body: Mapping[str, object], bone: str, key: str, axes: str) -> list[float]:
    """The numbers of a bone, NaN where there is none."""
    entry = body.get(bone)
    values = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(values, dict):
        return [math.nan] * len(axes)
    numbers = [values.get(axis) for axis in axes]
    return [float(n) if isinstance(n, int | float) and abs(n) < 1e30 else math.nan for n in numbers]
