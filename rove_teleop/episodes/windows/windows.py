"""Windows over training steps: where they may start, where they end, and their values in one call per batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from .cache import FlatCache
from .cache_labels import CUT
from .selection import Selection, in_phases, usable_steps

PHASE_KEY = "labels/phase"
_Bools = NDArray[np.bool_]
_Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Places:
    """Where windows lie, (b,) each: their start and the first and last step they may touch, as rows of the cache.

    ``terminal``: no selected step of the episode follows ``last``.
    """

    start: _Numbers
    first: _Numbers
    last: _Numbers
    terminal: _Bools
    episode: _Numbers


class Windows:
    """All windows of a cache under a selection, numbered from 0. Holds numbers per unbroken stretch, not per step.

    ``left_out`` counts the steps that no window starts at, by reason.

    Raises:
        UsageError: a phase, authority, outcome or split that is not there, or no window is left.
    """

    def __init__(self, cache: FlatCache, selection: Selection, cameras: Sequence[str] = ()) -> None:
        self.cache = cache
        usable, self.left_out = usable_steps(cache, selection, cameras)
        begins = usable.copy()
        begins[1:] &= ~usable[:-1] | ~cache.joined[1:] | ((cache.labels.flags[1:] & CUT) != 0)
        self._first = np.flatnonzero(begins)
        self._last = np.flatnonzero(usable & np.append(~usable[1:] | begins[1:], True))
        self._episode = np.searchsorted(cache.ends, self._first, side="right")
        self._terminal = np.append(self._episode[1:] != self._episode[:-1], True)[: len(self._first)]
        starts = usable & in_phases(cache, selection.start_phases)
        for camera in cameras:
            age_us = cache.columns[camera][:, 2]
            starts &= cache.whole[camera] & (age_us <= selection.max_image_age_s * 1e6)
        self._set_runs(starts)
        self._count_starts(usable, starts)
        if not len(self):
            said = ", ".join(f"{reason} ({count})" for reason, count in self.left_out.items())
            raise UsageError(f"{cache.root}: no window is left of {len(usable)} steps: {said or 'no step'}")

    def _count_starts(self, usable: _Bools, starts: _Bools) -> None:
        kept_back = int(np.count_nonzero(usable)) - int(np.count_nonzero(starts))
        if kept_back:
            self.left_out["no start: phase not in start_phases, or no recent image"] = kept_back

    def _set_runs(self, starts: _Bools) -> None:
        """Neighbouring starts are one run: its first step, and the number of windows up to its end."""
        change = np.flatnonzero(np.diff(starts.astype(np.int8), prepend=0, append=0))
        self._run_first, run_last = change[0::2], change[1::2]
        self._run_end = np.cumsum(run_last - self._run_first)

    def __len__(self) -> int:
        return int(self._run_end[-1]) if len(self._run_end) else 0

    def places(self, number: _Numbers) -> Places:
        """Where the windows with these numbers lie."""
        run = np.searchsorted(self._run_end, number, side="right")
        begin = np.where(run > 0, self._run_end[run - 1], 0)
        start = self._run_first[run] + number - begin
        segment = np.searchsorted(self._first, start, side="right") - 1
        first, last = self._first[segment], self._last[segment]
        return Places(start, first, last, self._terminal[segment], self._episode[segment])

    def read(self, number: _Numbers, offsets: Mapping[str, _Numbers], horizon: int) -> dict[str, NDArray[Any]]:
        """A batch: every key at its offsets in steps from the start (b, offsets, ...), and where windows end.

        ``KEY_is_pad`` (b, offsets) marks values beyond the stretch, which repeat its nearest step. ``steps_ahead`` (b,)
        is how far the window reaches, at most ``horizon``; ``bootstrap`` is True where it reaches all of it, so that a
        value may be asked for at its end; ``terminal`` where it does not because the episode's selected steps are over
        (False at a cut: a pause, a gap). ``steps_to_end`` counts to the end of the stretch. ``step`` is the start's
        number in its episode, ``episode`` the place of that episode in ``cache.episodes``.
        """
        places = self.places(number)
        batch: dict[str, NDArray[Any]] = {}
        done: dict[int, tuple[_Numbers, _Bools]] = {}
        for key, offset in offsets.items():
            if id(offset) not in done:
                index = places.start[:, None] + offset
                inside = np.clip(index, places.first[:, None], places.last[:, None])
                done[id(offset)] = inside, index != inside
            index, batch[f"{key}_is_pad"] = done[id(offset)]
            batch[key] = self.column(key).take(index, axis=0)
        return batch | self._ends(places, horizon)

    def _ends(self, places: Places, horizon: int) -> dict[str, NDArray[Any]]:
        to_end = places.last - places.start
        bootstrap = to_end >= horizon
        first_of_episode = np.where(places.episode > 0, self.cache.ends[places.episode - 1], 0)
        return {
            "steps_ahead": np.minimum(to_end, horizon),
            "steps_to_end": to_end,
            "bootstrap": bootstrap,
            "terminal": places.terminal & ~bootstrap,
            "phase": self.cache.labels.phase[places.start],
            "episode": places.episode,
            "step": places.start - first_of_episode,
        }

    def column(self, key: str) -> NDArray[Any]:
        """A key over all steps of the cache."""
        return self.cache.labels.phase if key == PHASE_KEY else self.cache.columns[key]
