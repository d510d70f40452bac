"""What every ROS 2 message of an episode is made with: wall times, headers, labelled arrays, the message types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..episodes.read import Episode
from ..episodes.windows.columns import checked_array
from ..errors import DatasetInvalid
from ..types import Array

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

Stamped = Iterator[tuple[int, Any]]
Topic = tuple[str, str, Stamped]
"""Name, message type, and in order (wall time in ns, message)."""

STRING, JOINTS, NUMBERS = "std_msgs/msg/String", "sensor_msgs/msg/JointState", "std_msgs/msg/Float64MultiArray"


class Values:
    """Of one episode. Times are wall times: the monotonic stamps, moved by what the clocks differed by at its begin.

    Raises:
        DatasetInvalid: the episode does not say what time it was.
    """

    def __init__(self, episode: Episode, store: Typestore) -> None:
        self.episode, self.make = episode, store.types
        self.joints: list[str] = episode.attributes["joint_names"]
        try:
            begin = episode.attributes["clocks"]["begin"]
            self._offset_s = float(begin["wall_time_s"]) - float(begin["monotonic_s"])
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetInvalid(f"{episode.path.name}: its attribute 'clocks' says no time ({error})") from error

    def array(self, name: str) -> NDArray[Any]:
        """An array of the episode, checked."""
        return checked_array(self.episode, name)

    def ns(self, stamp_s: Array) -> NDArray[np.int64]:
        """Wall times in nanoseconds of monotonic stamps."""
        return np.round((stamp_s + self._offset_s) * 1e9).astype(np.int64)

    def header(self, time_ns: int, frame: str = "") -> Any:
        seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
        time = self.make["builtin_interfaces/msg/Time"](seconds, nanoseconds)
        return self.make["std_msgs/msg/Header"](time, frame)

    def duration(self, duration_s: float) -> Any:
        seconds, nanoseconds = divmod(round(duration_s * 1e9), 1_000_000_000)
        return self.make["builtin_interfaces/msg/Duration"](seconds, nanoseconds)

    def layout(self, labels: Sequence[str] = ()) -> Any:
        """Of a multi-array whose numbers have these names."""
        dimension = self.make["std_msgs/msg/MultiArrayDimension"]
        return self.make["std_msgs/msg/MultiArrayLayout"]([dimension(label, 1, 1) for label in labels], 0)

    def arrays(self, kind: str, labels: Sequence[str], time_ns: NDArray[np.int64], rows: NDArray[Any]) -> Stamped:
        """A multi-array per row (t, n)."""
        layout, make = self.layout(labels), self.make[kind]
        for stamp_ns, row in zip(time_ns.tolist(), rows, strict=True):
            yield stamp_ns, make(layout, np.array(row))
