"""A recorded human motion as values: frames of an operator with the file's own timing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import MotionFileInvalid
from ..types import SIDES, Array, HandFrame, OperatorFrame, Side
from .gate_hand import bone_lengths_m, size_possible


@dataclass(frozen=True, slots=True)
class Motion:
    """A recording. ``stamp_s`` of the first frame is 0; later stamps keep the file's own spacing.

    ``arm_length_m`` is the operator's shoulder-to-wrist length and ``shoulder_m`` the usual places (3,) of their
    shoulders in the operator's world, where the file tells them. ``notes`` are sentences about what the reader assumed,
    dropped or filled in. ``has_deadman``: the frames' ``engaged`` is what the operator did, not an assumption.
    """

    name: str
    frames: tuple[OperatorFrame, ...]
    arm_length_m: float | None = None
    shoulder_m: Mapping[Side, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    has_deadman: bool = False

    @property
    def duration_s(self) -> float:
        return self.frames[-1].stamp_s

    @property
    def stamp_s(self) -> Array:
        """Stamps of all frames (n,), in seconds from the first."""
        return np.array([frame.stamp_s for frame in self.frames])

    def tracks(self, side: Side) -> bool:
        """True when the recording ever sees this hand."""
        hands = (frame.hand(side) for frame in self.frames)
        return any(hand.T_world_wrist is not None or hand.points_m is not None for hand in hands)


@dataclass(frozen=True, slots=True)
class HandTrack:
    """One hand over n frames; a row that is not finite means "not tracked then".

    ``T_world_wrist`` is (n, 4, 4) or None, ``points_m`` (n, 21, 3) in the wrist frame or None, ``elbow_m`` (n, 3) in
    the operator's world or None.
    """

    T_world_wrist: Array | None = None
    points_m: Array | None = None
    elbow_m: Array | None = None

    def seen_with(self, place_m: Array) -> bool:
        """Whether the wrist and ``place_m`` (n, 3) are ever there at once."""
        return self.T_world_wrist is not None and bool(
            np.any(np.isfinite(self.T_world_wrist[:, :3, 3] + place_m).all(axis=1))
        )

    def frame(self, k: int) -> HandFrame:
        return HandFrame(_row(self.T_world_wrist, k), _row(self.points_m, k), _row(self.elbow_m, k))


@dataclass(frozen=True, slots=True)
class Recording:
    """What a reader delivers: arrays over n frames, before the checks that all formats share."""

    stamp_s: Array
    hands: Mapping[Side, HandTrack]
    T_world_head: Array | None = None
    engaged: NDArray[np.bool_] | None = None
    arm_length_m: float | None = None
    shoulder_m: Mapping[Side, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def assemble(path: Path, recording: Recording) -> Motion:
    """Frames with stamps from 0 s.

    Raises:
        MotionFileInvalid: no frames, stamps that are not finite or go back, or never a tracked hand.
    """
    stamp_s = check_stamps(path, recording.stamp_s)
    notes = list(recording.notes)
    left, right = (_of_a_hand(recording.hands.get(side, HandTrack()), side, notes) for side in SIDES)
    frames = tuple(
        OperatorFrame(
            stamp_s=float(stamp),
            sequence=k,
            left=left.frame(k),
            right=right.frame(k),
            T_world_head=_row(recording.T_world_head, k),
            engaged=True if recording.engaged is None else bool(recording.engaged[k]),
        )
        for k, stamp in enumerate(stamp_s - stamp_s[0])
    )
    motion = Motion(name_of(path), frames, recording.arm_length_m, recording.shoulder_m, tuple(notes))
    if not any(motion.tracks(side) for side in SIDES):
        raise MotionFileInvalid(f"{path}: no hand is tracked in any of its {len(frames)} frames")
    return motion


def _of_a_hand(track: HandTrack, side: Side, notes: list[str]) -> HandTrack:
    """The track without the fingers of frames in which no hand has their size: another unit, or a device's zeros."""
    if track.points_m is None:
        return track
    seen = np.all(np.isfinite(track.points_m.reshape(len(track.points_m), -1)), axis=1)
    fits = np.array([not ok or size_possible(bone_lengths_m(p)) for ok, p in zip(seen, track.points_m, strict=True)])
    if np.all(fits):
        return track
    notes.append(
        f"the {side} hand's fingers have a size that no hand in metres has in {int((~fits).sum())} of {len(fits)} "
        f"frames (the first is {int(np.argmin(fits))}): not used there"
    )
    return replace(track, points_m=np.where(fits[:, None, None], track.points_m, np.nan))


def check_stamps(path: Path, stamp_s: Array) -> Array:
    """The stamps, refused when empty, not finite or going back (equal stamps are allowed: bursts are real)."""
    if len(stamp_s) == 0:
        raise MotionFileInvalid(f"{path}: holds no frames")
    for k in np.flatnonzero(~np.isfinite(stamp_s))[:1]:
        raise MotionFileInvalid(f"{path}: timestamp of frame {k} is not finite")
    for k in np.flatnonzero(np.diff(stamp_s) < 0.0)[:1]:
        raise MotionFileInvalid(f"{path}: timestamp of frame {k + 1} goes back by {stamp_s[k] - stamp_s[k + 1]:.6f} s")
    return stamp_s


def _row(values: Array | None, k: int) -> Array | None:
    if values is None or not np.all(np.isfinite(values[k])):
        return None
    row: Array = values[k].copy()
    row.setflags(write=False)
    return row


def name_of(path: Path) -> str:
    """What a recording is called: its file without the endings."""
    name = path.name.removesuffix(".gz")
    return name.rsplit(".", 1)[0] if "." in name else name
