"""What a control tick did: everything that is sent, recorded and shown of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..handover.states import State
from ..types import Array, Authority, Event, Phase


@dataclass(frozen=True, slots=True)
class Tick:
    """One control tick. ``q_sent_rad`` is None when nothing may be sent (no episode, robot at rest)."""

    stamp_s: float
    q_sent_rad: Array | None
    q_measured_rad: Array
    dq_measured_rad_s: Array
    q_policy_rad: Array
    q_operator_rad: Array
    q_target_rad: Array
    weight: Array
    driver: NDArray[np.int64]
    authority: Authority
    phase: Phase
    state: State
    reason: NDArray[np.uint32]
    operator_age_s: float
    policy_age_s: float
    events: tuple[Event, ...]
