"""Which joint of a skeleton is which part of the body, told by the names that common exporters use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...types import Side

WRIST_PARTS = ("wrist", "hand", "palm", "carpus", "radiocarpal")
UPPER_ARM_PARTS = ("upperarm", "uparm", "arm", "humerus", "shoulder")
LATERAL_PARTS = ("upperarm", "uparm", "arm", "humerus", "shoulder", "collar", "upleg", "upperleg", "thigh", "hip")
FINGERS = {
    "thumb": "thumb",
    "index": "index",
    "middle": "middle",
    "mid": "middle",
    "ring": "ring",
    "little": "little",
    "pinky": "little",
    "pinkie": "little",
}
_RIG_WORDS = re.compile(r"^(mixamorig\d*|character\d*|bip\d*|biped|j|jnt|joint|def|bn|bone)$")


@dataclass(frozen=True, slots=True)
class Part:
    """A joint's side (None in the middle of the body) and the rest of its name in plain lower case."""

    side: Side | None
    part: str


@dataclass(frozen=True, slots=True)
class Phalanx:
    """A finger joint and its place in the finger: 0 inside the palm, 1 knuckle (thumb: carpal joint), 2, 3, 4 tip."""

    finger: str
    place: int


def part_of(name: str) -> Part:
    """``mixamorig:LeftHand``, ``L_Wrist``, ``hand.L``, ``Bip01 L Hand``, ``lhand`` → left, hand or wrist."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.rsplit(":", 1)[-1])
    tokens = [t for t in re.split(r"[^a-z0-9]+", spaced.lower()) if t and not _RIG_WORDS.match(t)]
    sides: dict[str, Side] = {"left": "left", "l": "left", "right": "right", "r": "right"}
    for token in tokens:
        if token in sides:
            return Part(sides[token], "".join(t for t in tokens if t != token))
    joined = "".join(tokens)
    for word, side in sides.items():
        rest = joined[len(word) :]
        if joined.startswith(word) and (len(word) > 1 or _is_limb(rest)):
            return Part(side, rest)
    return Part(None, joined)


def without_rig(names: Sequence[str]) -> list[str]:
    """Names without a beginning that they all share up to a separator (``Actor_``), unless that says a side."""
    first, last = min(names), max(names)  # what these two share, all between them share
    same = next((k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    cut = 1 + max(first.rfind(separator, 0, same) for separator in "_:|. -")
    if len(names) < 2 or part_of(first[:cut] + "hand").side is not None:
        return list(names)
    return [name[cut:] for name in names]


def phalanx_of(part: str) -> Phalanx | None:
    """Which finger joint a name without its side is; None when it is none or does not say its place."""
    finger = next((finger for word, finger in FINGERS.items() if word in part), None)
    if finger is None:
        return None
    digits = re.search(r"(\d+)(?!.*\d)", part)
    if digits:
        place = int(digits.group(1))
        return Phalanx(finger, place) if place <= 4 else None
    thumb = finger == "thumb"
    words = (("metacarpal", int(thumb)), ("proximal", 1 + thumb), ("intermediate", 2), ("medial", 2))
    for word, place in (*words, ("distal", 3), ("tip", 4), ("end", 4)):
        if word in part:
            return Phalanx(finger, place)
    return Phalanx(finger, 0) if "inhand" in part else None


def _is_limb(part: str) -> bool:
    return part in WRIST_PARTS or part in LATERAL_PARTS or any(finger in part for finger in FINGERS)
