"""An episode as ROS 2 messages: per topic its type and, in order, (wall time in ns, message)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..episodes.columns import checked_array
from ..episodes.overlay import Labels
from ..episodes.read import Episode
from ..errors import DatasetInvalid
from ..geometry import matrix_to_quat
from ..types import Array, Authority, Phase
from .images import Images

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

Stamped = Iterator[tuple[int, Any]]
Topic = tuple[str, str, Stamped]
"""Name, message type, messages."""

_POSES = ("T_world_head", "T_world_left_wrist", "T_world_right_wrist")


class EpisodeMessages:
    """The topics of one episode, named and typed as in a live session (docs/architecture.md).

    Times are wall times: the monotonic stamps, moved by what the clocks differed by when the episode began.

    Raises:
        DatasetInvalid: the episode does not say what time it was, or is damaged.
    """

    def __init__(self, episode: Episode, labels: Labels, store: Typestore) -> None:
        self._episode, self._labels = episode, labels
        self._make = store.types
        self._joints: list[str] = episode.attributes["joint_names"]
        try:
            begin = episode.attributes["clocks"]["begin"]
            self._offset_s = float(begin["wall_time_s"]) - float(begin["monotonic_s"])
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetInvalid(f"{episode.path.name}: its attribute 'clocks' says no time ({error})") from error
        self._row_ns = self._ns(self._array("control/stamp_s"))

    def topics(self) -> list[Topic]:
        """Everything that the episode holds."""
        text, number = "std_msgs/msg/String", "std_msgs/msg/UInt8"
        phase, authority = self._labels.phase, self._array("control/authority")
        states = self._episode.attributes["state_names"]
        joints = "sensor_msgs/msg/JointState"
        topics: list[Topic] = [
            ("/joint_states", joints, self._joint_states("q_measured_rad", "dq_measured_rad_s")),
            ("/joint_commands", joints, self._joint_states("q_sent_rad")),
            ("/operator/targets", joints, self._joint_states("q_operator_rad")),
            ("/rove/targets", joints, self._joint_states("q_target_rad")),
            ("/rove/phase", text, self._changes(phase, lambda value: _name(Phase, value))),
            ("/rove/authority", text, self._changes(authority, lambda value: _name(Authority, value))),
            ("/rove/state", text, self._changes(self._array("control/state"), lambda value: _item(states, value))),
            ("/rove/phase_number", number, self._numbers(phase)),
            ("/rove/authority_number", number, self._numbers(authority)),
            ("/rove/weight", "std_msgs/msg/Float64MultiArray", self._weights()),
            ("/rove/event", text, self._events()),
        ]
        if "policy/receive_s" in self._episode:
            topics.append(("/policy/chunk", "trajectory_msgs/msg/JointTrajectory", self._chunks()))
        if "tracking/receive_s" in self._episode:
            topics.append(("/operator/poses", "geometry_msgs/msg/PoseArray", self._poses()))
        for camera in self._episode.cameras:
            topics.append(
                (f"/camera/{camera}/image_raw/compressed", "sensor_msgs/msg/CompressedImage", self._images(camera))
            )
        return topics

    def _joint_states(self, position: str, velocity: str | None = None) -> Stamped:
        """One message per row, with the joints that have a value; none where no joint has one."""
        q_rad = self._array(f"control/{position}")
        dq_rad_s = self._array(f"control/{velocity}") if velocity else None
        kind, nothing = self._make["sensor_msgs/msg/JointState"], np.zeros(0)
        there = np.isfinite(q_rad)
        whole = there.all(axis=1)
        for row in np.flatnonzero(there.any(axis=1)).tolist():
            time_ns, position_rad = int(self._row_ns[row]), q_rad[row]
            speed_rad_s, names = nothing if dq_rad_s is None else dq_rad_s[row], self._joints
            if not whole[row]:
                known = there[row]
                names = [name for name, has in zip(self._joints, known.tolist(), strict=True) if has]
                position_rad, speed_rad_s = position_rad[known], speed_rad_s[known] if dq_rad_s is not None else nothing
            header = self._header(time_ns)
            yield time_ns, kind(header, names, np.array(position_rad), np.array(speed_rad_s), nothing)

    def _changes(self, values: NDArray[np.uint8], name: Callable[[int], str]) -> Stamped:
        """A text at the first row, and wherever it becomes another."""
        kind = self._make["std_msgs/msg/String"]
        changed = np.flatnonzero(np.diff(values.astype(np.int64), prepend=-1) != 0)
        for row in changed.tolist():
            yield int(self._row_ns[row]), kind(name(int(values[row])))

    def _numbers(self, values: NDArray[np.uint8]) -> Stamped:
        kind = self._make["std_msgs/msg/UInt8"]
        for time_ns, value in zip(self._row_ns.tolist(), values.tolist(), strict=True):
            yield time_ns, kind(value)

    def _weights(self) -> Stamped:
        weight = self._array("control/weight")
        dimension = self._make["std_msgs/msg/MultiArrayDimension"]
        layout = self._make["std_msgs/msg/MultiArrayLayout"](
            [dimension(group, 1, 1) for group in self._episode.attributes["groups"]], 0
        )
        kind = self._make["std_msgs/msg/Float64MultiArray"]
        for time_ns, row in zip(self._row_ns.tolist(), weight, strict=True):
            yield time_ns, kind(layout, np.array(row))

    def _events(self) -> Stamped:
        kind = self._make["std_msgs/msg/String"]
        for event in sorted(self._episode.events(), key=lambda event: event.time_s):
            said = {"time_s": event.time_s, "kind": event.kind, "detail": event.detail}
            yield int(self._ns(np.array(event.time_s))), kind(json.dumps(said, ensure_ascii=False))

    def _chunks(self) -> Stamped:
        """Chunks that were valid; the others could not be said in this message and were never driven."""
        names = ("receive_s", "header_stamp_s", "valid", "horizon", "joint_count", "joint_index", "offset_s", "q_rad")
        chunk = {name: self._array(f"policy/{name}") for name in names}
        time_ns, header_ns = self._ns(chunk["receive_s"]), np.round(chunk["header_stamp_s"] * 1e9)
        point = self._make["trajectory_msgs/msg/JointTrajectoryPoint"]
        kind, nothing = self._make["trajectory_msgs/msg/JointTrajectory"], np.zeros(0)
        for index in np.flatnonzero(chunk["valid"]).tolist():
            steps, slots = int(chunk["horizon"][index]), int(chunk["joint_count"][index])
            points = [
                point(np.array(q_rad[:slots]), nothing, nothing, nothing, self._duration(float(offset_s)))
                for offset_s, q_rad in zip(chunk["offset_s"][index][:steps], chunk["q_rad"][index], strict=False)
            ]
            joints = [self._joints[joint] for joint in chunk["joint_index"][index][:slots].tolist()]
            yield int(time_ns[index]), kind(self._header(int(header_ns[index])), joints, points)

    def _poses(self) -> Stamped:
        time_ns = self._ns(self._array("tracking/receive_s"))
        parts = [self._array(f"tracking/{name}") for name in _POSES]
        kind = self._make["geometry_msgs/msg/PoseArray"]
        for index, stamp_ns in enumerate(time_ns.tolist()):
            yield stamp_ns, kind(self._header(stamp_ns, "operator_world"), [self._pose(part[index]) for part in parts])

    def _images(self, camera: str) -> Stamped:
        images = Images(self._episode, camera)
        capture_ns = np.round(self._array(f"cameras/{camera}/capture_s") * 1e9)
        kind = self._make["sensor_msgs/msg/CompressedImage"]
        for index, time_ns in enumerate(self._ns(images.receive_s).tolist()):
            data = np.frombuffer(images.jpeg(index), np.uint8)
            yield time_ns, kind(self._header(int(capture_ns[index]), camera), "jpeg", data)

    def _pose(self, T_world_part: Array) -> Any:
        """A pose; what was not tracked is all NaN."""
        known = bool(np.isfinite(T_world_part).all())
        w, x, y, z = matrix_to_quat(T_world_part[:3, :3]).tolist() if known else [np.nan] * 4
        point = self._make["geometry_msgs/msg/Point"](*T_world_part[:3, 3].tolist())
        return self._make["geometry_msgs/msg/Pose"](point, self._make["geometry_msgs/msg/Quaternion"](x, y, z, w))

    def _header(self, time_ns: int, frame: str = "") -> Any:
        seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
        time = self._make["builtin_interfaces/msg/Time"](seconds, nanoseconds)
        return self._make["std_msgs/msg/Header"](time, frame)

    def _duration(self, duration_s: float) -> Any:
        seconds, nanoseconds = divmod(round(duration_s * 1e9), 1_000_000_000)
        return self._make["builtin_interfaces/msg/Duration"](seconds, nanoseconds)

    def _array(self, name: str) -> NDArray[Any]:
        return checked_array(self._episode, name)

    def _ns(self, stamp_s: Array) -> NDArray[np.int64]:
        return np.round((stamp_s + self._offset_s) * 1e9).astype(np.int64)


def _name(names: type[Phase] | type[Authority], value: int) -> str:
    return names(value).name.lower() if value in set(names) else str(value)


def _item(names: list[str], value: int) -> str:
    return names[value] if value < len(names) else str(value)
