"""What of an episode has its own clock, as ROS 2 messages: chunks, the operator, cameras, opinions, task, events."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..episodes.layout import TRACKING_DTYPE
from ..geometry import matrix_to_quat
from ..types import Array
from .images import Images
from .mcap_values import NUMBERS, STRING, Stamped, Topic, Values

_POSES = ("T_world_head", "T_world_left_wrist", "T_world_right_wrist")
_BYTES = "std_msgs/msg/UInt8MultiArray"
_IMAGE, _POINTS = "sensor_msgs/msg/CompressedImage", "trajectory_msgs/msg/JointTrajectory"


def stream_topics(values: Values) -> list[Topic]:
    """The streams that the episode has, named and typed as in a live session."""
    there = {name.partition("/")[0] for name in values.episode}
    topics: list[Topic] = [("/rove/event", STRING, _events(values))]
    if "policy" in there:
        topics.append(("/policy/chunk", _POINTS, _chunks(values)))
    if "tracking" in there:
        topics.append(("/operator/poses", "geometry_msgs/msg/PoseArray", _poses(values)))
        topics.append(("/operator/frame", _BYTES, _device_frames(values)))
    if "task" in there:
        names, features = values.episode.attributes["feature_names"], values.array("task/features")
        time_ns = values.ns(values.array("task/stamp_s"))
        topics.append(("/task/state", NUMBERS, values.arrays(NUMBERS, names, time_ns, features)))
    if "failure" in there:
        names = ("score", "threshold", "alarm")
        opinions = np.column_stack([values.array(f"failure/{name}").astype(np.float64) for name in names])
        time_ns = values.ns(values.array("failure/stamp_s"))
        topics.append(("/rove/failure", NUMBERS, values.arrays(NUMBERS, names, time_ns, opinions)))
    for camera in values.episode.cameras:
        topics.append((f"/camera/{camera}/image_raw/compressed", _IMAGE, _images(values, camera)))
    return topics


def _events(values: Values) -> Stamped:
    kind = values.make[STRING]
    for event in sorted(values.episode.events(), key=lambda event: event.time_s):
        said = {"time_s": event.time_s, "kind": event.kind, "detail": event.detail}
        yield int(values.ns(np.array(event.time_s))), kind(json.dumps(said, ensure_ascii=False))


def _chunks(values: Values) -> Stamped:
    """Valid chunks of the policy that drives; the others were never driven, and some cannot be said in this message."""
    names = ("receive_s", "header_stamp_s", "valid", "horizon", "joint_count", "joint_index", "offset_s", "q_rad")
    chunk = {name: values.array(f"policy/{name}") for name in names}
    time_ns, header_ns = values.ns(chunk["receive_s"]), np.round(chunk["header_stamp_s"] * 1e9)
    point, kind, nothing = values.make[f"{_POINTS}Point"], values.make[_POINTS], np.zeros(0)
    for index in np.flatnonzero(chunk["valid"] == 1).tolist():
        steps, slots = int(chunk["horizon"][index]), int(chunk["joint_count"][index])
        points = [
            point(np.array(q_rad[:slots]), nothing, nothing, nothing, values.duration(float(offset_s)))
            for offset_s, q_rad in zip(chunk["offset_s"][index][:steps], chunk["q_rad"][index], strict=False)
        ]
        joints = [values.joints[joint] for joint in chunk["joint_index"][index][:slots].tolist()]
        yield int(time_ns[index]), kind(values.header(int(header_ns[index])), joints, points)


def _poses(values: Values) -> Stamped:
    parts = [values.array(f"tracking/{name}") for name in _POSES]
    kind = values.make["geometry_msgs/msg/PoseArray"]
    for index, stamp_ns in enumerate(values.ns(values.array("tracking/receive_s")).tolist()):
        poses = [_pose(values, part[index]) for part in parts]
        yield stamp_ns, kind(values.header(stamp_ns, "operator_world"), poses)


def _device_frames(values: Values) -> Stamped:
    """The bytes that the operator's process sent (``episodes/layout.py``): fingers too."""
    time_ns = values.ns(values.array("tracking/receive_s"))
    frames = np.zeros(len(time_ns), TRACKING_DTYPE)
    for name in TRACKING_DTYPE.names or ():
        frames[name] = values.array(f"tracking/{name}")
    kind, layout = values.make[_BYTES], values.layout()
    for stamp_ns, frame in zip(time_ns.tolist(), frames, strict=True):
        yield stamp_ns, kind(layout, np.frombuffer(frame.tobytes(), np.uint8))


def _images(values: Values, camera: str) -> Stamped:
    """The recorded bytes; ``header.stamp`` is the camera's own."""
    images = Images(values.episode, camera)
    capture_ns = np.round(values.array(f"cameras/{camera}/capture_s") * 1e9)
    kind = values.make[_IMAGE]
    for index, time_ns in enumerate(values.ns(images.receive_s).tolist()):
        data = np.frombuffer(images.jpeg(index), np.uint8)
        yield time_ns, kind(values.header(int(capture_ns[index]), camera), "jpeg", data)


def _pose(values: Values, T_world_part: Array) -> Any:
    """A pose; what was not tracked is all NaN."""
    known = bool(np.isfinite(T_world_part).all())
    w, x, y, z = matrix_to_quat(T_world_part[:3, :3]).tolist() if known else [np.nan] * 4
    point = values.make["geometry_msgs/msg/Point"](*T_world_part[:3, 3].tolist())
    return values.make["geometry_msgs/msg/Pose"](point, values.make["geometry_msgs/msg/Quaternion"](x, y, z, w))
