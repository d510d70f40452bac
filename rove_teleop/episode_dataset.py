"""Recorded episodes for PyTorch: windows of a dataset by key, phase, rate and camera, wired from cache to tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .episodes.windows.cache import open_cache
from .episodes.windows.cache_files import CachedEpisode
from .episodes.windows.images import ImageReader, Images
from .episodes.windows.pixels import decoded_packs
from .episodes.windows.sampling import Batches, summed_weights
from .episodes.windows.selection import AUTHORITY_KEY, Selection
from .episodes.windows.weights import Weights, window_weights
from .episodes.windows.windows import PHASE_KEY, Windows
from .errors import UsageError
from .training.episode_dataset import WindowDataset
from .types import Array

_Numbers = NDArray[np.int64]
Keys = Sequence[str] | Mapping[str, Sequence[int]]
MEASURED, SENT = "control/q_measured_rad", "control/q_sent_rad"


class EpisodeDataset(WindowDataset):
    """The windows of a recorded dataset as tensors; docs/training_data.md tells what a window is.

    ``keys`` maps names to offsets in training steps from the window's start, ``{"control/q_sent_rad": range(16)}``; a
    plain list of names means all steps from the start to its end after ``horizon`` steps, both included. Without it:
    the measured joints at start and end, and the commands in between. ``phases``, ``cameras`` and the rest choose
    windows as ``Selection`` says; ``weights`` how often each is drawn, as ``episodes.weights`` says. ``revision`` and
    ``author`` choose whose labels count. ``keep_decoded`` keeps the images decoded beside the cache: several times
    faster to read, for height x width x 3 bytes of disk per image (of about ``image_size`` where given). ``skipped``
    lists episodes that were left out because they are damaged, ``left_out`` counts the steps no window starts at.

    Raises:
        DatasetInvalid: no dataset, or no readable episode in it.
        UsageError: a key, rate, phase, split or weight that does not fit, or no window is left.
    """

    def __init__(
        self,
        root: Path | str,
        keys: Keys | None = None,
        horizon: int = 16,
        rate_hz: float = 50.0,
        phases: Sequence[str] | None = None,
        revision: int | None = None,
        cameras: Sequence[str] = (),
        *,
        author: str | None = None,
        start_phases: Sequence[str] | None = None,
        authorities: Sequence[str] | None = None,
        outcomes: Sequence[str] | None = None,
        splits: Sequence[str] | None = None,
        nan_allowed: Sequence[str] = (),
        max_image_age_s: float = 0.5,
        weights: Weights | None = None,
        image_size: tuple[int, int] | None = None,
        image_float: bool = False,
        keep_decoded: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        offsets = checked_offsets(keys, horizon)
        packs = [f"cameras/{name}" for name in cameras]
        stored = list(dict.fromkeys([*offsets, AUTHORITY_KEY, *packs]))
        cache = open_cache(Path(root), [key for key in stored if key != PHASE_KEY], rate_hz, revision, author, progress)
        selection = Selection(phases, start_phases, authorities, outcomes, splits, nan_allowed, max_image_age_s)
        self.windows = Windows(cache, selection, packs)
        self.episodes: tuple[CachedEpisode, ...] = cache.episodes
        self.skipped: dict[str, str] = cache.skipped
        self.left_out: dict[str, int] = self.windows.left_out
        decoded = (
            decoded_packs(cache.folder.parent / "pixels", cache.root, cache.episodes, packs, image_size, progress)
            if keep_decoded
            else {}
        )
        reader = ImageReader(cache.root, decoded=decoded)
        super().__init__(_Source(self.windows, offsets, horizon, packs, reader, weights), image_size, image_float)


class _Source:
    """What the PyTorch side asks of the episodes' side."""

    def __init__(
        self,
        windows: Windows,
        offsets: Mapping[str, _Numbers],
        horizon: int,
        packs: Sequence[str],
        reader: ImageReader,
        weights: Weights | None,
    ) -> None:
        self._windows, self._offsets, self._horizon, self._packs = windows, offsets, horizon, packs
        # Summed at once: a weight that fits nothing is refused now, and a function need not travel to other processes.
        self._cumulative: Array | None = None if weights is None else summed_weights(window_weights(windows, weights))
        self._reader = reader

    def __len__(self) -> int:
        return len(self._windows)

    def read(self, number: _Numbers) -> dict[str, NDArray[Any]]:
        return self._windows.read(number, self._offsets, self._horizon)

    def images(self, number: _Numbers, least: tuple[int, int] | None, as_float: bool) -> dict[str, Images]:
        if not self._packs:
            return {}
        places = self._windows.places(number)
        names = [self._windows.cache.episodes[episode].name for episode in places.episode.tolist()]
        wanted = {pack: list(zip(names, self._windows.column(pack)[places.start], strict=True)) for pack in self._packs}
        return {pack: self._reader.read(pack, listed, least, as_float) for pack, listed in wanted.items()}

    def batches(self, batch_size: int, seed: int, rank: int, world: int) -> Batches:
        return Batches(len(self), batch_size, seed, rank, world, self._cumulative)


def checked_offsets(keys: Keys | None, horizon: int) -> dict[str, _Numbers]:
    """Offsets in steps per key; keys with the same offsets share one array.

    Raises:
        UsageError: no key, a horizon below 1, or offsets that are not whole numbers.
    """
    if horizon < 1:
        raise UsageError(f"horizon must be 1 step or more, got {horizon}")
    if keys is None:
        keys = {MEASURED: (0, horizon), SENT: range(horizon)}
    if isinstance(keys, str):
        raise UsageError(f"keys must be a list of names or map names to steps, got the text '{keys}'")
    listed = keys if isinstance(keys, Mapping) else dict.fromkeys(keys, range(horizon + 1))
    if not listed:
        raise UsageError("keys names nothing to read")
    shared: dict[tuple[int, ...], _Numbers] = {}
    result = {}
    for key, steps in listed.items():
        if not len(steps) or not all(isinstance(step, int | np.integer) for step in steps):
            raise UsageError(f"'{key}' needs whole steps such as range({horizon}), got {steps!r}")
        result[key] = shared.setdefault(tuple(steps), np.array(steps, dtype=np.int64))
    return result
