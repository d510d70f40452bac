"""Leap Motion JSON: both hands from a desktop sensor, joined by type because ids change when a hand is lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...errors import MotionFileInvalid
from ...types import HAND_POINTS, SIDES, Array, Side
from ..motion import HandTrack, Recording
from .axes import WORLD_FROM_Y_UP, in_wrist_frame, transforms, unit, wrist_rotation

BEHIND_THUMB_MM = 20.0
"""How far the wrist lies behind the base of the thumb, along the hand."""
JOINTS = ("mcpPosition", "pipPosition", "dipPosition", "tipPosition")
MINIMUM_CONFIDENCE = 0.2
"""Below this the sensor is guessing; such a hand counts as lost."""


def read(path: Path, frames: list[object]) -> Recording:
    """Wrists and finger points in the sensor's place, turned so that away from the operator is forward.

    Raises:
        MotionFileInvalid: a frame without timestamp, hands or pointables, or a value that is not finite.
    """
    stamp_us = np.zeros(len(frames))
    wrists = {side: np.full((len(frames), 4, 4), np.nan) for side in SIDES}
    points = {side: np.full((len(frames), len(HAND_POINTS), 3), np.nan) for side in SIDES}
    unsure = 0
    for k, frame in enumerate(frames):
        where = f"{path}: frame {k}"
        if not isinstance(frame, Mapping):
            raise MotionFileInvalid(f"{where} is not a mapping with hands (the compact array form is not supported)")
        stamp_us[k] = _numbers(where, frame, "timestamp", ())
        for hand in _list(where, frame, "hands"):
            side = _side(where, hand)
            if not _numbers(where, hand, "confidence", (), default=1.0) >= MINIMUM_CONFIDENCE:
                unsure += 1
                continue
            fingers = _fingers(where, _list(where, frame, "pointables"), hand.get("id"))
            if fingers is not None:
                wrists[side][k], points[side][k] = _hand(where, side, hand, fingers)
    tracks = {side: HandTrack(wrists[side], points[side]) for side in SIDES}
    notes = [f"the {side} hand is lost in {int(np.isnan(wrists[side][:, 0, 0]).sum())} frames" for side in SIDES]
    notes.append(f"{unsure} hands with a confidence below {MINIMUM_CONFIDENCE:g} count as lost")
    notes.append("no wrist in the file: placed 2 cm behind the base of the thumb")
    return Recording(stamp_us * 1e-6, tracks, notes=tuple(notes))


def _hand(where: str, side: Side, hand: Mapping[str, object], fingers: Array) -> tuple[Array, Array]:
    """T_world_wrist (4, 4) and points (21, 3) in the wrist frame of one hand; ``fingers`` (20, 3) in millimetres."""
    palm = _numbers(where, hand, "palmPosition", (3,))
    normal = _numbers(where, hand, "palmNormal", (3,))
    direction = _numbers(where, hand, "direction", (3,))
    along = unit(direction)
    wrist = palm + (float((fingers[0] - palm) @ along) - BEHIND_THUMB_MM) * along
    back = -normal  # the palm's normal leaves the palm, ours leaves the back of the hand
    to_thumb = np.cross(back, direction) if side == "right" else np.cross(direction, back)
    rotation = WORLD_FROM_Y_UP @ wrist_rotation(direction, to_thumb, side)
    in_world = np.vstack([wrist, fingers]) @ WORLD_FROM_Y_UP.T * 1e-3
    return transforms(rotation, in_world[0]), in_wrist_frame(in_world, rotation, in_world[0])


def _fingers(where: str, pointables: list[Mapping[str, object]], hand_id: object) -> Array | None:
    """(20, 3) in the order of ``HAND_POINTS[1:]``, or None when the sensor did not deliver five fingers."""
    fingers = np.full((5, 4, 3), np.nan)
    for pointable in pointables:
        kind = pointable.get("type")
        if pointable.get("handId") == hand_id and isinstance(kind, int) and 0 <= kind < 5:
            fingers[kind] = [_numbers(where, pointable, joint, (3,)) for joint in JOINTS]
    return fingers.reshape(20, 3) if np.all(np.isfinite(fingers)) else None


def _side(where: str, hand: Mapping[str, object]) -> Side:
    sides: dict[object, Side] = {"left": "left", "right": "right"}
    kind = hand.get("type")
    if not isinstance(kind, str) or kind not in sides:
        raise MotionFileInvalid(f"{where}: a hand's type is {kind!r}, neither left nor right")
    return sides[kind]


def _list(where: str, frame: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    value = frame.get(key)
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise MotionFileInvalid(f"{where}: '{key}' is missing or not a list of mappings")
    return value


def _numbers(
    where: str, value: Mapping[str, object], key: str, shape: tuple[int, ...], default: float | None = None
) -> Array:
    try:
        numbers = np.array(value.get(key, default), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MotionFileInvalid(f"{where}: '{key}' is not {shape or 'a'} number") from error
    if numbers.shape != shape or not np.all(np.isfinite(numbers)):
        raise MotionFileInvalid(f"{where}: '{key}' is missing, of the wrong length or not finite")
    return numbers
