"""From the control rate to a training rate: sample and hold, nothing interpolated, nothing from the future."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...types import Array


@dataclass(frozen=True, slots=True)
class Steps:
    """The training steps of one episode.

    ``row`` (steps,) is the control row of each step. ``joined`` (steps,) is True where no control tick was lost since
    the step before; it is False for the first step, so that nothing is ever read across a gap or an episode's border.
    """

    row: NDArray[np.int64]
    joined: NDArray[np.bool_]


def training_steps(tick: NDArray[np.integer], control_hz: float, rate_hz: float) -> Steps:
    """Which control rows become training steps.

    Step k is the control tick ``first + floor(k * control_hz / rate_hz)``, where ``first`` is the episode's first tick.
    A step whose tick was lost does not exist.

    Raises:
        UsageError: the rate is not above 0, or above the control rate.
    """
    if not 0.0 < rate_hz <= control_hz:
        raise UsageError(f"rate_hz must be above 0 and at most the control rate of {control_hz:g} Hz, got {rate_hz:g}")
    if len(tick) == 0:
        return Steps(np.zeros(0, np.int64), np.zeros(0, np.bool_))
    number = tick.astype(np.int64) - int(tick[0])
    # One more than the rate says, because steps are rounded down; what lies past the end is not there.
    count = int(number[-1] * rate_hz / control_hz) + 2
    # A hair of slack: 3 * (250 / 30) must not fall below 25.
    wanted = np.floor(np.arange(count) * (control_hz / rate_hz) + 1e-9).astype(np.int64)
    place = np.searchsorted(number, wanted)
    there = number[np.minimum(place, len(number) - 1)] == wanted
    row = place[there]
    joined = np.zeros(len(row), np.bool_)
    # Rows and ticks advance alike exactly where no tick in between was lost.
    joined[1:] = np.diff(number[row]) == np.diff(row)
    return Steps(row, joined)


def rows_between(steps: Steps, marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True for a step (steps,) where a marked control row (ticks,) lies after the step before it, up to itself."""
    count = np.concatenate([[0], np.cumsum(marked)])
    upto = count[steps.row + 1]
    return np.diff(upto, prepend=0) > 0


def newest_rows(source_s: Array, stamp_s: Array) -> NDArray[np.int64]:
    """Index of the newest source row at or before each stamp; -1 where there is none yet."""
    return np.searchsorted(source_s, stamp_s, side="right").astype(np.int64) - 1
