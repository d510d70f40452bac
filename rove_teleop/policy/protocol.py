"""What every policy is asked and answers, whether it runs in this process or on another machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import Array


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of robot and task at ``stamp_s``, the monotonic time of the oldest part.

    Joints (n,) are in the order of the robot description; ``features`` (k,) belong to ``feature_names`` and may be
    empty; ``images`` are (h, w, 3) RGB by the name of their camera. ``delay_s`` is how long after the stamp the plan
    will be there, as far as one knows: until then the robot follows the plan before.
    """

    stamp_s: float
    q_measured_rad: Array
    q_commanded_rad: Array
    feature_names: tuple[str, ...] = ()
    features: Array = field(default_factory=lambda: np.empty(0))
    images: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    instruction: str = ""
    delay_s: float = 0.0


class Plan(NamedTuple):
    """Targets ``q_rad`` (h, m) of the joints ``joint_index`` (m,) at ``offset_s`` (h,) after the observation.

    It may be used for ``valid_s`` after the observation, however long it is. ``embedding`` (e,) and ``value`` are what
    the policy thinks of the situation; failure detectors look at them. Of a value only differences count, within one
    version of a policy: higher is better, in whatever unit (our critics: rewards still to come, docs/critic.md).
    """

    offset_s: Array
    joint_index: NDArray[np.int64]
    q_rad: Array
    valid_s: float = inf
    embedding: Array | None = None
    value: float | None = None


def within_validity(plan: Plan) -> Plan | None:
    """``plan`` without the rows after its own validity; None when that leaves nothing."""
    rows = int(np.count_nonzero(plan.offset_s <= plan.valid_s))
    if rows == len(plan.offset_s):
        return plan
    return plan._replace(offset_s=plan.offset_s[:rows], q_rad=plan.q_rad[:rows]) if rows else None


class Policy(Protocol):
    """Whatever turns observations into plans."""

    @property
    def execute_s(self) -> float:
        """How much of a plan is meant to be used before the next one."""

    @property
    def refused(self) -> Counter[str]:
        """How often there was no plan, by reason."""

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras that it looks at."""

    @property
    def problem(self) -> str | None:
        """Why it cannot plan now, one sentence for a person; None while it can."""

    def act(self, observation: Observation) -> Plan | None:
        """A plan, or None when there is none now: the reason is counted in ``refused``, and the caller holds."""

    def reset(self, seed: int) -> None:
        """Begin an episode."""
