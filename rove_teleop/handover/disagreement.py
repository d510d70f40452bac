"""How far the policy, which goes on predicting, is from the person who drives: its root mean square per joint group."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..types import Array


class Disagreement:
    """Of the groups that a person drives, over one human phase.

    The same follows from the rows of an episode: q_policy_rad - q_operator_rad where ``driver`` is 2 and both are
    finite.
    """

    def __init__(self, groups: Mapping[str, NDArray[np.int64]], dt_s: float) -> None:
        self._names, self._dt_s = tuple(groups), dt_s
        self._group = np.zeros(sum(len(index) for index in groups.values()), dtype=np.int64)
        for k, index in enumerate(groups.values()):
            self._group[index] = k
        self.begin()

    def begin(self) -> None:
        """A new human phase."""
        self._ticks = 0
        self._squares = np.zeros(len(self._names))
        self._counts = np.zeros(len(self._names))

    def add(self, by_person: NDArray[np.bool_], q_policy_rad: Array, q_operator_rad: Array) -> None:
        """One tick: the joints (n,) that the person should drive, and both targets (n,), NaN where there is none."""
        apart = q_policy_rad - q_operator_rad
        counted = by_person & np.isfinite(apart)
        self._ticks += 1
        groups, size = self._group[counted], len(self._names)
        self._squares += np.bincount(groups, apart[counted] ** 2, size)
        self._counts += np.bincount(groups, minlength=size)

    @property
    def rms_rad(self) -> dict[str, float]:
        """Of the groups in which both had a target, over this phase so far."""
        return {
            name: math.sqrt(square / count)
            for name, square, count in zip(self._names, self._squares, self._counts, strict=True)
            if count
        }

    def summary(self) -> str | None:
        """JSON of the phase: its seconds and rms per group; None when there was nothing to compare."""
        rms_rad = self.rms_rad
        if not rms_rad:
            return None
        return json.dumps({"seconds": round(self._ticks * self._dt_s, 3), "rms_rad": rms_rad})
