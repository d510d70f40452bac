"""The limits that a command must keep, per joint, and the tick at which they are kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Array


@dataclass(frozen=True)
class Limits:
    """Per joint (n,): position [rad], velocity [rad/s], acceleration [rad/s^2], jerk [rad/s^3]; tick ``dt_s``.

    Raises:
        ValueError: a limit is not finite, not positive, or a position range is empty.
    """

    q_min_rad: Array
    q_max_rad: Array
    v_max_rad_s: Array
    a_max_rad_s2: Array
    j_max_rad_s3: Array
    dt_s: float

    def __post_init__(self) -> None:
        if not (0.0 < self.dt_s < 1.0):
            raise ValueError(f"dt_s must be in (0, 1), got {self.dt_s}")
        if not np.all(self.q_min_rad < self.q_max_rad):
            raise ValueError("every q_min_rad must be below its q_max_rad")
        for name in ("v_max_rad_s", "a_max_rad_s2", "j_max_rad_s3"):
            values = getattr(self, name)
            if not (np.all(np.isfinite(values)) and np.all(values > 0.0)):
                raise ValueError(f"{name} must be finite and positive for every joint")

    @property
    def dynamic(self) -> tuple[Array, Array, Array]:
        """Velocity, acceleration and jerk, each (n,)."""
        return self.v_max_rad_s, self.a_max_rad_s2, self.j_max_rad_s3

    def looser_than(self, other: Limits) -> str | None:
        """None when every limit is as tight as ``other``'s or tighter; else which one is not, as a phrase."""
        if self.dt_s != other.dt_s or self.joint_count != other.joint_count:
            return "another tick or another number of joints"
        for name, looser in (
            ("q_min_rad", self.q_min_rad < other.q_min_rad),
            ("q_max_rad", self.q_max_rad > other.q_max_rad),
            ("v_max_rad_s", self.v_max_rad_s > other.v_max_rad_s),
            ("a_max_rad_s2", self.a_max_rad_s2 > other.a_max_rad_s2),
            ("j_max_rad_s3", self.j_max_rad_s3 > other.j_max_rad_s3),
        ):
            if np.any(looser):
                return f"{name} of joint {int(np.flatnonzero(looser)[0])}"
        return None

    @property
    def longest_stop_ticks(self) -> int:
        """Ticks within which every joint can stop."""
        v, a, j = self.dynamic
        return int(np.max(np.ceil((v / a + a / j) / self.dt_s))) + 1

    @property
    def joint_count(self) -> int:
        return len(self.q_min_rad)
