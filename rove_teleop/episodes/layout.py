"""The names, types and meaning of what an episode holds: one table that writer, reader and documentation share."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetInvalid
from ..types import HAND_POINTS, SIDES, Array, HandFrame, OperatorFrame

FORMAT = "rove_teleop.episode"
FORMAT_VERSION = 1


class Stream(IntEnum):
    """What a record of a log holds. The numbers are stored in logs and never change."""

    HEADER = 0
    CONTROL = 1
    TRACKING = 2
    CHUNK = 3
    FAILURE = 4
    FRAME = 5
    EVENT = 6
    TASK = 7
    ATTRIBUTES = 8
    END = 9


@dataclass(frozen=True, slots=True)
class Field:
    """One stored array: ``dims`` names its axes (the first counts rows), ``unit`` and ``meaning`` are for readers."""

    name: str
    kind: str
    dims: tuple[str, ...]
    unit: str
    meaning: str


def _joints(name: str, unit: str, meaning: str) -> Field:
    return Field(name, "<f8", ("tick", "joint"), unit, meaning)


CONTROL_FIELDS: tuple[Field, ...] = (
    Field("episode", "<u4", ("tick",), "1", "running number of the episode in its session"),
    Field("tick", "<u4", ("tick",), "1", "number of the control tick; a gap is a tick that was lost"),
    Field("stamp_s", "<f8", ("tick",), "s", "monotonic clock of the machine"),
    Field("wall_time_s", "<f8", ("tick",), "s", "seconds since the epoch, for labels only: it may step"),
    _joints("q_measured_rad", "rad", "measured joint positions"),
    _joints("dq_measured_rad_s", "rad/s", "measured joint velocities"),
    _joints("q_policy_rad", "rad", "the policy's target, also while a human drives; NaN where it had none"),
    _joints("q_operator_rad", "rad", "the operator's retargeted target; NaN where there was none"),
    _joints("q_target_rad", "rad", "the blend of both that was asked of the command filter"),
    _joints("q_sent_rad", "rad", "what the command filter sent to the robot"),
    Field("weight", "<f8", ("tick", "group"), "1", "share of the operator per joint group, 0 to 1"),
    Field("driver", "u1", ("tick", "group"), "1", "who should drive each joint group: 0 nobody, 1 policy, 2 operator"),
    Field("authority", "u1", ("tick",), "1", "who computed the command: 0 hold, 1 policy, 2 human, 3 stop, 4 rewind"),
    Field("phase", "u1", ("tick",), "1", "0 autonomous, 1 adaptation, 2 recovery, 3 paused, 4 rewind, 255 unlabelled"),
    Field("state", "u1", ("tick",), "1", "state of the handover; the names are in the attribute state_names"),
    Field("reason", "<u4", ("tick", "joint"), "bits", "why the command differs from the target, one bit each"),
    Field("operator_age_s", "<f8", ("tick",), "s", "age of the newest operator target; NaN or inf: none"),
    Field("policy_age_s", "<f8", ("tick",), "s", "age of the newest policy chunk; NaN or inf: none"),
)

TRACKING_FIELDS: tuple[Field, ...] = (
    Field("stamp_s", "<f8", ("frame",), "s", "the device frame's own stamp, monotonic clock of the operator process"),
    Field("sequence", "<u8", ("frame",), "1", "the device frame's number"),
    Field("engaged", "u1", ("frame",), "1", "1 while the operator holds the deadman"),
    Field("space", "<u4", ("frame",), "1", "rises when the device moves its origin: do not compare poses across"),
    Field("T_world_head", "<f8", ("frame", "row", "column"), "m", "head in the operator's world; NaN: not tracked"),
    Field("T_world_left_wrist", "<f8", ("frame", "row", "column"), "m", "left wrist; NaN: not tracked"),
    Field("T_world_right_wrist", "<f8", ("frame", "row", "column"), "m", "right wrist; NaN: not tracked"),
    Field("left_points_m", "<f8", ("frame", "point", "xyz"), "m", "21 points in the left wrist frame; NaN: none"),
    Field("right_points_m", "<f8", ("frame", "point", "xyz"), "m", "21 points in the right wrist frame; NaN: none"),
    Field("left_elbow_m", "<f8", ("frame", "xyz"), "m", "left elbow in the operator's world; NaN: not known"),
    Field("right_elbow_m", "<f8", ("frame", "xyz"), "m", "right elbow in the operator's world; NaN: not known"),
)

POLICY_FIELDS: tuple[Field, ...] = (
    Field("receive_s", "<f8", ("chunk",), "s", "monotonic clock of the recorder when the chunk arrived"),
    Field("header_stamp_s", "<f8", ("chunk",), "s", "the policy's wall-clock stamp of the chunk"),
    Field(
        "valid",
        "u1",
        ("chunk",),
        "1",
        "1: a plan; 2: a plan of the shadow policy, which never drives; 0: not finite, or times that do not increase",
    ),
    Field("horizon", "<i4", ("chunk",), "1", "steps that this chunk has; the rest of its row is padding"),
    Field("joint_count", "<i4", ("chunk",), "1", "joints that this chunk has; the rest of its row is padding"),
    Field("joint_index", "<i4", ("chunk", "slot"), "1", "index into joint_names per column of q_rad; -1: padding"),
    Field("offset_s", "<f8", ("chunk", "step"), "s", "time of each step from receive_s; NaN: padding"),
    Field("q_rad", "<f8", ("chunk", "step", "slot"), "rad", "joint targets; NaN: padding"),
)

FAILURE_FIELDS: tuple[Field, ...] = (
    Field("stamp_s", "<f8", ("opinion",), "s", "monotonic clock"),
    Field("score", "<f8", ("opinion",), "1", "the detector's score"),
    Field("threshold", "<f8", ("opinion",), "1", "the score from which on it raises an alarm"),
    Field("alarm", "u1", ("opinion",), "1", "1 while it raises an alarm"),
    Field("detector", "u1", ("opinion", "character"), "utf-8", "name, fixed width, padded with zero bytes"),
)

EVENT_FIELDS: tuple[Field, ...] = (
    Field("time_s", "<f8", ("event",), "s", "monotonic clock"),
    Field("kind", "u1", ("event", "character"), "utf-8", "a short word, fixed width, padded with zero bytes"),
    Field("detail", "u1", ("event", "letter"), "utf-8", "a sentence or JSON, fixed width, padded with zero bytes"),
)

TASK_FIELDS: tuple[Field, ...] = (
    Field("stamp_s", "<f8", ("sample",), "s", "monotonic clock of the recorder when the features arrived"),
    Field("features", "<f8", ("sample", "feature"), "mixed", "the task's state; names in the attribute feature_names"),
)

CAMERA_FIELDS: tuple[Field, ...] = (
    Field("jpeg", "u1", ("byte",), "bytes", "the JPEG files as received, one after the other"),
    Field("offset", "<i8", ("image",), "bytes", "where each image starts in jpeg"),
    Field("length", "<i8", ("image",), "bytes", "how many bytes it has"),
    Field("jpeg_crc32c", "<u4", ("image",), "1", "CRC-32C of those bytes"),
    Field("capture_s", "<f8", ("image",), "s", "the camera's own stamp, seconds since the epoch"),
    Field("receive_s", "<f8", ("image",), "s", "monotonic clock of the recorder when the image arrived"),
    Field("sequence", "<u4", ("image",), "1", "running number; a gap is an image that was lost"),
    Field("duplicate", "u1", ("image",), "bits", "1: has the capture stamp of the image before it, 2: has its bytes"),
    Field("missed", "<u4", ("image",), "1", "images that, by the capture stamps, never came between the last and this"),
)

GROUP_FIELDS: dict[str, tuple[Field, ...]] = {
    "control": CONTROL_FIELDS,
    "tracking": (
        Field("receive_s", "<f8", ("frame",), "s", "monotonic clock of the recorder when the frame arrived"),
        *TRACKING_FIELDS,
    ),
    "policy": POLICY_FIELDS,
    "failure": FAILURE_FIELDS,
    "events": EVENT_FIELDS,
    "task": TASK_FIELDS,
}
"""Fields of every group but ``cameras/<name>``, which has ``CAMERA_FIELDS``."""

_AXIS_SIZE = {"row": 4, "column": 4, "point": len(HAND_POINTS), "xyz": 3}


def _packed(fields: tuple[Field, ...], sizes: dict[str, int]) -> np.dtype[np.void]:
    return np.dtype([(f.name, f.kind, tuple(sizes[axis] for axis in f.dims[1:])) for f in fields])


def control_dtype(joint_count: int, group_count: int) -> np.dtype[np.void]:
    """Packed little-endian row of one control tick for ``joint_count`` joints in ``group_count`` groups.

    The first two fields are ``episode`` and ``tick`` (u4 each), which is how the recorder reads them without numpy.
    """
    if joint_count < 1 or group_count < 1:
        raise ValueError(f"a control row needs joints and groups, got {joint_count} and {group_count}")
    return _packed(CONTROL_FIELDS, {"joint": joint_count, "group": group_count})


def row_episode_tick(row: bytes) -> tuple[int, int]:
    """``episode`` and ``tick`` of a control row's bytes."""
    episode, tick = struct.unpack_from("<II", row)
    return int(episode), int(tick)


