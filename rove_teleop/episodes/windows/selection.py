"""Which training steps windows are made of, by phase, authority, outcome, split, exclusion and what was recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...types import Authority, Phase
from ..attributes import OUTCOMES
from .cache import FlatCache
from .cache_labels import EXCLUDED

AUTHORITY_KEY = "control/authority"
NEVER_TRAINED = (Phase.PAUSED, Phase.REWIND)
_Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which steps windows are made of; None is everything that may be trained on.

    A step that is not selected belongs to no window: windows end before it. ``start_phases`` narrows only where windows
    start. ``outcomes`` leaves out discarded episodes unless named. A step where a requested key was not recorded or is
    not finite is not selected, unless the key is in ``nan_allowed``. Windows start only where every camera has an image
    that is not older than ``max_image_age_s``.
    """

    phases: Sequence[str] | None = None
    start_phases: Sequence[str] | None = None
    authorities: Sequence[str] | None = None
    outcomes: Sequence[str] | None = None
    splits: Sequence[str] | None = None
    nan_allowed: Sequence[str] = ()
    max_image_age_s: float = 0.5


def codes(names: Sequence[str], known: type[Phase] | type[Authority], what: str) -> list[int]:
    """The stored numbers of these names.

    Raises:
        UsageError: a name that is none of them.
    """
    listed = {item.name.lower(): int(item) for item in known}
    for name in names:
        if name not in listed:
            raise UsageError(f"there is no {what} '{name}'; there are {', '.join(listed)}")
    return [listed[name] for name in names]


def usable_steps(cache: FlatCache, selection: Selection, cameras: Collection[str]) -> tuple[_Bools, dict[str, int]]:
    """Which steps are selected, (steps,), and how many are left out for which reason (the first that applies)."""
    usable = np.ones(len(cache.labels.phase), np.bool_)
    left_out: dict[str, int] = {}
    for reason, mask in _conditions(cache, selection, cameras):
        count = int(np.count_nonzero(usable & ~mask))
        if count:
            left_out[reason] = count
        usable &= mask
    return usable, left_out


def _conditions(cache: FlatCache, selection: Selection, cameras: Collection[str]) -> Iterator[tuple[str, _Bools]]:
    steps = np.diff(cache.ends, prepend=0)
    readable = np.array([item.name not in cache.skipped for item in cache.labels.episodes], dtype=np.bool_)
    yield "episode skipped", np.repeat(readable, steps)
    yield "episode not selected", np.repeat(_episodes_selected(cache, selection), steps)
    yield "excluded", (cache.labels.flags & EXCLUDED) == 0
    yield "phase not selected", in_phases(cache, selection.phases)
    if selection.authorities is not None:
        chosen = codes(selection.authorities, Authority, "authority")
        yield "authority not selected", np.isin(cache.columns[AUTHORITY_KEY], chosen)
    for key, whole in cache.whole.items():
        if key not in cameras and key not in selection.nan_allowed and not key.startswith("steps/"):
            yield f"{key} not recorded or not finite", whole


def in_phases(cache: FlatCache, names: Sequence[str] | None) -> _Bools:
    if names is None:
        return ~np.isin(cache.labels.phase, NEVER_TRAINED)
    chosen = codes(names, Phase, "phase")
    for phase in NEVER_TRAINED:
        if phase in chosen:
            raise UsageError(f"phase '{phase.name.lower()}' is never trained on: nobody's skill is in it")
    return np.isin(cache.labels.phase, chosen)


def _episodes_selected(cache: FlatCache, selection: Selection) -> _Bools:
    outcomes = selection.outcomes or [outcome for outcome in OUTCOMES if outcome != "discarded"]
    for outcome in outcomes:
        if outcome not in OUTCOMES:
            raise UsageError(f"there is no outcome '{outcome}'; there are {', '.join(OUTCOMES)}")
    labels = cache.labels.episodes
    splits = {item.split for item in labels}
    for split in selection.splits or ():
        if split not in splits:
            raise UsageError(f"{cache.root}: no episode is in split '{split}'; there are {sorted(splits)}")
    return np.array(
        [item.outcome in outcomes and (selection.splits is None or item.split in selection.splits) for item in labels],
        dtype=np.bool_,
    )
