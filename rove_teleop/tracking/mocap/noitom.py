"""The skeleton of Noitom's Axis software: 59 joints with displacement and Y-X-Z rotations, its default."""

from __future__ import annotations

import numpy as np

from ...types import Array
from ..readers.bvh_hierarchy import Joint
from .body import LAST_BONE

CHANNELS = ("Xposition", "Yposition", "Zposition", "Yrotation", "Xrotation", "Zrotation")


def _names() -> tuple[tuple[str, str | None], ...]:
    """(name, parent) in the order of the stream."""
    result: list[tuple[str, str | None]] = [("Hips", None)]

    def chain(above: str, *names: str) -> None:
        for name in names:
            result.append((name, above))
            above = name

    for side in ("Right", "Left"):
        chain("Hips", f"{side}UpLeg", f"{side}Leg", f"{side}Foot")
    chain("Hips", "Spine", "Spine1", "Spine2", "Spine3", "Neck", "Head")
    for side in ("Right", "Left"):
        hand = f"{side}Hand"
        chain("Spine3", f"{side}Shoulder", f"{side}Arm", f"{side}ForeArm", hand)
        chain(hand, *(f"{hand}Thumb{k}" for k in (1, 2, 3)))
        for finger in ("Index", "Middle", "Ring", "Pinky"):
            chain(hand, f"{side}InHand{finger}", *(f"{hand}{finger}{k}" for k in (1, 2, 3)))
    return tuple(result)


NAMES = _names()
WIDTH = len(CHANNELS) * len(NAMES)
_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")


def joints(values: Array) -> tuple[Joint, ...]:
    """The skeleton whose bones are as long as the displacements in a row of values (354,)."""
    rows = {name: k for k, (name, _) in enumerate(NAMES)}
    offsets = values.reshape(len(NAMES), len(CHANNELS))[:, :3]
    result = []
    for k, (name, parent) in enumerate(NAMES):
        offset = np.zeros(3) if parent is None else offsets[k]
        finger = next((f for f, word in enumerate(_FINGERS) if name.endswith(f"Hand{word}3")), None)
        end = None if finger is None else offset * LAST_BONE[finger]
        result.append(Joint(name, rows.get(parent or "", -1), offset, CHANNELS, k * len(CHANNELS), end))
    return tuple(result)