TRACKING_DTYPE = _packed(TRACKING_FIELDS, _AXIS_SIZE)
TRACKING_ROW = _packed(GROUP_FIELDS["tracking"], _AXIS_SIZE)
"""A device frame with the recorder's stamp: a row of the tracking log."""

FRAME_ROW = _packed(CAMERA_FIELDS[1:7], {})
"""A row of a camera's log: where an image lies in the pack, and when it was taken. The rest is derived from these."""


def task_dtype(feature_count: int) -> np.dtype[np.void]:
    """A row of the task log."""
    return _packed(TASK_FIELDS, {"feature": feature_count})


def pack_operator_frame(frame: OperatorFrame) -> bytes:
    """The bytes of a device frame as they travel on ``/operator/frame`` and lie in the journal."""
    row: NDArray[np.void] = np.zeros((), TRACKING_DTYPE)
    row["stamp_s"], row["sequence"], row["engaged"] = frame.stamp_s, frame.sequence, frame.engaged
    row["space"], row["T_world_head"] = frame.space, _or_nan(frame.T_world_head)
    for side, hand in (("left", frame.left), ("right", frame.right)):
        row[f"T_world_{side}_wrist"] = _or_nan(hand.T_world_wrist)
        row[f"{side}_points_m"], row[f"{side}_elbow_m"] = _or_nan(hand.points_m), _or_nan(hand.elbow_m)
    return row.tobytes()


def unpack_operator_frame(data: bytes) -> OperatorFrame:
    """The device frame of ``pack_operator_frame``; a pose or hand that is all NaN comes back as None.

    Raises:
        DatasetInvalid: the number of bytes is not that of a frame.
    """
    if len(data) != TRACKING_DTYPE.itemsize:
        raise DatasetInvalid(f"a device frame has {TRACKING_DTYPE.itemsize} bytes, got {len(data)}")
    row = np.frombuffer(data, TRACKING_DTYPE)[0]
    hands = [
        HandFrame(*(_or_none(row[name]) for name in (f"T_world_{s}_wrist", f"{s}_points_m", f"{s}_elbow_m")))
        for s in SIDES
    ]
    return OperatorFrame(
        stamp_s=float(row["stamp_s"]),
        sequence=int(row["sequence"]),
        left=hands[0],
        right=hands[1],
        T_world_head=_or_none(row["T_world_head"]),
        engaged=bool(row["engaged"]),
        space=int(row["space"]),
    )


def _or_nan(value: Array | None) -> Array | float:
    return np.nan if value is None else value


def _or_none(value: Array) -> Array | None:
    return None if bool(np.all(np.isnan(value))) else np.array(value)
