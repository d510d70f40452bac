"""What the control loop asks of any robot: the newest state, and one command per tick."""

from __future__ import annotations

from typing import Protocol

from ..types import Array, RobotState


class Robot(Protocol):
    """A robot seen from the control loop. No call blocks; the robot's side stops by itself when commands stop."""

    def read(self) -> RobotState | None:
        """Newest valid measured state, stamped with this process's monotonic clock; None before the first one.

        The same state is returned again, with its old stamp, while nothing newer arrives: the caller ages it.
        """
        ...

    def send(self, q_rad: Array, sequence: int) -> None:
        """Send positions (n,) in rad, in the order of the robot description; ``sequence`` rises with every call.

        Raises:
            RobotUnavailable: ``q_rad`` is not (n,) or not finite; nothing is sent.
        """
        ...

    def close(self) -> None:
        """Release what was opened. Sends nothing."""
        ...
