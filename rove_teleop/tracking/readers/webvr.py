"""A-Frame recordings of a headset and two controllers; a pressed button closes the hand, for there are no fingers.

A controller's pose is taken as the wrist's: it points where the fingers point and its top is the back of the hand. In
the recording at hand that gives palms that face each other most of the time, as people hold their hands.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...errors import MotionFileInvalid
from ...types import SIDES, Array, Side
from ..hand_shape import hand_points
from ..motion import HandTrack, Recording, check_stamps
from .axes import WORLD_FROM_Y_UP, facing, transforms, turned
from .body import walk_m

HEAD_NAMES = ("camera", "head", "hmd", "headset")
SHOULDER_FROM_HEAD_M: dict[Side, Array] = {
    "left": np.array([-0.05, 0.19, -0.27]),
    "right": np.array([-0.05, -0.19, -0.27]),
}
"""Where a typical person's shoulders are, seen from the headset, looking forward."""
CLOSED, OPEN = 1.0, 0.1
"""Finger curl, 0 to 1, of a hand that presses a button and of one that does not."""


def is_session(value: Mapping[str, object]) -> bool:
    """True for a mapping of tracked things that each have their own list of poses."""
    return any(isinstance(entry, Mapping) and "poses" in entry for entry in value.values())


def read(path: Path, session: Mapping[str, object]) -> Recording:
    """Head and wrists at the stamps of the head (or of a hand, without head); each list keeps its own timing.

    Raises:
        MotionFileInvalid: no controller, no poses, or a value that is missing or not finite.
    """
    things = {name: entry for name, entry in session.items() if isinstance(entry, Mapping) and "poses" in entry}
    names = {side: next((name for name in things if side in name.lower()), None) for side in SIDES}
    head = next((name for name in things if name.lower() in HEAD_NAMES), None)
    if not any(names.values()):
        raise MotionFileInvalid(f"{path}: none of {', '.join(things)} is named left or right")
    poses = {name: _poses(path, name, things[name]) for name in (head, *names.values()) if name is not None}
    stamp_s = poses[head][0] if head is not None else next(iter(poses.values()))[0]
    T_head = None if head is None else poses[head][1]
    heading = np.eye(3) if T_head is None else facing(T_head[:, :3, 0].mean(axis=0))
    walked_m = np.zeros((len(stamp_s), 3)) if T_head is None else walk_m(stamp_s, T_head[:, :3, 3])
    hands: dict[Side, HandTrack] = {}
    for side, name in names.items():
        if name is not None:
            T_wrist = _latest(stamp_s, *poses[name])
            T_wrist[:, :3, 3] -= walked_m
            pressed = _pressed(path, name, things[name], stamp_s)
            shapes = np.stack([hand_points(side, OPEN), hand_points(side, CLOSED)])
            hands[side] = HandTrack(turned(heading, T_wrist), shapes[pressed.astype(int)])
    if T_head is not None:
        T_head = turned(heading, T_head)
        T_head[:, :3, 3] -= walked_m @ heading.T
    notes = (
        "controllers only: a pressed button closes the hand",
        "turned so that the head mostly looks forward, and without the walking",
    )
    shoulder_m: dict[Side, Array] = {}
    if T_head is not None:
        shoulder_m = {side: np.median(T_head[:, :3, 3], axis=0) + SHOULDER_FROM_HEAD_M[side] for side in hands}
    return Recording(stamp_s, hands, T_head, shoulder_m=shoulder_m, notes=notes)


def _poses(path: Path, name: str, thing: Mapping[str, object]) -> tuple[Array, Array]:
    """Stamps (n,) in seconds and transforms (n, 4, 4) in the operator's world with x forward, y left, z up axes."""
    entries = thing["poses"]
    if not isinstance(entries, list) or not entries:
        raise MotionFileInvalid(f"{path}: '{name}' holds no poses")
    rows = np.array([_row(f"{path}: {name} pose {k}", entry) for k, entry in enumerate(entries)])
    check_stamps(path, rows[:, 6])
    rotation = WORLD_FROM_Y_UP @ _from_euler_yxz(np.deg2rad(rows[:, 3:6])) @ WORLD_FROM_Y_UP.T
    return rows[:, 6] * 1e-3, transforms(rotation, rows[:, :3] @ WORLD_FROM_Y_UP.T)


def _row(where: str, entry: object) -> list[float]:
    values: list[float] = []
    if not isinstance(entry, Mapping):
        raise MotionFileInvalid(f"{where} is not a mapping")
    for key in ("position", "rotation"):
        part = entry.get(key)
        for axis in "xyz":
            values.append(_finite(f"{where}: {key}.{axis}", part.get(axis) if isinstance(part, Mapping) else None))
    return [*values, _finite(f"{where}: timestamp", entry.get("timestamp"))]


def _finite(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(float(value)):
        raise MotionFileInvalid(f"{where} is missing or not a finite number")
    return float(value)


def _from_euler_yxz(angles_rad: Array) -> Array:
    """(n, 3, 3) of A-Frame's x, y, z angles (n, 3): yaw about y, then pitch about x, then roll about z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles_rad).T, np.sin(angles_rad).T
    rows = [
        [cy * cz + sx * sy * sz, cz * sx * sy - cy * sz, cx * sy],
        [cx * sz, cx * cz, -sx],
        [cy * sx * sz - cz * sy, sy * sz + cy * cz * sx, cx * cy],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def _latest(stamp_s: Array, own_stamp_s: Array, values: Array) -> Array:
    """The newest value at each stamp; NaN before the first."""
    index = np.searchsorted(own_stamp_s, stamp_s, side="right") - 1
    result = values[np.maximum(index, 0)].copy()
    result[index < 0] = np.nan
    return result


def _pressed(path: Path, name: str, thing: Mapping[str, object], stamp_s: Array) -> Array:
    """1 where any button is down (n,)."""
    events = thing.get("events", [])
    if not isinstance(events, list):
        raise MotionFileInvalid(f"{path}: '{name}' events is not a list")
    change = np.zeros(len(stamp_s) + 1)
    for k, event in enumerate(events):
        kind = event.get("name") if isinstance(event, Mapping) else None
        if isinstance(event, Mapping) and kind in ("buttondown", "buttonup"):
            at_s = _finite(f"{path}: {name} event {k}: timestamp", event.get("timestamp")) * 1e-3
            change[np.searchsorted(stamp_s, at_s)] += 1.0 if kind == "buttondown" else -1.0
    return (np.cumsum(change[:-1]) > 0).astype(np.float64)
