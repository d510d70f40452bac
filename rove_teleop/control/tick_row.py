"""A tick of the control loop as the bytes of one control row."""

from __future__ import annotations

import numpy as np

from ..control_loop import Tick
from ..episodes.layout import control_dtype


class TickRow:
    """One row, filled again and again. ``q_sent_rad`` is NaN in a tick that sent nothing."""

    def __init__(self, joint_count: int, group_count: int) -> None:
        self._rows = np.zeros(1, dtype=control_dtype(joint_count, group_count))

    def pack(self, tick: Tick, episode: int, number: int, wall_time_s: float) -> bytes:
        """Bytes of the row ``number`` of the session's ``episode``."""
        row = self._rows[0]
        row["episode"], row["tick"] = episode, number
        row["wall_time_s"] = wall_time_s
        row["q_sent_rad"] = np.nan if tick.q_sent_rad is None else tick.q_sent_rad
        for name in _SAME_NAMES:
            row[name] = getattr(tick, name)
        return self._rows.tobytes()


_SAME_NAMES = (
    "stamp_s",
    "q_measured_rad",
    "dq_measured_rad_s",
    "q_policy_rad",
    "q_operator_rad",
    "q_target_rad",
    "weight",
    "driver",
    "authority",
    "phase",
    "state",
    "reason",
    "operator_age_s",
    "policy_age_s",
)
