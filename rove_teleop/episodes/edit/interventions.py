"""Where a person drove: runs of adaptation and recovery in a column of phases, and rows by their time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...types import Array, Phase

# A time typed with three decimals must find the tick that was meant.
_SLACK_S = 1e-6


class Intervention(NamedTuple):
    """Rows ``[from_row, to_row)`` in which a person drove; up to ``t_r_row`` it is adaptation, then recovery."""

    from_row: int
    t_r_row: int
    to_row: int


def interventions(phase: NDArray[np.uint8]) -> list[Intervention]:
    """Every unbroken run of adaptation and recovery in ``phase`` (ticks,).

    ``t_r_row`` follows the last tick of adaptation in the run; it is ``from_row`` where there is none.
    """
    human = (phase == Phase.ADAPTATION) | (phase == Phase.RECOVERY)
    edges = np.flatnonzero(np.diff(human.astype(np.int8), prepend=0, append=0))
    found = []
    for start, end in edges.reshape(-1, 2).tolist():
        adaptation = np.flatnonzero(phase[start:end] == Phase.ADAPTATION)
        found.append(Intervention(start, start + (int(adaptation[-1]) + 1 if len(adaptation) else 0), end))
    return found


def t_r_stamps(phase: NDArray[np.uint8], stamp_s: Array) -> tuple[float, ...]:
    """The end of adaptation of each intervention, on the clock of ``stamp_s`` (ticks,).

    Where the episode ends with adaptation it is the stamp of the last tick.
    """
    return tuple(float(stamp_s[min(run.t_r_row, len(stamp_s) - 1)]) for run in interventions(phase))


def intervention_at(phase: NDArray[np.uint8], stamp_s: Array, t_r_s: float, number: int | None = None) -> Intervention:
    """The intervention around ``t_r_s`` seconds from the start, with its ``t_r_row`` there; ``number`` counts from 1.

    Raises:
        UsageError: the time lies in no intervention, or not in the one of this number; the sentence lists them.
    """
    row = row_at(stamp_s, t_r_s)
    runs = interventions(phase)
    for position, run in enumerate(runs, start=1):
        if run.from_row <= row <= run.to_row and number in (None, position):
            return run._replace(t_r_row=row)
    ends = [[stamp_s[min(row, len(stamp_s) - 1)] - stamp_s[0] for row in (run.from_row, run.to_row)] for run in runs]
    listed = ", ".join(f"{position}: {a:.3f} to {b:.3f} s" for position, (a, b) in enumerate(ends, start=1))
    place = "an intervention" if number is None else f"intervention {number}"
    raise UsageError(f"{t_r_s:g} s does not lie in {place} of this episode ({listed or 'it has none'})")


def row_at(stamp_s: Array, time_s: float) -> int:
    """The first row at or after ``time_s`` seconds from the episode's start; the number of rows behind its end.

    Raises:
        UsageError: the time is not inside the episode.
    """
    length_s = float(stamp_s[-1] - stamp_s[0]) if len(stamp_s) else 0.0
    if not 0.0 <= time_s <= length_s + _SLACK_S:
        raise UsageError(f"{time_s:g} s is not inside the episode, which lasts {length_s:.3f} s")
    return int(np.searchsorted(stamp_s - stamp_s[0], time_s - _SLACK_S))


def rows_between(stamp_s: Array, from_s: float | None, to_s: float | None) -> tuple[int, int]:
    """Rows ``[from_row, to_row)`` of ``from_s`` up to ``to_s`` seconds from the start; None is the start or the end.

    Raises:
        UsageError: a time outside the episode, or nothing between them.
    """
    from_row = 0 if from_s is None else row_at(stamp_s, from_s)
    to_row = len(stamp_s) if to_s is None else row_at(stamp_s, to_s)
    if not from_row < to_row:
        raise UsageError(f"no tick lies between {from_s or 0.0:g} s and {'the end' if to_s is None else f'{to_s:g} s'}")
    return from_row, to_row
