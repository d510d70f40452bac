"""Qualisys marker TSV: wrist frames from three markers on a hand, fingers from two markers each."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np

from ...errors import MotionFileInvalid
from ...types import SIDES, Array, Side
from ..hand_shape import hand_points
from ..motion import HandTrack, Recording
from .axes import facing, transforms, turned, wrist_rotation
from .marker_table import read_markers

# Three markers that fix a hand: towards the fingers, at the thumb's side, at the little finger's side (right hand).
TRIADS = (("hand_top", "hand_left", "hand_right"), ("fin", "wra", "wrb"), ("hand2", "wristin", "wristout"))
ON_THE_BACK_M: Array = np.array([-0.02, 0.0, 0.0])
"""From between the two rear markers to the wrist, in the wrist frame: an estimate (all markers are on the back)."""
FINGERS = ("thumb", "index", "middle", "ring", "little")
MARKED = {"middle": 2, "tip": 4}
"""Place in the finger (1 knuckle .. 4 tip) of a finger's two markers."""


def is_markers(text: str) -> bool:
    """True for a text that looks like a Qualisys export: a NO_OF_... header or a Frame line with X Y Z columns."""
    return text.lstrip().startswith("NO_OF_") or bool(re.search(r"^Frame\tTime\t.* X\t.* Y\t.* Z", text, re.MULTILINE))


def read(path: Path, text: str) -> Recording:
    """Wrists of the marked hands, and fingers with two markers each; (0, 0, 0) and NaN are lost markers.

    Raises:
        MotionFileInvalid: wrong columns, values that are not numbers, or no three markers that fix a hand.
    """
    stamp_s, markers = read_markers(path, text)
    alone = _only_side(markers)
    notes: list[str] = []
    hands: dict[Side, HandTrack] = {}
    for side in SIDES:
        own = {plain: name for name in markers if (plain := _without_side(name, side, alone)) is not None}
        triad = next((t for t in TRIADS if own.keys() >= set(t)), None)
        if triad is not None:
            hands[side] = _hand(path, side, triad, {plain: markers[name] for plain, name in own.items()}, notes)
    if not hands:
        wanted = " or ".join("/".join(t) for t in TRIADS)
        raise MotionFileInvalid(f"{path}: no hand among its markers {', '.join(markers)} (looked for {wanted})")
    reach, arm_m = _arm(markers, hands, alone)
    heading = facing(reach)
    turned_hands = {side: HandTrack(_turned(heading, track), track.points_m) for side, track in hands.items()}
    shoulder_m = {
        side: heading @ np.nanmedian(markers[name], axis=0)
        for side in hands
        for name in markers
        if _without_side(name, side, alone) == "shoulder" and np.any(np.isfinite(markers[name]))
    }
    notes.append("turned so that the arm's usual reach is forward" if np.any(reach) else "the lab's axes are kept")
    return Recording(stamp_s, turned_hands, arm_length_m=arm_m, shoulder_m=shoulder_m, notes=tuple(notes))


def _hand(path: Path, side: Side, triad: tuple[str, ...], own: dict[str, Array], notes: list[str]) -> HandTrack:
    front, thumb, little = (own[name] for name in triad)
    if triad[1] == "hand_left" and side == "left":
        thumb, little = little, thumb  # seen from above with the fingers forward, a left hand's thumb is at its right
    if not np.any(np.isfinite(front + thumb + little).all(axis=1)):
        raise MotionFileInvalid(
            f"{path}: in none of its frames are all the {side} hand's markers {', '.join(triad)} seen"
        )
    size_m = float(np.nanmedian(np.linalg.norm(front - (thumb + little) / 2.0, axis=1)))
    if not 0.005 < size_m < 0.3:
        raise MotionFileInvalid(f"{path}: its {side} hand markers are {size_m:g} m apart: no hand in millimetres")
    middle = (thumb + little) / 2.0
    rotation = wrist_rotation(front - middle, thumb - little, side)
    marked = all(f"{finger}_{part}" in own for finger in FINGERS for part in MARKED)
    if marked:
        rotation = rotation @ _towards_fingers(rotation, middle, own, side)
    origin = middle + rotation @ (ON_THE_BACK_M if triad[0] == "hand_top" else np.zeros(3))
    T_lab_wrist = transforms(rotation, origin)
    lost = int(np.isnan(T_lab_wrist[:, 0, 0]).sum())
    notes.append(f"the {side} wrist is estimated from the markers {', '.join(triad)}; they are lost in {lost} frames")
    if not (marked and all(np.any(np.isfinite(own[f"{finger}_{part}"])) for finger in FINGERS for part in MARKED)):
        return HandTrack(T_lab_wrist)
    points = np.tile(hand_points(side, 0.0), (len(origin), 1, 1))
    for k, finger in enumerate(FINGERS):
        for part, place in MARKED.items():
            local = np.einsum("nji,nj->ni", rotation, own[f"{finger}_{part}"] - origin)
            filled, gaps = _held(local)
            points[:, 4 * k + place] = filled
            if gaps:
                notes.append(f"marker {finger}_{part} is lost in {gaps} frames and held in place on the hand")
        points[:, 4 * k + 3] = (points[:, 4 * k + 2] + points[:, 4 * k + 4]) / 2.0
    notes.append(f"the {side} hand's knuckles and end joints carry no markers and are taken from a typical hand")
    return HandTrack(T_lab_wrist, points)


def _towards_fingers(rotation: Array, middle: Array, own: dict[str, Array], side: Side) -> Array:
    """Rotation (3, 3) from the markers' axes to the hand's: stuck-on markers never point exactly along the fingers.

    Read off the tenth of the frames in which the fingers are stretched most; the correction is the same for all frames.
    """
    tips = np.stack([own[f"{finger}_tip"] for finger in FINGERS[1:]])
    reach = np.linalg.norm(tips - middle, axis=2).mean(axis=0)
    seen = np.isfinite(reach) & np.isfinite(rotation[:, 0, 0])
    for finger in FINGERS[1:]:
        seen &= np.isfinite(own[f"{finger}_middle"]).all(axis=1)
    if not np.any(seen):
        return np.eye(3)
    stretched = np.flatnonzero(seen & (reach >= np.percentile(reach[seen], 90)))
    places = np.stack([own[f"{finger}_middle"] for finger in FINGERS[1:]])[:, stretched] - middle[stretched]
    local = np.nan_to_num(np.nanmedian(np.einsum("nji,fnj->fni", rotation[stretched], places), axis=1))
    correction = wrist_rotation(local.mean(axis=0), local[0] - local[-1], side)
    return correction if np.all(np.isfinite(correction)) else np.eye(3)


def _held(values: Array) -> tuple[Array, int]:
    """Rows (n, 3) with every lost row replaced by the last seen one (the first seen one at the start)."""
    seen = np.all(np.isfinite(values), axis=1)
    index = np.maximum.accumulate(np.where(seen, np.arange(len(values)), -1))
    index[index < 0] = int(np.argmax(seen))
    return values[index], int((~seen).sum())


def _arm(markers: dict[str, Array], hands: dict[Side, HandTrack], alone: Side) -> tuple[Array, float | None]:
    """Median vector (3,) from shoulder or elbow to wrist (zero without), and the arm's length where both are there."""
    for side, track in hands.items():
        own = {_without_side(name, side, alone): name for name in markers}
        wanted = [markers[own[name]] for name in ("shoulder", "elbow") if name in own]
        joints = [places for places in wanted if track.seen_with(places)]
        if joints and track.T_world_wrist is not None:
            wrist = track.T_world_wrist[:, :3, 3]
            bones = [np.linalg.norm(a - b, axis=1) for a, b in pairwise([*joints, wrist])]
            length_m = float(np.nanmedian(np.sum(bones, axis=0))) if len(joints) == 2 else None
            reach: Array = np.nanmedian(wrist - joints[0], axis=0)
            return np.nan_to_num(reach), length_m
    return np.zeros(3), None


def _turned(heading: Array, track: HandTrack) -> Array | None:
    return None if track.T_world_wrist is None else turned(heading, track.T_world_wrist)


def _only_side(markers: dict[str, Array]) -> Side:
    """The side of markers that do not say theirs: left when every marker that does is on the left, else right."""
    sides = {word for name in markers for word in ("left", "right") if name.lower().startswith(word)}
    return "left" if sides == {"left"} else "right"


def _without_side(name: str, side: Side, alone: Side) -> str | None:
    """The plain name of a marker on this side, else None (``hand_left`` is a side of the hand, not of the body)."""
    plain = re.sub(r"[\s-]+", "_", name.lower())
    match = re.match(r"^(left|right|l(?=_)|r(?=_))_?(.+)$", plain)
    if match is None and plain[1:] in {marker for triad in TRIADS for marker in triad}:
        match = re.match(r"^(l|r)(.+)$", plain)
    if match is None:
        return plain if side == alone else None
    return match.group(2) if match.group(1)[0] == side[0] else None
